"""An application that does what a test says, where the DAGs' and the plugin's own behaviour is the subject."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from jobs.errors import MusterError, NotFound
from jobs.job import Job
from jobs.runs import Conservation, Run, RunReport, RunStatus, Step
from jobs.upload import Uploader


@dataclass
class ScriptedApplication:
    """`steps` says how many items each step finds to do, or what it raises; `calls` is what was asked of it."""

    steps: dict[str, int | MusterError] = field(default_factory=dict)
    status: RunStatus = RunStatus.DONE
    runs: dict[str, Run] = field(default_factory=dict)
    answer: str | MusterError = "0" * 64
    begin_error: MusterError | None = None
    calls: list[tuple[object, ...]] = field(default_factory=list)

    @contextmanager
    def open(self) -> Iterator[ScriptedApplication]:
        yield self

    def begin(
        self,
        job: Job,
        *,
        provider: str | None,
        actor: str,
        dry_run: bool,
        order: str | None,
        batch: str | None,
        key: str,
    ) -> Run:
        self.calls.append(("begin", job, provider, actor, dry_run, order, batch, key))
        if self.begin_error:
            raise self.begin_error
        begun = Run("run-1", job, provider, actor, datetime(2026, 3, 1, tzinfo=UTC), dry_run, order, batch)
        self.runs[begun.id] = begun
        return begun

    def step(self, run_id: str, name: str) -> Step:
        self.calls.append(("step", run_id, name))
        done = self.steps.get(name, 1)
        if isinstance(done, MusterError):
            raise done
        return Step(name, done, "nothing was waiting" if done == 0 else "it is done", {"lines": done})

    def finish(self, run_id: str) -> tuple[RunReport, Path]:
        self.calls.append(("finish", run_id))
        self.runs[run_id] = replace(self.runs[run_id], status=self.status)
        return self.report(run_id), Path("report.html")

    def report(self, run_id: str) -> RunReport:
        if run_id not in self.runs:
            raise NotFound(f"there is no run {run_id!r}")
        run = self.runs[run_id]
        return RunReport(run, run.started_at, "Report", {"read": 1}, (), (), (), (), (), Conservation((), ()))

    def recent_runs(self, limit: int) -> list[Run]:
        return list(self.runs.values())[:limit]

    def report_html(self, report: RunReport) -> str:
        return f"<!doctype html><title>Report {report.run.id}</title>"

    @property
    def registry(self) -> ScriptedApplication:
        """Nobody was ever registered as an uploader."""
        return self

    @contextmanager
    def view(self) -> Iterator[ScriptedApplication]:
        yield self

    @property
    def uploads(self) -> ScriptedApplication:
        return self

    def uploader(self, email: str) -> Uploader:
        return Uploader(email)

    def was_removed(self, email: str) -> bool:
        return False

    def anybody_may(self) -> bool:
        return True

    def receive_answer(self, provider: str, body: bytes, actor: str) -> str:
        self.calls.append(("receive_answer", provider, body, actor))
        if isinstance(self.answer, MusterError):
            raise self.answer
        return self.answer
