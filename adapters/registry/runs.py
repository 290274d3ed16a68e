"""Runs, their steps, files and findings: what the run report is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from adapters.registry.arrival_tables import deliveries
from adapters.registry.bulk import load
from adapters.registry.files import as_inbound
from adapters.registry.tables import files, findings, run_files, run_steps, runs
from jobs.errors import NotFound
from jobs.files import InboundFile
from jobs.job import Job
from jobs.runs import FileFacts, FindingCount, Run, RunStatus, Step, Unfinished

_ROWS_SHOWN = 20


class Runs:
    """Runs and what they leave for their reports."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def begin(self, run: Run, key: str, owner: str | None = None) -> Run:
        """Record the run, or return the one that has this key already (a retry of the same run)."""
        known = self._db.execute(select(runs).where(runs.c.job == run.job, runs.c.key == key)).first()
        if known is not None:
            return _run(known)
        self._db.execute(
            insert(runs).values(
                id=run.id,
                job=run.job,
                key=key,
                provider=run.provider,
                actor=run.actor,
                dry_run=run.dry_run,
                order_number=run.order,
                batch_number=run.batch,
                status=RunStatus.RUNNING,
                started_at=run.started_at,
                owner=owner,
            )
        )
        return run

    def get(self, run_id: str) -> Run:
        row = self._db.execute(select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise NotFound(f"there is no run {run_id!r}")
        return _run(row)

    def unfinished(self, job: Job, provider: str | None) -> list[Unfinished]:
        """Runs of the job (and provider) that have not ended, oldest first."""
        same_provider = runs.c.provider.is_(None) if provider is None else runs.c.provider == provider
        statement = select(runs).where(runs.c.job == job, same_provider, runs.c.status == RunStatus.RUNNING)
        found = self._db.execute(statement.order_by(runs.c.started_at, runs.c.id))
        return [Unfinished(_run(row), row.key, row.owner) for row in found]

    def recent(self, limit: int) -> list[Run]:
        """Newest runs first."""
        return [
            _run(row)
            for row in self._db.execute(select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit))
        ]

    def ended_since(self, job: Job, status: RunStatus, moment: datetime) -> bool:
        """Whether a run of the job ended like this at `moment` or later."""
        statement = select(func.count()).where(
            runs.c.job == job, runs.c.status == status, runs.c.ended_at >= moment, ~runs.c.dry_run
        )
        return bool(self._db.execute(statement).scalar_one())

    def end(self, run_id: str, status: RunStatus, now: datetime, report: Mapping[str, Any]) -> None:
        self._db.execute(
            update(runs).where(runs.c.id == run_id).values(status=status, ended_at=now, report=dict(report))
        )

    def report_of(self, run_id: str) -> Mapping[str, Any]:
        """The report as `end` was given it. Raises NotFound while the run has none."""
        report = self._db.execute(select(runs.c.report).where(runs.c.id == run_id)).scalar_one_or_none()
        if report is None:
            raise NotFound(f"run {run_id!r} has no report")
        return dict(report)

    def record_step(
        self,
        run_id: str,
        position: int,
        step: Step,
        *,
        validations: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """What a step did; a retried step replaces its earlier row."""
        self._db.execute(delete(run_steps).where(run_steps.c.run_id == run_id, run_steps.c.name == step.name))
        self._db.execute(
            insert(run_steps).values(
                run_id=run_id,
                name=step.name,
                position=position,
                done=step.done,
                status=step.status,
                message=step.message,
                counts=dict(step.counts),
                validations=list(validations),
            )
        )

    def steps_of(self, run_id: str) -> list[tuple[Step, list[dict[str, Any]]]]:
        """Steps in order, each with its validations."""
        found = self._db.execute(select(run_steps).where(run_steps.c.run_id == run_id).order_by(run_steps.c.position))
        return [
            (Step(row.name, row.done, row.message, row.counts, RunStatus(row.status)), row.validations) for row in found
        ]

    def touch_file(self, run_id: str, file_id: int, note: str = "") -> None:
        """Show the file in the run's report."""
        key = (run_files.c.run_id == run_id) & (run_files.c.file_id == file_id)
        if self._db.execute(select(run_files.c.file_id).where(key)).first() is None:
            self._db.execute(insert(run_files).values(run_id=run_id, file_id=file_id, note=note))

    def files_of(self, run_id: str) -> list[FileFacts]:
        statement = (
            select(files, run_files.c.note)
            .join(run_files, run_files.c.file_id == files.c.id)
            .where(run_files.c.run_id == run_id)
            .order_by(files.c.id)
        )
        came = select(deliveries.c.file_id, deliveries.c.name).where(deliveries.c.run_id == run_id)
        names: dict[int, list[str]] = {}
        for row in self._db.execute(came.order_by(deliveries.c.id)):
            names.setdefault(row.file_id, []).append(row.name)
        return [
            FileFacts(
                name=row.name,
                state=row.note or row.state,
                sha256=row.sha256,
                read=row.rows_read,
                passed=row.rows_passed,
                failed=row.rows_failed,
                duplicate=row.rows_duplicate,
                reason=row.reason,
                other_names=sorted({name for name in names.get(row.id, ()) if name != row.name}),
            )
            for row in self._db.execute(statement)
        ]

    def inbound_files_of(self, run_id: str) -> list[InboundFile]:
        """Files this run handled for the first time, not those it found to be known already."""
        statement = (
            select(files)
            .join(run_files, run_files.c.file_id == files.c.id)
            .where(run_files.c.run_id == run_id, run_files.c.note == "")
            .order_by(files.c.id)
        )
        return [as_inbound(row) for row in self._db.execute(statement)]

    def add_findings(self, run_id: str, file_id: int | None, source: str, found: pa.Table) -> None:
        """`found` follows `formats.findings.FINDINGS_SCHEMA`; `source` names the file or batch."""
        size = found.num_rows
        table = pa.table(
            {
                "run_id": pa.array([run_id] * size, pa.string()),
                "file_id": pa.array([file_id] * size, pa.int64()),
                "source": pa.array([source] * size, pa.string()),
                "row": found["row"],
                "column": found["column"],
                "code": found["code"],
            }
        )
        load(self._db, findings, table)

    def finding_counts(self, run_id: str) -> list[FindingCount]:
        """Findings by file and code with the first row numbers."""
        position = func.row_number().over(
            partition_by=(findings.c.source, findings.c.code), order_by=(findings.c.row, findings.c.id)
        )
        total = func.count().over(partition_by=(findings.c.source, findings.c.code))
        ranked = (
            select(findings.c.source, findings.c.code, findings.c.row, position.label("position"), total.label("total"))
            .where(findings.c.run_id == run_id)
            .subquery()
        )
        statement = (
            select(ranked)
            .where(ranked.c.position <= _ROWS_SHOWN)
            .order_by(ranked.c.source, ranked.c.code, ranked.c.position)
        )
        grouped: dict[tuple[str, str], tuple[int, list[int]]] = {}
        for row in self._db.execute(statement):
            _, rows = grouped.setdefault((row.source, row.code), (row.total, []))
            if row.row:  # 0: the file as a whole
                rows.append(row.row)
        columns = self._finding_columns(run_id)
        return [
            FindingCount(*key, count, rows, columns.get(key, ())[:_ROWS_SHOWN])
            for key, (count, rows) in grouped.items()
        ]

    def _finding_columns(self, run_id: str) -> dict[tuple[str, str], list[str]]:
        """Names of the columns that findings of one source and code are about, first ones first."""
        chosen = (findings.c.run_id == run_id, findings.c.column.is_not(None))
        statement = select(findings.c.source, findings.c.code, findings.c.column).where(*chosen)
        grouped = statement.group_by(findings.c.source, findings.c.code, findings.c.column)
        named: dict[tuple[str, str], list[str]] = {}
        for source, code, column in self._db.execute(grouped.order_by(func.min(findings.c.id))):
            named.setdefault((source, code), []).append(column)
        return named


def _run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        job=Job(row.job),
        provider=row.provider,
        actor=row.actor,
        started_at=row.started_at,
        dry_run=row.dry_run,
        order=row.order_number,
        batch=row.batch_number,
        status=RunStatus(row.status),
    )
