"""Runs: one execution of one job, its steps, and what it leaves in the run report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from formats.enrolment import BATCH_NUMBER_LENGTH, ORDER_NUMBER_LENGTH
from jobs.errors import NotFound
from jobs.job import Job


class RunStatus(StrEnum):
    """How a run or one of its steps ended. The command line's exit code follows from it."""

    RUNNING = "running"
    DONE = "done"
    NOTHING = "nothing to do"
    PARTLY = "partly failed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # killed, and closed by a later run


@dataclass(frozen=True)
class Run:
    """One run. `order` and `batch` narrow it to one order number or one batch number."""

    id: str
    job: Job
    provider: str | None
    actor: str
    started_at: datetime
    dry_run: bool = False
    order: str | None = None
    batch: str | None = None
    status: RunStatus = RunStatus.RUNNING

    def __post_init__(self) -> None:
        """Raises NotFound for a number that no order or batch can have."""
        for what, number, length in (
            ("order", self.order, ORDER_NUMBER_LENGTH),
            ("batch", self.batch, BATCH_NUMBER_LENGTH),
        ):
            if number is not None and (len(number) > length or not number.isprintable()):
                raise NotFound(
                    f"no {what} has the number {number[:length]!r}…: it is too long or holds control characters"
                )


LONGEST_RUN = timedelta(hours=24)
"""A run that began longer ago and has not ended is dead, wherever it was."""


@dataclass(frozen=True)
class Unfinished:
    """A run that has not ended: its key (`<schedule>/<id>`, or its own id), and the process that began it."""

    run: Run
    key: str
    owner: str | None  # not kept before there were owners of runs

    def is_over(self, schedule: str, now: datetime, is_dead: Callable[[str], bool]) -> bool:
        """Whether it can end no more. A schedule (a DAG; "" without one) has one run at a time."""
        if now - self.run.started_at > LONGEST_RUN:
            return True
        if own := schedule_of(self.key):
            return own == schedule
        return self.owner is not None and is_dead(self.owner)


def schedule_of(key: str) -> str:
    """The schedule that began the run of this key; "" for a run without one."""
    return key.rpartition("/")[0]


@dataclass(frozen=True)
class Step:
    """What one step did: how many items (0 = nothing to do), a line for the log, and how it ended."""

    name: str
    done: int
    message: str
    counts: Mapping[str, int] = field(default_factory=dict)
    status: RunStatus = RunStatus.DONE


ORDER_LINE = "order line"
"""The column of a finding about a line of an order, not about a row of a file."""


@dataclass(frozen=True)
class FindingCount:
    """Findings of one code in one file, or in one order: how many, the first row or line numbers, and columns."""

    file: str
    code: str
    count: int
    rows: Sequence[int]
    columns: Sequence[str] = ()  # not in reports of an earlier version

    @property
    def numbered(self) -> str:
        """What `rows` are numbers of."""
        return "line" if ORDER_LINE in self.columns else "row"


@dataclass(frozen=True)
class BatchFacts:
    """One batch as the run report shows it."""

    number: str
    state: str
    lines: int
    orders: int
    hash_total: int
    detail_sha256: str
    file_name: str
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class FileFacts:
    """One file that was read: rows passed, failed or known already, or why it was set aside."""

    name: str
    state: str
    sha256: str
    read: int
    passed: int
    failed: int
    duplicate: int
    reason: str = ""
    other_names: Sequence[str] = ()  # under which the same bytes came in this run


@dataclass(frozen=True)
class ExpectationResult:
    """One Great Expectations expectation: counts only, never a value."""

    expectation: str
    column: str
    success: bool
    evaluated: int
    unexpected: int


@dataclass(frozen=True)
class Validation:
    """The Great Expectations suite that ran over one table of this run."""

    subject: str
    suite: str
    rows: int
    success: bool
    results: Sequence[ExpectationResult]


@dataclass(frozen=True)
class Bucket:
    """One bucket of the conservation count, of instructions or of devices."""

    name: str
    count: int


@dataclass(frozen=True)
class ConservationCheck:
    """One identity that must hold; `left` and `right` are its two sides."""

    name: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        return self.left == self.right


@dataclass(frozen=True)
class Conservation:
    """Where every instruction is (an order's on a device), the state of every ordered device, and the proofs."""

    buckets: Sequence[Bucket]
    checks: Sequence[ConservationCheck]
    devices: Sequence[Bucket] = ()  # by state; not in reports of an earlier version

    @property
    def total(self) -> int:
        """Instructions, and rows that became none."""
        return sum(bucket.count for bucket in self.buckets)

    @property
    def device_total(self) -> int:
        return sum(bucket.count for bucket in self.devices)

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)


@dataclass(frozen=True)
class RunReport:
    """Everything the report page shows. Holds no identifiers and no cell values."""

    run: Run
    ended_at: datetime
    title: str
    totals: Mapping[str, int]  # read, passed, failed, sent, applied …, in the order to show
    steps: Sequence[Step]
    files: Sequence[FileFacts]
    batches: Sequence[BatchFacts]
    findings: Sequence[FindingCount]
    validations: Sequence[Validation]
    conservation: Conservation
