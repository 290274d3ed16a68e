"""One run of the job bulk_upload as it is, with a clock at its ports.

`python -m bench.staged_upload HOME`. Reading is what the port of workbooks takes; of applying, what lies outside
transactions is checking.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.settings import Workspace
from app.bootstrap import Muster
from bench.timing import Stopwatch
from formats.workbook.read.grid import Workbook
from jobs.catalogue import STEPS
from jobs.job import Job
from jobs.ports import Workbooks
from jobs.registry import Registry, Transaction

_STAGES = {"collect_uploads": "collect", "apply_uploads": "check", "answer_uploads": "answer"}
REPORT = "report"


@dataclass(frozen=True)
class _TimedWorkbooks:
    """Implements `jobs.ports.Workbooks`."""

    workbooks: Workbooks
    watch: Stopwatch

    def read(self, data: bytes, sheet: str) -> Workbook:
        with self.watch.stage("read"):
            return self.workbooks.read(data, sheet)


@dataclass(frozen=True)
class _TimedRegistry:
    """Implements `jobs.registry.Registry`: transactions count as applying."""

    registry: Registry
    watch: Stopwatch

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self.watch.stage("apply"), self.registry.transaction() as tx:
            yield tx

    @contextmanager
    def view(self) -> Iterator[Transaction]:
        with self.registry.view() as tx:
            yield tx

    @contextmanager
    def rehearsal(self) -> Iterator[Transaction]:
        with self.registry.rehearsal() as tx:
            yield tx


def main() -> None:
    watch = Stopwatch()
    with Muster.open(Workspace(Path(sys.argv[1]))) as app:
        plain = app.exchange
        uploads = replace(plain.uploads, workbooks=_TimedWorkbooks(plain.uploads.workbooks, watch))
        run = app.begin(Job.BULK_UPLOAD, actor="bench")
        for name in STEPS[Job.BULK_UPLOAD]:
            timed = name == "apply_uploads"
            registry = _TimedRegistry(plain.registry, watch) if timed else plain.registry
            app.exchange = replace(plain, uploads=uploads, registry=registry)
            with watch.stage(_STAGES[name]):
                app.step(run.id, name)
        with watch.stage(REPORT):
            app.finish(run.id)
        with app.registry.view() as tx:
            counts = tx.uploads.history(1)[0].counts
    watch.report(changed=counts.changed, unchanged=counts.unchanged, failed=counts.failed)


if __name__ == "__main__":
    main()
