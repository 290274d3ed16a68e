"""A partner's folder in memory, behind file calls that break off as told: for runs of a request without a network.

`Sender` runs the real steps over a real registry, a real archive and the real session; only the wire, the clock and the
death of a process are played.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast

from sqlalchemy import select, update

from adapters.archive import FileArchive
from adapters.channels.calls import Facts
from adapters.channels.session import FileSession
from adapters.registry.tables import batches, evidence
from jobs.context import Exchange
from jobs.ports import Session
from jobs.providers import Keys, Provider, SftpSettings
from jobs.states import BatchState
from jobs.transmission import device_enrolment_adaptor, settle_uncertain
from jobs.work import Work
from tests.support.installation import order_row
from tests.support.ledger import NOW, PROVIDER, Ledger

OUTBOUND = "to_provider"
_LONG = timedelta(days=1)


class Killed(BaseException):
    """The process dies here: nothing after it happens."""


@dataclass
class Partner:
    """Files by path. `trouble` maps a call to what happens in its place, once; `opened` counts sessions.

    Calls are `facts`, `write`, `written` (all bytes came, no answer yet), `rename`, `renamed` (done, no answer yet),
    `read`, `remove`.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    trouble: dict[str, Callable[[str], object]] = field(default_factory=dict)
    later: list[tuple[str, str]] = field(default_factory=list)  # renames it will still carry out
    readable: bool = True
    hands_out_once: bool = False
    opened: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list)

    def names(self) -> list[str]:
        return sorted(path.rpartition("/")[2] for path in self.files)

    def put(self, name: str, data: bytes) -> None:
        self.files[f"{OUTBOUND}/{name}"] = data

    def take(self, name: str) -> bytes:
        return self.files.pop(f"{OUTBOUND}/{name}")

    def catch_up(self) -> None:
        """Carry out what was asked for long ago."""
        for old, new in self.later:
            if old in self.files and new not in self.files:
                self.files[new] = self.files.pop(old)
        self.later.clear()

    def channel(self, provider: Provider) -> Partner:
        return self

    @contextmanager
    def open(self) -> Iterator[Session]:
        self.opened += 1
        yield FileSession(_Calls(self))


class _Calls:
    """See `adapters.channels.calls.FileCalls`. A session that was cut stays cut."""

    server_key = "SHA256:partner"

    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._cut = False

    def facts(self, path: str) -> Facts | None:
        self._asked("facts", path)
        data = self._partner.files.get(path)
        return None if data is None else Facts(stat.S_IFREG | 0o644, len(data), 1_700_000_000)

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]:
        return iter(())

    def write(self, path: str, stream: BinaryIO) -> int:
        self._asked("write", path)
        first = stream.read(2)
        self._partner.files[path] = first
        self._asked("writing", path)
        self._partner.files[path] += stream.read()
        assert stream.read() == b""
        size = len(self._partner.files[path])
        self._asked("written", path)
        return size

    def read(self, path: str, size: int) -> Generator[bytes]:
        self._asked("read", path)
        if not self._partner.readable:
            raise PermissionError("Permission denied")
        if path not in self._partner.files:
            raise FileNotFoundError(path)
        yield self._partner.files[path][:size]
        if self._partner.hands_out_once:
            del self._partner.files[path]

    def rename(self, path: str, target: str) -> None:
        self._asked("rename", path)
        if path not in self._partner.files:
            raise FileNotFoundError(path)
        if target in self._partner.files:
            raise OSError("Failure")
        self._partner.files[target] = self._partner.files.pop(path)
        self._asked("renamed", path)

    def remove(self, path: str) -> None:
        self._asked("remove", path)
        del self._partner.files[path]

    def _asked(self, call: str, path: str) -> None:
        if self._cut:
            raise OSError("Socket is closed")
        self._partner.seen.append((call, path))
        happens = self._partner.trouble.pop(call, None)
        if happens is not None:
            try:
                happens(path)
            except ConnectionError:
                self._cut = True
                raise


class _NoAnchor:
    """Notes nothing."""

    def intend(self, *facts: object) -> None: ...


@dataclass
class _Clock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Sender:
    """Our side: sealed batches `b1.pgp`, `b2.pgp`, … for one partner."""

    def __init__(self, ledger: Ledger, home: Path, **settings: Any) -> None:
        self.ledger = ledger
        self.partner = Partner()
        self.archive = FileArchive(home / "archive", cast(Any, None))
        self._home = home
        self._clock = _Clock()
        self.provider = Provider(
            PROVIDER,
            "generic",
            Keys((), ()),
            sftp=SftpSettings("sftp.example.com", "us", (), "env:UNUSED"),
            removes_duplicates_by_batch=True,
            **settings,
        )

    def sealed(self) -> str:
        """A sealed batch of one line; returns its file name."""
        row = order_row(self.ledger.moment().toordinal() * 1000 + len(self.states()) * 10)
        batch_id = self.ledger.seal(self.ledger.order(row))
        source = self._home / "sealed"
        source.write_bytes(f"ciphertext {batch_id}".encode())
        key = self.archive.keep(source)
        with self.ledger.engine.begin() as connection:
            connection.execute(update(batches).where(batches.c.id == batch_id).values(archive_key=key))
            name = connection.execute(select(batches.c.file_name).where(batches.c.id == batch_id)).scalar_one()
        return str(name)

    def bytes_of(self, name: str) -> bytes:
        return self.kept(name).read_bytes()

    def kept(self, name: str) -> Path:
        """Where the archive keeps the batch."""
        with self.ledger.engine.connect() as connection:
            key = connection.execute(select(batches.c.archive_key).where(batches.c.file_name == name)).scalar_one()
        return self.archive.path(key)

    def run(self, **settings: Any) -> tuple[Work, Work]:
        """A request run but for sealing; `settings` of the provider hold for this run."""
        exchange = self._exchange(replace(self.provider, **settings))
        return settle_uncertain(exchange, self.ledger.run), device_enrolment_adaptor(exchange, self.ledger.run)

    def dies(self) -> None:
        """A run that is killed."""
        try:
            self.run()
        except Killed:
            return
        raise AssertionError("the run was not killed")

    def wait(self, span: timedelta = _LONG) -> None:
        self._clock.moment += span

    def states(self) -> dict[str, BatchState]:
        with self.ledger.engine.connect() as connection:
            rows = connection.execute(select(batches.c.file_name, batches.c.state).order_by(batches.c.id))
            return {name: BatchState(state) for name, state in rows}

    def evidence(self) -> list[str]:
        with self.ledger.engine.connect() as connection:
            return list(connection.execute(select(evidence.c.kind).order_by(evidence.c.id)).scalars())

    def _exchange(self, provider: Provider) -> Exchange:
        given: Mapping[str, Any] = {
            "registry": self.ledger.registry,
            "clock": self._clock,
            "archive": self.archive,
            "anchor": _NoAnchor(),
            "channels": self.partner,
            "providers": {provider.name: provider},
            "owner": "tests",
            "is_dead": lambda owner: True,
        }
        unused = dict.fromkeys(
            ("cipher", "spool", "inboxes", "inbox_limits", "uploads", "kind_of", "validate"), cast(Any, None)
        )
        return Exchange(**{**unused, **given})


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
