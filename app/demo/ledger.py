"""What the registry says about the demo's order file. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, Table, func, or_, select

from adapters.registry.engine import for_reading
from adapters.registry.tables import (
    batches,
    device_events,
    files,
    findings,
    lines,
    order_lines,
    orders,
    outcomes,
    runs,
)
from jobs.files import FileKind
from jobs.job import Job
from jobs.runs import RunStatus
from jobs.states import REFUSED_BUCKET, LineState

_OPEN = (LineState.WAITING, LineState.SEALED, LineState.SENT)
_COUNTED = (order_lines, batches, outcomes, device_events)


@dataclass
class BatchResult:
    """One batch with devices of the file: its state, and how many lines are in which state."""

    number: str
    state: str
    lines: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class RunFacts:
    """A run that worked on the file."""

    id: str
    job: Job
    status: RunStatus


class Ledger:
    """Looks at one order file, known by the SHA-256 of its bytes."""

    def __init__(self, engine: Engine, digest: str) -> None:
        self._engine = for_reading(engine)
        self._file = select(files.c.id).where(files.c.kind == FileKind.ORDER_DISPATCH, files.c.sha256 == digest)
        self._lines = order_lines.c.file_id.in_(self._file)
        self._batches = (
            select(lines.c.batch_id)
            .join(order_lines, order_lines.c.id == lines.c.order_line_id)
            .where(self._lines, ~lines.c.released)
        )

    def is_loaded(self) -> bool:
        return bool(self._rows(self._file))

    def open_lines(self) -> int:
        """Lines of this and every other file that wait, are under way, or wait for their answer."""
        return self._number(select(func.count()).where(order_lines.c.state.in_(_OPEN)))

    def sizes(self) -> Mapping[str, int]:
        """Rows of the tables that only new work may grow."""
        return {_words(table): self._number(select(func.count()).select_from(table)) for table in _COUNTED}

    def buckets(self) -> Counter[str]:
        """Where the rows of the file are."""
        states = select(order_lines.c.state, func.count()).where(self._lines).group_by(order_lines.c.state)
        refused = select(files.c.rows_failed).where(files.c.id.in_(self._file))
        counted = Counter({str(state): int(number) for state, number in self._rows(states)})
        counted[REFUSED_BUCKET] = sum(int(number) for (number,) in self._rows(refused))
        return counted

    def batches(self) -> Sequence[BatchResult]:
        """The batches with lines of the file, in the order they were made."""
        statement = (
            select(batches.c.id, batches.c.number, batches.c.state, order_lines.c.state, func.count())
            .select_from(
                lines.join(batches, batches.c.id == lines.c.batch_id).join(
                    order_lines, order_lines.c.id == lines.c.order_line_id
                )
            )
            .where(self._lines, ~lines.c.released)
            .group_by(batches.c.id, batches.c.number, batches.c.state, order_lines.c.state)
            .order_by(batches.c.id)
        )
        found: dict[int, BatchResult] = {}
        for batch_id, number, state, line_state, count in self._rows(statement):
            found.setdefault(batch_id, BatchResult(number, state)).lines[line_state] += count
        return list(found.values())

    def submitted(self) -> Counter[str]:
        """Lines of the file that are in batches, by request type."""
        statement = (
            select(orders.c.request_type, func.count())
            .select_from(
                lines.join(order_lines, order_lines.c.id == lines.c.order_line_id).join(
                    orders, orders.c.id == order_lines.c.order_id
                )
            )
            .where(self._lines, ~lines.c.released)
            .group_by(orders.c.request_type)
        )
        return Counter({str(kind): int(number) for kind, number in self._rows(statement)})

    def sent_batches(self, provider: str) -> int:
        """How many batches the provider was ever sent."""
        sent = batches.c.sent_at.is_not(None)
        return self._number(select(func.count()).where(batches.c.provider == provider, sent))

    def intake_findings(self) -> Counter[str]:
        """Findings in the order file, by code."""
        return self._findings(findings.c.file_id.in_(self._file))

    def answer_findings(self) -> Counter[str]:
        """Findings in the answers to the file's batches, by code."""
        return self._findings(findings.c.file_id.in_(self._answers()))

    def runs(self) -> Sequence[RunFacts]:
        """The runs that loaded the file, made its batches and fetched their answers, in their order."""
        statement = (
            select(runs.c.id, runs.c.job, runs.c.status)
            .where(
                or_(
                    runs.c.id.in_(select(files.c.run_id).where(files.c.id.in_(self._file))),
                    runs.c.id.in_(select(batches.c.run_id).where(batches.c.id.in_(self._batches))),
                    runs.c.id.in_(select(files.c.run_id).where(files.c.id.in_(self._answers()))),
                )
            )
            .order_by(runs.c.started_at, runs.c.id)
        )
        return [RunFacts(run, Job(job), RunStatus(status)) for run, job, status in self._rows(statement)]

    def _answers(self) -> Select[Any]:
        return select(files.c.id).where(files.c.kind == FileKind.RESPONSE, files.c.batch_id.in_(self._batches))

    def _findings(self, chosen: ColumnElement[bool]) -> Counter[str]:
        statement = select(findings.c.code, func.count()).group_by(findings.c.code).where(chosen)
        return Counter({str(code): int(number) for code, number in self._rows(statement)})

    def _number(self, statement: Select[Any]) -> int:
        return int(self._rows(statement)[0][0])

    def _rows(self, statement: Select[Any]) -> Sequence[tuple[Any, ...]]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]


def _words(table: Table) -> str:
    return table.name.replace("_", " ")
