"""The registry port: what the use cases ask of the database, one transaction at a time.

Implemented by `adapters.registry`; the shapes of tables that cross it are declared in
`jobs.intake` and `jobs.resolution`, or beside the method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa

from formats.template import Known, Lookup, Write
from jobs.attempts import Attempts
from jobs.batches import Batch
from jobs.files import Arrival, Delivery, InboundFile, Unsettled
from jobs.holds import Holds
from jobs.job import Job
from jobs.resolution import Decision
from jobs.runs import Conservation, ConservationCheck, FileFacts, FindingCount, Run, RunStatus, Step, Unfinished
from jobs.states import BatchState, FileState, LineState
from jobs.upload_ledger import Uploads


class Intake(Protocol):
    """Order lines on their way in."""

    def enrich(self, rows: pa.Table) -> pa.Table:
        """`rows` (order dispatch columns + row) with what the registry knows: `jobs.intake.ENRICHMENT`."""

    def insert_rows(self, rows: pa.Table, file_id: int) -> int:
        """Insert accepted rows (order dispatch columns, row, content_sha256); returns new lines."""

    def keep_refused(self, traces: pa.Table, file_id: int) -> None:
        """Refused rows of the file, to be found by an identifier: `formats.traces.traces`."""


class Claims(Protocol):
    """Waiting lines on their way into batches."""

    def eligible_lines(self, provider: str, order_number: str | None) -> pa.Table:
        """Waiting lines whose turn has come (`ELIGIBLE`), oldest order first; whole overrides and voids only."""

    def request_details(self, line_ids: Sequence[int]) -> pa.Table:
        """The request records of these order lines (D layout without record type and line number),"""

    def settle_unsent(self, settled: Mapping[int, tuple[LineState, str | None]]) -> int:
        """Waiting lines that end without being sent: order line id → state and reason. Returns how many moved."""

    def claim(self, batch_id: int, claimed: pa.Table) -> int:
        """Put lines (order_line_id, device_id, device_key) into the batch; returns how many were WAITING."""


class Batches(Protocol):
    """The ledger of batches."""

    def next_sequence(self, provider: str) -> int:
        """Take the provider's next outbound sequence number; it is void if the transaction is."""

    def create(self, *, provider: str, sequence: int, number: str, file_name: str, run_id: str, now: datetime) -> int:
        """A batch in CREATING with nothing in it yet; returns its id."""

    def move(self, batch_id: int, before: BatchState, after: BatchState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""

    def mark_sent(self, batch_id: int) -> int:
        """The batch's lines go from SEALED to SENT; returns how many."""

    def release_lines(self, batch_id: int) -> int:
        """The lines of a cancelled batch wait again; returns how many."""

    def in_states(self, provider: str, states: Sequence[BatchState], number: str | None = None) -> list[Batch]:
        """The provider's batches in these states, oldest first."""

    def find(self, number: str) -> Batch | None:
        """The batch of that number, if there is one."""

    def by_id(self, batch_id: int) -> Batch: ...

    def line_ids(self, batch_id: int) -> list[int]:
        """Order lines of the batch in line order."""

    def outcome_counts(self, batch_id: int) -> dict[str, int]:
        """How many lines of the batch are in which state."""

    def order_numbers(self, batch_id: int) -> list[str]: ...

    def add_evidence(self, batch_id: int, kind: str, facts: Mapping[str, object], now: datetime) -> None: ...

    def evidence_of(self, batch_id: int) -> list[dict[str, Any]]: ...

    def touch(self, run_id: str, batch_id: int) -> None:
        """Show the batch in the run's report."""

    def made_by(self, run_id: str) -> list[Batch]:
        """Batches this run sealed."""

    def of_run(self, run_id: str) -> list[Batch]: ...


class Files(Protocol):
    """The ledger of inbound files."""

    def claim(self, arrival: Arrival, run_id: str, now: datetime) -> InboundFile:
        """A row for the file, or the row that has the same bytes already (`new` says which). Notes its delivery."""

    def deliveries(self, file_id: int) -> list[Delivery]:
        """Each time the file came, oldest first."""

    def get(self, file_id: int) -> InboundFile:
        """Raises NotFound."""

    def move(self, file_id: int, before: FileState, after: FileState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""

    def describe(self, file_id: int, **values: Any) -> None:
        """Fill in what was learned about the file: counts, sequence, batch, signer."""

    def count(self, file_id: int, *, read: int, passed: int, duplicate: int, failed: int) -> None:
        """Add rows to what is counted of the file already."""

    def in_states(self, kind: str, provider: str, states: Sequence[FileState]) -> list[InboundFile]:
        """Oldest first."""

    def set_aside(self, file: InboundFile, code: str, reason: str, now: datetime) -> bool:
        """Quarantine the file: it is held, whole, in the archive. False if it is held for that code already."""

    def held_for(self, provider: str, codes: Sequence[str]) -> list[InboundFile]:
        """Answers of the provider that are in quarantine for one of these codes, by their sequence numbers."""

    def supersede(self, file: InboundFile, sequence: int) -> list[InboundFile]:
        """Other answers in quarantine with this number leave it and lose the number to `file`; returns them."""

    def keep_sequence(self, file: InboundFile, sequence: int) -> None:
        """A file set aside has used its number, unless another bears it."""

    def rest(self, file_id: int) -> None:
        """An applied file whose remote copy was put away while it was in quarantine is DONE."""

    def release(self, file_id: int) -> None:
        """The file was applied after all: it waits in quarantine no more."""

    def to_put_away(self, provider: str) -> list[InboundFile]:
        """Settled answers whose remote copy has not been moved yet."""

    def put_away(self, file_id: int) -> None:
        """The remote copy lies in the done folder: an applied file is DONE."""

    def held(self) -> list[dict[str, Any]]:
        """What waits in quarantine, oldest first."""

    def sequence_taken(self, provider: str, sequence: int, file_id: int) -> bool:
        """Another file of the provider has this sequence number, and is not in quarantine."""

    def highest_sequence(self, provider: str, unless: str) -> int:
        """Highest answer sequence number seen from the provider, 0 before the first; without files that are in
        quarantine for the code `unless`."""


class UnsettledFiles(Protocol):
    """Files that have not settled where they lie: remembered from look to look."""

    def of(self, scope: str) -> dict[str, Unsettled]:
        """What the last look of that scope left, by place."""

    def keep(self, scope: str, waiting: Mapping[str, Unsettled]) -> None:
        """Remember these, and forget what else the scope had."""


class Answers(Protocol):
    """Answers to batches."""

    def lines_of(self, batch_id: int) -> pa.Table:
        """The live lines of a batch (`jobs.resolution.LINES`)."""

    def apply(self, file_id: int, decisions: Sequence[Decision], now: datetime) -> int:
        """Apply decisions to lines that still wait (SENT). Returns how many lines were settled."""

    def doubt_left_out(self, file_id: int, reason: str) -> int:
        """Put lines into review whose devices an override of the file may have removed. Returns how many."""

    def keep_envelope(self, file_id: int, batch_id: int, records: Sequence[Mapping[str, str | None]]) -> None:
        """Keep the results above the devices as they came."""

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Workflow events, in the transaction of the outcomes they tell of."""

    def waiting(self, batch_id: int) -> int:
        """Lines of the batch that still wait for their result."""

    def settle_locally(self, line_ids: Sequence[int], now: datetime) -> None:
        """Lines found to hold already (UNCHANGED without being sent) count as decided for their devices."""


class Runs(Protocol):
    """Runs and what they leave for their reports."""

    def begin(self, run: Run, key: str, owner: str | None = None) -> Run:
        """Record the run, or return the one that has this key already (a retry of the same run)."""

    def get(self, run_id: str) -> Run: ...

    def ended_since(self, job: Job, status: RunStatus, moment: datetime) -> bool:
        """Whether a run of the job ended like this at `moment` or later."""

    def unfinished(self, job: Job, provider: str | None) -> list[Unfinished]:
        """Runs of the job (and provider) that have not ended, oldest first."""

    def recent(self, limit: int) -> list[Run]:
        """Newest runs first."""

    def end(self, run_id: str, status: RunStatus, now: datetime, report: Mapping[str, Any]) -> None: ...

    def report_of(self, run_id: str) -> Mapping[str, Any]:
        """The report as `end` was given it. Raises NotFound while the run has none."""

    def record_step(
        self, run_id: str, position: int, step: Step, *, validations: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        """What a step did; a retried step replaces its earlier row."""

    def steps_of(self, run_id: str) -> list[tuple[Step, list[dict[str, Any]]]]:
        """Steps in order, each with its validations."""

    def touch_file(self, run_id: str, file_id: int, note: str = "") -> None:
        """Show the file in the run's report."""

    def files_of(self, run_id: str) -> list[FileFacts]: ...

    def inbound_files_of(self, run_id: str) -> list[InboundFile]:
        """Files this run handled for the first time, not those it found to be known already."""

    def add_findings(self, run_id: str, file_id: int | None, source: str, found: pa.Table) -> None:
        """`found` follows `formats.findings.FINDINGS_SCHEMA`; `source` names the file or batch."""

    def finding_counts(self, run_id: str) -> list[FindingCount]:
        """Findings by file and code with the first row numbers."""


class AuditTrail(Protocol):
    """The append-only, hash-chained trail."""

    def append(
        self,
        *,
        actor: str,
        action: str,
        subject: str,
        now: datetime,
        reason: str = "",
        facts: Mapping[str, object] | None = None,
    ) -> None:
        """Add one row. The number is given under the lock, or parallel writers would break the chain."""

    def head(self) -> tuple[int, str] | None:
        """Number and hash of the newest row."""

    def hash_of(self, number: int) -> str | None:
        """Hash of the row of that number, if there is one."""

    def breaks(self) -> list[int]:
        """Numbers of rows that were changed, or stand after a removed one. Empty: the chain holds."""


class Leases(Protocol):
    """Who works on what."""

    def take(self, name: str, owner: str, now: datetime, term: timedelta, dead: bool) -> None:
        """Take or renew the lease. `dead`: the present owner is known to have died. Raises ProviderBusy."""

    def renew(self, name: str, owner: str, now: datetime, term: timedelta) -> None:
        """Raises ProviderBusy if the lease is another's."""

    def owner_of(self, name: str) -> str | None: ...

    def release(self, name: str, owner: str) -> None: ...


class ConservationCount(Protocol):
    """The count and its proofs."""

    def count(self) -> Conservation:
        """Buckets over everything ever ordered, and every identity checked from independent tables."""

    def hash_totals(self, batch_ids: Sequence[int]) -> ConservationCheck:
        """The hash totals in the ledger against the lines, counted again, for the batches of one run."""


class Records(Protocol):
    """What staff's uploads look up and write, set by set."""

    def known(self, rows: pa.Table, lookups: Mapping[str, Lookup]) -> Known:
        """What the registry knows of the rows (columns of a template, and `row`), one table per lookup."""

    def write(self, write: Write) -> int:
        """Carry out one write; returns the records it reached.

        Raises StateMoved if a record or a reference is not there, or one collides with another; then
        nothing of the transaction may be kept.
        """

    def offers(self, name: str) -> list[str]:
        """Values in use for a drop-down, sorted; none for a list that is not known."""


class Recovery(Protocol):
    """What a registry restored from a backup is told of what it has forgotten."""

    def sequence(self, provider: str) -> int:
        """The highest sequence number the provider's batches have here."""

    def skip(self, provider: str, sequence: int) -> None:
        """The next number is above `sequence`."""

    def known_files(self) -> set[str]:
        """Digests of every file on record, in and out."""


class Transaction(Protocol):
    """All tables, inside one transaction: it commits when the block ends and rolls back on an error."""

    @property
    def intake(self) -> Intake: ...

    @property
    def claims(self) -> Claims: ...

    @property
    def batches(self) -> Batches: ...

    @property
    def attempts(self) -> Attempts: ...

    @property
    def files(self) -> Files: ...

    @property
    def unsettled(self) -> UnsettledFiles: ...

    @property
    def answers(self) -> Answers: ...

    @property
    def runs(self) -> Runs: ...

    @property
    def uploads(self) -> Uploads: ...

    @property
    def audit(self) -> AuditTrail: ...

    @property
    def recovery(self) -> Recovery: ...

    @property
    def holds(self) -> Holds: ...

    @property
    def leases(self) -> Leases: ...

    @property
    def conservation(self) -> ConservationCount: ...

    @property
    def records(self) -> Records: ...


class Registry(Protocol):
    def transaction(self) -> AbstractContextManager[Transaction]: ...

    def view(self) -> AbstractContextManager[Transaction]:
        """A transaction that only reads: all it reads is of one moment, and it waits for no writer."""

    def rehearsal(self) -> AbstractContextManager[Transaction]:
        """A transaction that is always rolled back: for dry runs."""
