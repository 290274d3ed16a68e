"""Bulk uploads as the jobs see them: who may send what, how far an upload is, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from zoneinfo import ZoneInfo

from formats.rules import Rules
from formats.template import Effect
from jobs.ports import Folder, Workbooks

EVERYONE = "ALL"
"""The scope of an uploader who may change every customer's rows."""


ANSWER_FOLDERS = ("done", "failed")
"""Where answers are laid, below the drop folder."""


class UploadState(StrEnum):
    """What the history shows as Status. COMPLETED says that every row was dealt with, not that every row is good."""

    IN_PROGRESS = "IN PROGRESS"
    HELD = "HELD"  # checked, and waiting for a person to commit or discard it
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"  # refused as a whole, or discarded


ENDED = (UploadState.COMPLETED, UploadState.FAILED)
"""There is an answer."""


class Consent(StrEnum):
    """Whether an upload may be applied without asking."""

    BY_SETTING = "BY_SETTING"  # dropped: as `[uploads]` in muster.toml says
    ASK = "ASK"  # handed in where the preview is yet to be seen: held until somebody agrees
    GIVEN = "GIVEN"  # somebody has seen the preview and agreed


@dataclass(frozen=True)
class UploadRules:
    """How uploads are picked up and committed (`[uploads]` in muster.toml)."""

    settle: timedelta
    unsettled: timedelta  # how long a file may go on changing before that is a trouble
    max_bytes: int
    max_rows: int
    chunk_rows: int
    commit: bool  # False: every upload is held for a decision
    max_failed_percent: int | None  # above it an upload is held; None: never
    rules: Rules
    zone: ZoneInfo  # answers show times in it


@dataclass(frozen=True)
class Counts:
    """Data rows by what became of them."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def passed(self) -> int:
        return self.new + self.changed + self.unchanged

    @property
    def rows(self) -> int:
        return self.passed + self.failed

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.failed + other.failed,
        )

    @classmethod
    def of(cls, effects: Sequence[str]) -> Counts:
        return cls(*(effects.count(effect) for effect in (Effect.NEW, Effect.CHANGED, Effect.UNCHANGED, Effect.FAILED)))


@dataclass(frozen=True)
class NewUpload:
    """A workbook that came: whose, from which place, and the earlier upload of the same bytes, if there is one."""

    template: str
    version: int
    file_id: int
    file_name: str
    uploader: str
    place: str
    consent: Consent
    same_as: int | None


@dataclass(frozen=True)
class Upload:
    """One row of the history. `id` is its number; `sha256` is of the workbook as it came."""

    id: int
    template: str
    version: int
    file_id: int
    file_name: str
    sha256: str
    uploader: str
    place: str
    state: UploadState
    consent: Consent
    reason: str
    same_as: int | None
    rows_total: int
    rows_done: int
    counts: Counts
    answered: bool
    run_id: str
    received_at: datetime
    updated_at: datetime
    updated_by: str

    @property
    def outcome(self) -> str:
        return outcome(self.state, self.counts)


def outcome(state: UploadState, counts: Counts) -> str:
    """What a status word alone does not say: `7 of 9 rows failed`; empty while nothing is known."""
    if state is UploadState.FAILED:
        return f"only {counts.passed:,} rows were applied" if counts.passed else "nothing was applied"
    if not counts.rows or state is UploadState.IN_PROGRESS:
        return ""
    failed = "would fail" if state is UploadState.HELD else "failed"
    passed = "would pass" if state is UploadState.HELD else "passed"
    rows = "row" if counts.rows == 1 else "rows"
    if not counts.failed:
        return f"{counts.rows:,} {rows} {passed}" if counts.rows == 1 else f"all {counts.rows:,} rows {passed}"
    return f"{counts.failed:,} of {counts.rows:,} {rows} {failed}"


@dataclass(frozen=True)
class Uploader:
    """Somebody who may upload. `customer_id` None: rows of every customer."""

    email: str
    customer_id: int | None = None
    customer: str = EVERYONE
    customer_name: str = ""


class UploadInbox(Folder, Protocol):
    """A drop folder of one template and one uploader; `place` names it for good."""

    @property
    def template(self) -> str: ...

    @property
    def uploader(self) -> str: ...

    @property
    def consent(self) -> Consent: ...

    def answer(self, folder: str, name: str, data: bytes) -> None:
        """Lay an answer into `done` or `failed` below the drop folder; the same name is replaced."""


class UploadInboxes(Protocol):
    def connected(self) -> AbstractContextManager[object]:
        """One connection to each server for whatever is done inside the block."""

    def all(self) -> Sequence[UploadInbox]:
        """Every drop folder there is now. One that cannot be reached is there, and says so when it is looked into."""

    def find(self, place: str) -> UploadInbox | None:
        """The drop folder of that place, if it is still there."""


@dataclass(frozen=True)
class UploadPorts:
    """What uploads need of the world besides the registry and the archive."""

    inboxes: UploadInboxes
    workbooks: Workbooks
    rules: UploadRules
