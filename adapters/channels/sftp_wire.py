"""SFTP version 3 on the wire: requests, and answers of which nothing is believed.

Every length and count is held against the bytes that are there before it is read or looped over.
The protocol is draft-ietf-secsh-filexfer-02; statuses above 8 are those of later versions, which servers use as well.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NoReturn, Protocol

from adapters.channels.calls import Facts
from adapters.channels.watchdog import Watchdog

_VERSION = 3
_LONGEST_PACKET = 256 << 10  # bytes, as OpenSSH's client
_LONGEST_HANDLE = 256  # bytes, as the protocol says
_LEAST_ENTRY = 12  # bytes of an entry of a listing
_LEAST_PAIR = 8  # bytes of an extended attribute

_SIZE, _OWNER, _MODE, _TIMES, _EXTENDED = 1, 2, 4, 8, 1 << 31

_OK, _END_OF_FILE = 0, 1
_LOST = {6, 7}
_REFUSALS = {
    2: errno.ENOENT,
    3: errno.EACCES,
    8: errno.EOPNOTSUPP,
    10: errno.ENOENT,
    11: errno.EEXIST,
    12: errno.EACCES,
    14: errno.ENOSPC,
    15: errno.EDQUOT,
}


class Kind(IntEnum):
    """Kinds of packets."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Garbled(ConnectionError):
    """The other side speaks something else: what it meant is not known."""


class EndOfFile(OSError):
    """There is no more to read."""


class Stream(Protocol):
    """Bytes to and from the other side. Both raise ConnectionError or TimeoutError."""

    def send(self, data: bytes) -> None: ...

    def receive(self, most: int) -> bytes:
        """At least one byte."""

    def relieve(self) -> None:
        """An answer is whole."""


class Reader:
    """The fields of one packet, in order. Raises Garbled where the packet ends too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def length(self) -> int:
        return len(self._data)

    @property
    def ended(self) -> bool:
        return self._at == len(self._data)

    def number(self) -> int:
        return int.from_bytes(self._take(4))

    def long(self) -> int:
        return int.from_bytes(self._take(8))

    def text(self) -> bytes:
        return self._take(self.number())

    def count(self, least: int) -> int:
        """How many things follow, none of which is shorter than `least` bytes."""
        count = self.number()
        if count * least > len(self._data) - self._at:
            raise Garbled(f"{count} things cannot follow")
        return count

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise Garbled("a packet ends too early")
        taken, self._at = self._data[self._at : end], end
        return taken


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def long(value: int) -> bytes:
    return struct.pack(">Q", value)


def text(value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data


def attributes(reader: Reader) -> Facts:
    flags = reader.number()
    size = reader.long() if flags & _SIZE else None
    if flags & _OWNER:
        reader.long()
    mode = reader.number() if flags & _MODE else 0
    mtime = (reader.number(), reader.number())[1] if flags & _TIMES else 0
    if flags & _EXTENDED:
        for _ in range(reader.count(_LEAST_PAIR)):
            reader.text()
            reader.text()
    return Facts(mode, size, mtime)


def entries(reader: Reader) -> Iterator[tuple[bytes, bytes, Facts]]:
    """Of a listing: name, the line `ls -l` would show, attributes."""
    for _ in range(reader.count(_LEAST_ENTRY)):
        yield reader.text(), reader.text(), attributes(reader)


def handle(reader: Reader) -> bytes:
    data = reader.text()
    if len(data) > _LONGEST_HANDLE:
        raise Garbled(f"a handle of {len(data)} bytes")
    return data


class Requests:
    """Requests, sent ahead of their answers if need be; answers may come in any order.

    Each answer is whole `timeout` seconds after it was asked for, however its bytes come.
    """

    def __init__(self, stream: Stream, watchdog: Watchdog, timeout: float) -> None:
        self._stream = stream
        self._watchdog = watchdog
        self._timeout = timeout
        self._last = 0
        self._open: set[int] = set()
        self._answers: dict[int, tuple[int, Reader]] = {}

    def start(self) -> None:
        """Agree on the version."""
        with self._watchdog.within(self._timeout):
            self._stream.send(_packet(Kind.INIT, number(_VERSION)))
            kind, reader = self._packet()
        if kind != Kind.VERSION or reader.number() < _VERSION:
            raise Garbled("no SFTP version 3 is spoken here")

    def ask(self, expected: Kind, kind: Kind, *fields: bytes) -> Reader:
        return self.answer(expected, self.send(kind, *fields))

    def send(self, kind: Kind, *fields: bytes) -> int:
        """Returns the request's number, by which its answer is asked for."""
        self._last = (self._last + 1) % (1 << 32)
        self._open.add(self._last)
        with self._watchdog.within(self._timeout):
            self._stream.send(_packet(kind, number(self._last), *fields))
        return self._last

    def answer(self, expected: Kind, request: int) -> Reader:
        """Raises EndOfFile or another OSError for a refusal, as `FileCalls` says."""
        with self._watchdog.within(self._timeout):
            while request not in self._answers:
                self._receive()
        kind, reader = self._answers.pop(request)
        if kind == Kind.STATUS:
            _check(reader)
        if kind != expected:
            raise Garbled(f"an answer of kind {kind} instead of {expected}")
        return reader

    def forget(self, requests: Iterable[int]) -> None:
        """Take in the answers nobody asks for any more."""
        for request in requests:
            with self._watchdog.within(self._timeout):
                while request not in self._answers:
                    self._receive()
            del self._answers[request]

    def _receive(self) -> None:
        kind, reader = self._packet()
        request = reader.number()
        if request not in self._open:
            raise Garbled("an answer to a request that was never made")
        self._open.remove(request)
        self._answers[request] = kind, reader

    def _packet(self) -> tuple[int, Reader]:
        length = int.from_bytes(self._exactly(4))
        if not 1 <= length <= _LONGEST_PACKET:
            raise Garbled(f"a packet of {length} bytes")
        data = self._exactly(length)
        self._stream.relieve()
        return data[0], Reader(data[1:])

    def _exactly(self, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            data += self._stream.receive(length - len(data))
        return bytes(data)


def _packet(kind: Kind, *fields: bytes) -> bytes:
    body = b"".join(fields)
    return number(len(body) + 1) + bytes([kind]) + body


def _check(reader: Reader) -> None:
    code = reader.number()
    if code != _OK:
        said = b"" if reader.ended else reader.text()  # older servers say nothing
        _refuse(code, said.decode("utf-8", "replace") or f"status {code}")


def _refuse(code: int, said: str) -> NoReturn:
    if code == _END_OF_FILE:
        raise EndOfFile(said)
    if code in _LOST:
        raise ConnectionError(said)
    if code in _REFUSALS:
        raise OSError(_REFUSALS[code], said)
    raise OSError(said)
