"""An SFTP server over a real folder, with the oddities of real products, each to be chosen."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import asyncssh

from adapters.channels.names import is_safe
from adapters.channels.sftp import SftpChannel
from jobs.providers import SftpSettings
from tests.support.sftp_thread import Served, forever, serving
from tests.support.sshd import KeyPair, TextKey

_DAY = 86_400
_WAIT_SECONDS = 10.0


class Odd(StrEnum):
    """What is odd about a server."""

    READ_ONCE = "a file is gone once a handle it was read from is closed (a one-time mailbox)"
    NO_TYPE = "permissions without the bits of a file's type (0o666)"
    NO_MODE = "attributes without permissions"
    NO_MTIME = "attributes without times"
    NOW_MTIME = "every look shows the present second as the time of change"
    CLOCK_OFF = "times of change are a day ahead"
    CLOCK_BEHIND = "times of change are a day behind"
    NO_LSTAT = "lstat and stat are not supported, a listing is"
    NO_FSTAT = "fstat is not supported"
    NO_RENAME = "rename is not supported"
    EAT_PART = "what was written is taken away as soon as it is closed"
    UPLOAD_ONLY = "the folder `closed` can be written, but neither listed nor looked into"
    LATE_RENAME = "a rename is carried out later, and never answered"
    LATE_ARRIVAL = "a rename is answered at once, and the file is seen later"
    REORDERED = "every listing has another order"
    DISK_FULL = "writing stops after `room` bytes"


@dataclass
class OddServer:
    """A running server over `root`.

    What a late rename waits for is `catch_up`, or `late` seconds. `before` lets a test meddle at a call.
    """

    root: Path
    odd: frozenset[Odd]
    room: int = 0
    closed: str = "to_provider"
    late: float | None = None
    host_key: KeyPair = field(default_factory=KeyPair.ed25519)
    calls: list[tuple[str, str]] = field(default_factory=list)
    sessions: int = 0
    waiting: list[Callable[[], None]] = field(default_factory=list)
    _meddling: dict[tuple[str, str], Callable[[], object]] = field(default_factory=dict)
    _served: Served | None = None

    def settings(self, timeout: float = 5) -> SftpSettings:
        """How a provider's file would name this server."""
        assert self._served is not None
        return SftpSettings(
            host="127.0.0.1",
            user="anyone",
            host_keys=(self.host_key.public,),
            credential="env:UNUSED",
            port=self._served.port,
            timeout=timedelta(seconds=timeout),
        )

    def channel(self, timeout: float = 5, safe: Callable[[str], bool] = is_safe) -> SftpChannel:
        return SftpChannel(self.settings(timeout), TextKey(KeyPair.ed25519().private), safe)

    def before(self, call: str, name: str, act: Callable[[], object]) -> None:
        """Do `act` once, before the next `call` (`open`, `close`, `lstat`, `rename`, …) on the file `name`."""
        self._meddling[call, name] = act

    def at_any(self, call: str, act: Callable[[], object]) -> None:
        """Do `act` once, before the next such call on any file."""
        self._meddling[call, ""] = act

    def hang_up(self) -> None:
        """Cut every connection."""
        assert self._served is not None
        self._served.hang_up()

    def replace(self, path: str, data: bytes) -> None:
        """Another file under that path of the root, renamed over the old one."""
        other = self.root / f"{path}.other"
        other.write_bytes(data)
        other.replace(self.root / path)

    def catch_up(self) -> None:
        """Carry out the renames that are late."""
        while self.waiting:
            self.waiting.pop(0)()

    def await_late(self) -> None:
        """Until a rename has been asked for that is late."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self.waiting:
            assert time.monotonic() < deadline, "no rename was asked for"
            time.sleep(0.01)

    def called(self, call: str, path: bytes) -> None:
        name = path.decode(errors="replace")
        self.calls.append((call, name))
        for key in ((call, name.rpartition("/")[2]), (call, "")):
            if act := self._meddling.pop(key, None):
                act()
        if Odd.UPLOAD_ONLY in self.odd and call in ("lstat", "stat", "scandir") and self.closed in name:
            raise asyncssh.SFTPPermissionDenied("permission denied")

    def postpone(self, rename: Callable[[], None]) -> None:
        if self.late is None:
            self.waiting.append(rename)
        else:
            asyncio.get_running_loop().call_later(self.late, rename)


class _Files(asyncssh.SFTPServer):
    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], server: OddServer) -> None:
        super().__init__(chan, chroot=os.fsencode(server.root))
        self._server = server
        server.sessions += 1
        self._odd = server.odd
        self._opened: dict[int, tuple[bytes, bool]] = {}  # by handle: path, whether it is written

    def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        self._server.called("lstat", path)
        self._unsupported(Odd.NO_LSTAT, "lstat")
        return self._told(super().lstat(path))

    def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        self._server.called("stat", path)
        self._unsupported(Odd.NO_LSTAT, "stat")
        return self._told(super().stat(path))

    def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        self._server.called("fstat", self._opened[id(file_obj)][0])
        self._unsupported(Odd.NO_FSTAT, "fstat")
        return self._told(super().fstat(file_obj))

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        self._server.called("scandir", path)
        entries = sorted(self._local(path).iterdir())
        looks = sum(call == "scandir" for call, _ in self._server.calls)
        if Odd.REORDERED in self._odd and looks % 2 == 0:
            entries.reverse()
        for entry in entries:
            yield asyncssh.SFTPName(os.fsencode(entry.name), b"", self._told(entry.lstat()))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        self._server.called("open", path)
        opened = super().open(path, pflags, attrs)
        self._opened[id(opened)] = path, bool(pflags & asyncssh.FXF_WRITE)
        return opened

    def close(self, file_obj: object) -> None:
        path, written = self._opened.pop(id(file_obj))
        self._server.called("close", path)
        super().close(file_obj)
        if (Odd.EAT_PART if written else Odd.READ_ONCE) in self._odd:
            self._local(path).unlink(missing_ok=True)

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if Odd.DISK_FULL in self._odd and offset + len(data) > self._server.room:
            raise asyncssh.SFTPFailure("no space left on device")
        return super().write(file_obj, offset, data)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._server.called("rename", oldpath)
        self._unsupported(Odd.NO_RENAME, "rename")
        old, new = self._local(oldpath), self._local(newpath)
        if new.exists():
            raise asyncssh.SFTPFailure("the name is taken")
        if Odd.LATE_RENAME in self._odd:
            self._server.postpone(lambda: _rename(old, new))
            await forever()
        elif Odd.LATE_ARRIVAL in self._odd:
            aside = self._server.root.with_name(f"{self._server.root.name}.late-{new.name}")
            old.rename(aside)
            self._server.postpone(lambda: _rename(aside, new))
        else:
            old.rename(new)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("posix-rename")

    def _unsupported(self, odd: Odd, call: str) -> None:
        if odd in self._odd:
            raise asyncssh.SFTPOpUnsupported(call)

    def _local(self, path: bytes) -> Path:
        return Path(os.fsdecode(self.map_path(path)))

    def _told(self, found: asyncssh.SFTPAttrs | os.stat_result) -> asyncssh.SFTPAttrs:
        """The attributes as this server tells of them."""
        attrs = asyncssh.SFTPAttrs.from_local(found) if isinstance(found, os.stat_result) else found
        if Odd.NO_MODE in self._odd:
            attrs.permissions = None
        if Odd.NO_TYPE in self._odd and attrs.permissions is not None:
            attrs.permissions &= 0o777
        if Odd.NO_MTIME in self._odd:
            attrs.atime = attrs.mtime = None
        if attrs.mtime is not None and Odd.NOW_MTIME in self._odd:
            attrs.atime = attrs.mtime = int(time.time())
        if attrs.mtime is not None and Odd.CLOCK_OFF in self._odd:
            attrs.mtime += _DAY
        if attrs.mtime is not None and Odd.CLOCK_BEHIND in self._odd:
            attrs.mtime -= _DAY
        return attrs


def _rename(old: Path, new: Path) -> None:
    """Late, so whatever became of either name meanwhile."""
    if old.exists():
        old.replace(new)


@contextmanager
def odd_server(
    root: Path, *odd: Odd, room: int = 0, closed: str = "to_provider", late: float | None = None
) -> Iterator[OddServer]:
    """Serve `root` on a free port; gone with the block."""
    server = OddServer(root, frozenset(odd), room, closed, late)
    with serving(server.host_key, sftp_factory=lambda chan: _Files(chan, server)) as served:
        server._served = served
        yield server
