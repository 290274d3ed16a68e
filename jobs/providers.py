"""A provider as the jobs see it: kind, limits, policies. Declared once, loaded by the settings.

A *provider kind* is code (`adapters/providers/<kind>.py`); a *provider* is an account:
a kind plus the configuration below (`providers/<name>.toml` in the workspace).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le

from formats.enrolment import RequestType

_MARGIN = timedelta(seconds=30)


class UnknownOutcomePolicy(StrEnum):
    """What to do with a batch whose delivery cannot be proved."""

    HOLD = "hold"
    RESEND = "resend"  # only for a provider that removes duplicates by batch number


class SequencePolicy(StrEnum):
    """What to do when an answer's sequence number leaves a gap."""

    ACCEPT = "accept"
    QUARANTINE = "quarantine"


class Grouping(StrEnum):
    """Which lines may share a batch."""

    NONE = "none"
    CUSTOMER = "customer"


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold, at the provider's word."""

    devices_per_batch: Annotated[int, Gt(0)] = 10_000
    orders_per_batch: Annotated[int, Gt(0)] = 1_000
    answer_bytes: Annotated[int, Gt(0)] = 200_000_000


@dataclass(frozen=True)
class PinnedKey:
    """An OpenPGP key by its full primary fingerprint, and when it may be used."""

    fingerprint: str
    valid_from: date | None = None
    valid_until: date | None = None

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_until is None or day <= self.valid_until
        )


@dataclass(frozen=True)
class Keys:
    """Whose signature we accept, and to whom we encrypt."""

    signers: tuple[PinnedKey, ...]
    recipients: tuple[PinnedKey, ...]


@dataclass(frozen=True)
class SftpSettings:
    """How to reach the provider's SFTP server. At least one host key is pinned, always."""

    host: str
    user: str
    host_keys: tuple[str, ...]  # "ssh-ed25519 AAAA…", several while a rotation overlaps
    credential: str  # reference: connection:<id>, env:<NAME> or file:<path> of the private key
    port: Annotated[int, Gt(0), Le(65_535)] = 22
    timeout: timedelta = timedelta(seconds=30)  # for one answer, to its last byte
    deadline: timedelta | None = None  # for a login, a listing or any other operation as a whole
    minimum_rate: Annotated[int, Gt(0)] = 10_000  # bytes a second; by that much a transfer puts off its deadline

    @property
    def patience(self) -> timedelta:
        """The deadline of an operation, without what it transfers."""
        return self.deadline or 4 * self.timeout


@dataclass(frozen=True)
class FolderSettings:
    """A shared folder as the channel."""

    path: str


@dataclass(frozen=True)
class Folders:
    """Remote folders, relative to the login folder."""

    outbound: str = "to_provider"
    inbound: str = "from_provider"
    inbound_done: str | None = "from_provider/done"
    inbound_pattern: str = r"[A-Za-z0-9][A-Za-z0-9._-]*\.pgp"


@dataclass(frozen=True)
class Events:
    """Which outcomes leave a workflow event (M12, M13)."""

    on_success: bool = True
    on_failure: bool = True
    notes_limit: Annotated[int, Ge(100)] = 2_000


@dataclass(frozen=True)
class Schedules:
    """Cron expressions (UTC) of the provider's two DAGs; None means by hand only."""

    request: str | None = "*/15 * * * *"
    response: str | None = "*/5 * * * *"


@dataclass(frozen=True)
class Inbound:
    """Who may post answers to `inboundDeviceEnrolment`: names of Airflow users. Nobody unless named."""

    senders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provider:
    """One account at a Device Enrolment Provider."""

    name: str
    kind: str
    keys: Keys
    sftp: SftpSettings | None = None
    folder: FolderSettings | None = None
    title: str = ""
    enabled: bool = True
    folders: Folders = field(default_factory=Folders)
    limits: BatchLimits = field(default_factory=BatchLimits)
    grouping: Grouping = Grouping.NONE
    request_types: tuple[RequestType, ...] = tuple(RequestType)
    schedules: Schedules = field(default_factory=Schedules)
    events: Events = field(default_factory=Events)
    inbound: Inbound = field(default_factory=Inbound)
    file_prefix: str = ""
    on_unknown_outcome: UnknownOutcomePolicy = UnknownOutcomePolicy.HOLD
    removes_duplicates_by_batch: bool = False
    read_back: bool = True
    quiet_time: timedelta = timedelta(minutes=5)
    on_sequence_gap: SequencePolicy = SequencePolicy.ACCEPT
    settle: timedelta = timedelta(seconds=5)
    unsettled_limit: timedelta = timedelta(minutes=30)

    @property
    def label(self) -> str:
        return self.title or self.name

    @property
    def quiet(self) -> timedelta:
        """How long a rename whose answer was lost may still be carried out: longer than we wait for an answer."""
        patience = self.sftp.patience if self.sftp else timedelta()
        return max(self.quiet_time, patience + _MARGIN)

    @property
    def pool(self) -> str:
        """The Airflow pool of its tasks."""
        return f"provider_{self.name}"

    def file_name(self, sequence: int) -> str:
        """Name of the outbound file: the sequence makes it unique."""
        return f"{self.file_prefix or self.name}-OUT-{sequence:06d}.pgp"

    def batch_number(self, sequence: int) -> str:
        return f"{(self.file_prefix or self.name).upper()}-{sequence:06d}"
