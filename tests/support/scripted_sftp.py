"""An SFTP server whose every answer is written by the test, byte for byte."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum

import asyncssh

from adapters.channels.sftp import SftpChannel
from jobs.providers import SftpSettings
from tests.support.sftp_thread import serving
from tests.support.sshd import KeyPair, TextKey


class Kind(IntEnum):
    """Kinds of packets of SFTP version 3."""

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


HUGE = 2**32 - 1
REGULAR = 0o100644
SIZE, OWNER, MODE, TIMES, MORE = 1, 2, 4, 8, 1 << 31

Answer = Callable[[int, bytes], bytes]
"""From the request's number and what follows it, the whole answer."""


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def text(value: bytes, claimed: int | None = None) -> bytes:
    return number(len(value) if claimed is None else claimed) + value


def packet(kind: int, body: bytes, claimed: int | None = None) -> bytes:
    return number(len(body) + 1 if claimed is None else claimed) + bytes([kind]) + body


def attrs(size: int = 5, mode: int = REGULAR, mtime: int = 1_700_000_000) -> bytes:
    return number(SIZE | MODE | TIMES) + struct.pack(">QIII", size, mode, mtime, mtime)


def status(request: int, code: int, said: bytes = b"") -> bytes:
    return packet(Kind.STATUS, number(request) + number(code) + text(said) + text(b""))


def entry(name: bytes, facts: bytes, shown: bytes = b"") -> bytes:
    return text(name) + text(shown) + facts


def names(request: int, *entries: bytes, claimed: int | None = None) -> bytes:
    count = len(entries) if claimed is None else claimed
    return packet(Kind.NAME, number(request) + number(count) + b"".join(entries))


@dataclass
class ScriptedServer:
    """A running server. What `answers` does not say is answered as an empty folder would."""

    answers: dict[Kind, Answer] = field(default_factory=dict)
    host_key: KeyPair = field(default_factory=KeyPair.ed25519)
    asked: list[Kind] = field(default_factory=list)
    delay: float = 0  # seconds before each answer
    drip: float = 0  # seconds before each byte of an answer, every one in a packet of its own
    port: int = 0

    def channel(self, timeout: float = 5, **limits: object) -> SftpChannel:
        settings = SftpSettings(
            host="127.0.0.1",
            user="anyone",
            host_keys=(self.host_key.public,),
            credential="env:UNUSED",
            port=self.port,
            timeout=timedelta(seconds=timeout),
            **limits,  # type: ignore[arg-type]
        )
        return SftpChannel(settings, TextKey(KeyPair.ed25519().private))

    def answer(self, kind: Kind, request: int, rest: bytes) -> bytes:
        if kind in self.answers:
            return self.answers[kind](request, rest)
        match kind:
            case Kind.INIT:
                return packet(Kind.VERSION, number(3))
            case Kind.OPEN | Kind.OPENDIR:
                return packet(Kind.HANDLE, number(request) + text(b"h"))
            case Kind.LSTAT | Kind.FSTAT:
                return packet(Kind.ATTRS, number(request) + attrs())
            case Kind.READDIR | Kind.READ:
                return status(request, 1)
        return status(request, 0)


class _Session(asyncssh.SSHServerSession[bytes]):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._received = bytearray()
        self._busy_until = 0.0

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._received += data
        while len(self._received) >= 4 and len(self._received) >= (end := 4 + int.from_bytes(self._received[:4])):
            body = bytes(self._received[4:end])
            del self._received[:end]
            kind = Kind(body[0])
            self._server.asked.append(kind)
            self._say(kind, self._server.answer(kind, int.from_bytes(body[1:5]), body[5:]))

    def _say(self, kind: Kind, answer: bytes) -> None:
        pieces = [answer]
        if self._server.drip and kind is not Kind.INIT:
            pieces = [bytes([byte]) for byte in answer]
        loop = asyncio.get_running_loop()
        at = max(loop.time(), self._busy_until)
        for piece in pieces:
            at += 0 if kind is Kind.INIT else self._server.drip or self._server.delay
            loop.call_at(at, self._channel.write, piece)
        self._busy_until = at


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A server on a free port; gone with the block."""
    server = ScriptedServer()
    with serving(server.host_key, lambda: _Session(server)) as served:
        server.port = served.port
        yield server
