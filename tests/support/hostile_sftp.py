"""An SFTP server that lies, stalls and meddles: files in memory, every answer in the test's hand."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncssh

from adapters.channels.sftp import SftpChannel
from jobs.providers import SftpSettings
from tests.support.sftp_thread import serving
from tests.support.sshd import KeyPair, TextKey


@dataclass
class Entry:
    """A file as the server tells of it; `claimed` is the size it states instead of the true one, if it states one."""

    data: bytearray = field(default_factory=bytearray)
    claimed: int | None = None
    mode: int = stat.S_IFREG | 0o644
    mtime: int = 1_700_000_000
    sized: bool = True

    def attrs(self) -> asyncssh.SFTPAttrs:
        size = len(self.data) if self.claimed is None else self.claimed
        if not self.sized:
            return asyncssh.SFTPAttrs(permissions=self.mode)
        return asyncssh.SFTPAttrs(size=size, permissions=self.mode, atime=self.mtime, mtime=self.mtime)


async def _no_hook(call: str, path: bytes) -> None:
    """The server behaves."""


@dataclass
class HostileServer:
    """A running server. `hook(call, path)` runs before each call, and as `renamed` after a rename.

    It may change `files`, raise an `asyncssh.SFTPError` or never return. Folders are not looked at:
    a path's part after the first `/` is the name, as `names` (listing only) and `files` know it.
    """

    port: int = 0
    host_key: KeyPair = field(default_factory=KeyPair.ed25519)
    files: dict[bytes, Entry] = field(default_factory=dict)
    names: list[bytes] = field(default_factory=list)
    hook: Callable[[str, bytes], Awaitable[None]] = _no_hook
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    block: int | None = None  # the most bytes one read answers with

    def put(self, name: str, data: bytes, claimed: int | None = None) -> Entry:
        self.files[name.encode()] = Entry(bytearray(data), claimed)
        return self.files[name.encode()]

    def channel(self, timeout: float = 5) -> SftpChannel:
        settings = SftpSettings(
            host="127.0.0.1",
            user="anyone",
            host_keys=(self.host_key.public,),
            credential="env:UNUSED",
            port=self.port,
            timeout=timedelta(seconds=timeout),
        )
        return SftpChannel(settings, TextKey(KeyPair.ed25519().private))

    async def called(self, call: str, path: bytes) -> None:
        self.calls.append((call, path))
        await self.hook(call, path)


class _Sftp(asyncssh.SFTPServer):
    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], server: HostileServer) -> None:
        super().__init__(chan)
        self._server = server

    async def _entry(self, call: str, path: bytes) -> Entry:
        name = _name(path)
        await self._server.called(call, path)
        if name not in self._server.files:
            raise asyncssh.SFTPNoSuchFile("no such file")
        return self._server.files[name]

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        return (await self._entry("lstat", path)).attrs()

    async def fstat(self, file_obj: bytes) -> asyncssh.SFTPAttrs:
        return (await self._entry("fstat", file_obj)).attrs()

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._server.called("scandir", path)
        for name in self._server.names:
            yield asyncssh.SFTPName(name, b"", Entry(bytearray(b"1")).attrs())
        for name, entry in list(self._server.files.items()):
            yield asyncssh.SFTPName(name, b"", entry.attrs())

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> bytes:
        if pflags & asyncssh.FXF_CREAT:
            await self._server.called("create", path)
            self._server.files[_name(path)] = Entry()
        else:
            await self._entry("open", path)
        return path

    async def close(self, file_obj: bytes) -> None:
        await self._server.called("close", file_obj)

    async def read(self, file_obj: bytes, offset: int, size: int) -> bytes:
        entry = await self._entry("read", file_obj)
        return bytes(entry.data[offset : offset + min(size, self._server.block or size)])

    async def write(self, file_obj: bytes, offset: int, data: bytes) -> int:
        entry = await self._entry("write", file_obj)
        entry.data.extend(bytes(max(0, offset + len(data) - len(entry.data))))
        entry.data[offset : offset + len(data)] = data
        return len(data)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        entry = await self._entry("rename", oldpath)
        if _name(newpath) in self._server.files:
            raise asyncssh.SFTPFailure("Failure")
        self._server.files[_name(newpath)] = entry
        del self._server.files[_name(oldpath)]
        await self._server.called("renamed", newpath)

    async def remove(self, path: bytes) -> None:
        await self._entry("remove", path)
        del self._server.files[_name(path)]


def _name(path: bytes) -> bytes:
    return path.partition(b"/")[2]


@contextmanager
def hostile_server() -> Iterator[HostileServer]:
    """A server on a free port; gone with the block."""
    server = HostileServer()
    with serving(server.host_key, sftp_factory=lambda chan: _Sftp(chan, server)) as served:
        server.port = served.port
        yield server
