"""The file calls of a session over SFTP, each bounded in time as a whole."""

from __future__ import annotations

import errno
import posixpath
import re
import stat
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import BinaryIO

from adapters.channels.calls import Facts
from adapters.channels.sftp_wire import (
    EndOfFile,
    Garbled,
    Kind,
    Requests,
    attributes,
    entries,
    handle,
    long,
    number,
    text,
)
from adapters.channels.watchdog import Limit, Watchdog
from jobs.errors import RemotePathRefused

_BLOCK = 32_640  # bytes; with its header one SSH packet, which every server takes
_DEPTH = 64  # requests under way at once, as OpenSSH's own client
_ENTRY_LIMIT = 50_000
_LISTING_LIMIT = 64 << 20  # bytes

_READ, _WRITE, _CREATE, _TRUNCATE = 1, 2, 8, 16
_RENAME_AT_ONCE = b"posix-rename@openssh.com"

# Servers that tell no type of a file still show the line of `ls -l`.
_SHOWN = re.compile(rb"([-dlbcps])[-r][-w][-xsS][-r][-w][-xsS][-r][-w][-xtT]")
_SHOWN_TYPES = {
    b"-": stat.S_IFREG,
    b"d": stat.S_IFDIR,
    b"l": stat.S_IFLNK,
    b"b": stat.S_IFBLK,
    b"c": stat.S_IFCHR,
    b"p": stat.S_IFIFO,
    b"s": stat.S_IFSOCK,
}


@dataclass(frozen=True)
class Patience:
    """What one operation may take as a whole: `whole` seconds, and for what it transfers its bytes / `rate` more."""

    whole: float
    rate: int


class SftpCalls:
    """See `adapters.channels.calls.FileCalls`."""

    def __init__(self, requests: Requests, watchdog: Watchdog, patience: Patience, server_key: str) -> None:
        self._requests = requests
        self._watchdog = watchdog
        self._patience = patience
        self._lstat_works = True
        self.server_key = server_key

    def facts(self, path: str) -> Facts | None:
        """A server without lstat is asked for the whole listing. Not stat: that one follows links."""
        with self._whole():
            try:
                if self._lstat_works:
                    return attributes(self._requests.ask(Kind.ATTRS, Kind.LSTAT, text(path)))
            except FileNotFoundError:
                return None
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                self._lstat_works = False
            return self._listed(path)

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]:
        with self._whole():
            yield from _entries(self._requests, folder)

    def write(self, path: str, stream: BinaryIO) -> int:
        with self._whole() as limit:
            opened = self._open(path, _WRITE | _CREATE | _TRUNCATE)
            try:
                written = self._write(opened, stream, limit)
                stored = self._stored(opened)
            except OSError as error:
                self._close_after(opened, error)
                raise
            self._requests.ask(Kind.STATUS, Kind.CLOSE, text(opened))
            return self._looked_up(path, written) if stored is None else stored

    def read(self, path: str, size: int) -> Generator[bytes]:
        with self._whole() as limit, self._opened(path) as opened, closing(_read(self._requests, opened, size)) as data:
            for block in data:
                limit.put_off(len(block) / self._patience.rate)
                yield block

    def rename(self, path: str, target: str) -> None:
        """Plain rename: `posix_rename` would overwrite."""
        with self._whole():
            self._requests.ask(Kind.STATUS, Kind.RENAME, text(path), text(target))

    def take(self, path: str, target: str) -> None:
        """OpenSSH's plain rename is a link and a removal: what took the file's place between them would be lost."""
        with self._whole():
            try:
                self._requests.ask(Kind.STATUS, Kind.EXTENDED, text(_RENAME_AT_ONCE), text(path), text(target))
            except (TimeoutError, ConnectionError):
                raise
            except OSError:  # many servers know only the plain one
                self._requests.ask(Kind.STATUS, Kind.RENAME, text(path), text(target))

    def remove(self, path: str) -> None:
        with self._whole():
            self._requests.ask(Kind.STATUS, Kind.REMOVE, text(path))

    def _whole(self) -> AbstractContextManager[Limit]:
        return self._watchdog.within(self._patience.whole)

    def _listed(self, path: str) -> Facts | None:
        folder, name = posixpath.split(path)
        try:
            found = [facts for raw, facts in _entries(self._requests, folder or ".") if raw == name.encode()]
        except FileNotFoundError:
            return None
        return found[0] if found else None

    def _open(self, path: str, flags: int) -> bytes:
        return handle(self._requests.ask(Kind.HANDLE, Kind.OPEN, text(path), number(flags), number(0)))

    @contextmanager
    def _opened(self, path: str) -> Iterator[bytes]:
        """What was read is whole, or not, whatever closing says."""
        opened = self._open(path, _READ)
        try:
            yield opened
        except OSError as error:
            self._close_after(opened, error)
            raise
        with suppress(OSError):
            self._requests.ask(Kind.STATUS, Kind.CLOSE, text(opened))

    def _close_after(self, opened: bytes, error: OSError) -> None:
        if not isinstance(error, ConnectionError | TimeoutError):
            with suppress(OSError):
                self._requests.ask(Kind.STATUS, Kind.CLOSE, text(opened))

    def _write(self, opened: bytes, stream: BinaryIO, limit: Limit) -> int:
        asked: deque[int] = deque()
        offset = 0
        try:
            while block := stream.read(_BLOCK):
                asked.append(self._requests.send(Kind.WRITE, text(opened), long(offset), text(block)))
                offset += len(block)
                limit.put_off(len(block) / self._patience.rate)
                if len(asked) >= _DEPTH:
                    self._requests.answer(Kind.STATUS, asked.popleft())
            while asked:
                self._requests.answer(Kind.STATUS, asked.popleft())
        except (ConnectionError, TimeoutError):
            raise
        except OSError:
            self._requests.forget(asked)
            raise
        return offset

    def _stored(self, opened: bytes) -> int | None:
        """The size of an open file; None where the server cannot say."""
        try:
            return attributes(self._requests.ask(Kind.ATTRS, Kind.FSTAT, text(opened))).size
        except (ConnectionError, TimeoutError):
            raise
        except OSError:
            return None

    def _looked_up(self, path: str, written: int) -> int:
        """The size by name, or else what the server says it has taken, every block and the end of it."""
        try:
            facts = self.facts(path)
        except (ConnectionError, TimeoutError):
            raise
        except OSError:
            facts = None
        return written if facts is None or facts.size is None else facts.size


