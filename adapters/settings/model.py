"""Typed settings: what `muster.toml` may say, and the whole together with the providers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from annotated_types import Ge, Gt, Le, MinLen

from formats.rules import Rules
from jobs.names import unknown
from jobs.providers import Provider, SftpSettings


@dataclass(frozen=True)
class InboxSource:
    """An SFTP server Order Dispatch files are fetched from, besides the local inbox."""

    sftp: SftpSettings
    folder: str = "orders"
    done_folder: str | None = "orders/done"


@dataclass(frozen=True)
class InboxSettings:
    """How Order Dispatch files are picked up. A file is taken once it has not changed for `settle`."""

    patterns: Annotated[tuple[str, ...], MinLen(1)] = (r".+\.(?:csv|txt|json)",)  # in upper or lower case
    settle: timedelta = timedelta(seconds=5)
    unsettled_limit: timedelta = timedelta(minutes=30)
    max_file_bytes: Annotated[int, Gt(0)] = 500_000_000
    schedule: str | None = "*/5 * * * *"  # cron, UTC; None means by hand only
    source: InboxSource | None = None

    @property
    def pattern(self) -> str:
        """One regular expression for all patterns."""
        return "|".join(f"(?:{pattern})" for pattern in self.patterns)


@dataclass(frozen=True)
class UploadSource:
    """An SFTP server with drop folders for workbooks: `<folder>/<template>/<uploader>`."""

    sftp: SftpSettings
    uploaders: Annotated[tuple[str, ...], MinLen(1)]
    folder: str = "uploads"


@dataclass(frozen=True)
class UploadSettings:
    """How staff's workbooks are picked up and committed."""

    schedule: str | None = "* * * * *"  # cron, UTC; None means by hand only
    settle: timedelta = timedelta(seconds=5)
    unsettled_limit: timedelta = timedelta(minutes=30)
    max_file_bytes: Annotated[int, Gt(0)] = 50_000_000
    max_rows: Annotated[int, Gt(0), Le(1_000_000)] = 200_000
    chunk_rows: Annotated[int, Gt(0)] = 20_000
    commit: bool = True
    max_failed_percent: Annotated[int, Ge(0), Le(100)] | None = None
    source: UploadSource | None = None
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class BodySettings:
    """What request bodies may take: each `deadline` and its bytes at `minimum_rate`; so many at once, per process."""

    deadline: timedelta = timedelta(seconds=30)
    minimum_rate: Annotated[int, Gt(0)] = 50_000  # bytes a second
    of_a_user: Annotated[int, Gt(0)] = 3
    in_all: Annotated[int, Gt(0)] = 24


@dataclass(frozen=True)
class ConsoleSettings:
    """Where the Airflow console listens, on 127.0.0.1."""

    port: Annotated[int, Gt(0), Le(65_535)] = 8080
    trusted_hosts: tuple[str, ...] = ()  # addresses besides [api] base_url whose pages may send forms, as host:port
    bodies: BodySettings = field(default_factory=BodySettings)


@dataclass(frozen=True)
class Config:
    """`muster.toml`, key by key. Fingerprints may be empty until keys exist."""

    organisation: str = ""
    time_zone: str = "UTC"
    registry_url: str = ""  # empty: SQLite in the workspace; env: or file: reference where it has a password
    archive: Path = Path("archive")  # relative to the workspace
    own_key: str = ""  # fingerprint we sign with and partners encrypt to
    archive_key: str = ""  # fingerprint the archive is encrypted to; empty: own_key
    passphrase: str | None = None  # reference to the passphrase of our keys
    inbox: InboxSettings = field(default_factory=InboxSettings)
    uploads: UploadSettings = field(default_factory=UploadSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)


@dataclass(frozen=True)
class Settings(Config):
    """All settings of a workspace, checked as a whole; paths absolute, fingerprints upper case."""

    providers: tuple[Provider, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which reports and pages show times."""
        return ZoneInfo(self.time_zone)

    def provider(self, name: str) -> Provider:
        """Raises NotFound."""
        for provider in self.providers:
            if provider.name == name:
                return provider
        raise unknown("provider", name, (provider.name for provider in self.providers))