def _read(requests: Requests, opened: bytes, size: int) -> Generator[bytes]:
    """The first `size` bytes of an open file, or fewer when the server ends it earlier."""
    asked: deque[tuple[int, int, int]] = deque()  # number, offset, length
    offset = 0
    try:
        while asked or offset < size:
            while offset < size and len(asked) < _DEPTH:
                length = min(_BLOCK, size - offset)
                asked.append((_ask_block(requests, opened, offset, length), offset, length))
                offset += length
            request, begin, length = asked.popleft()
            yield (block := _block(requests, request, length))
            while 0 < len(block) < length:  # a server may send less than it was asked for
                begin, length = begin + len(block), length - len(block)
                yield (block := _block(requests, _ask_block(requests, opened, begin, length), length))
    except (ConnectionError, TimeoutError):
        raise
    except (OSError, GeneratorExit) as end:
        with suppress(OSError):
            requests.forget(request for request, _, _ in asked)
        if not isinstance(end, EndOfFile):
            raise


def _ask_block(requests: Requests, opened: bytes, offset: int, length: int) -> int:
    return requests.send(Kind.READ, text(opened), long(offset), number(length))


def _block(requests: Requests, request: int, length: int) -> bytes:
    block = requests.answer(Kind.DATA, request).text()
    if len(block) > length:
        raise Garbled("more bytes than were asked for")
    return block


def _entries(requests: Requests, folder: str) -> Iterator[tuple[bytes, Facts]]:
    """Every entry of a folder, its name as the bytes the server sent. Raises RemotePathRefused for no end of them."""
    opened = handle(requests.ask(Kind.HANDLE, Kind.OPENDIR, text(folder)))
    seen = size = 0
    while seen < _ENTRY_LIMIT and size < _LISTING_LIMIT:
        try:
            answer = requests.ask(Kind.NAME, Kind.READDIR, text(opened))
        except EndOfFile:
            with suppress(EndOfFile):
                requests.ask(Kind.STATUS, Kind.CLOSE, text(opened))
            return
        size += answer.length
        seen += 1  # for an answer without any, too
        for name, shown, facts in entries(answer):
            seen += 1
            yield name, _typed(facts, shown)
    raise RemotePathRefused(f"the listing of {folder} does not end")


def _typed(facts: Facts, shown: bytes) -> Facts:
    if stat.S_IFMT(facts.mode) == 0 and (match := _SHOWN.match(shown)):
        return replace(facts, mode=facts.mode | _SHOWN_TYPES[match[1]])
    return facts
