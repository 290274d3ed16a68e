"""An SFTP server that says what a text of bytes tells it to, to the real client, without a network."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from adapters.channels.session import FileSession
from adapters.channels.sftp_calls import Patience, SftpCalls
from adapters.channels.sftp_wire import Kind, Requests, number
from adapters.channels.watchdog import Watchdog


class ScriptedServer:
    """A stream. `script`: of each answer its kind, the length of its body in two bytes, and that body.

    Each answer carries the number of the request it answers. When the script is over the connection is.
    """

    def __init__(self, script: bytes) -> None:
        self._answers = _answers(script)
        self._said = bytearray()

    def send(self, data: bytes) -> None:
        """One request at a time, as the client sends them."""
        if data[4] == Kind.INIT:
            self._say(Kind.VERSION, number(3))
        elif (answer := next(self._answers, None)) is not None:
            self._say(answer[0], data[5:9] + answer[1])

    def receive(self, most: int) -> bytes:
        if not self._said:
            raise ConnectionError("closed by the other side")
        piece = bytes(self._said[:most])
        del self._said[:most]
        return piece

    def relieve(self) -> None: ...

    def _say(self, kind: int, body: bytes) -> None:
        self._said += struct.pack(">IB", len(body) + 1, kind) + body


def session(script: bytes) -> FileSession:
    watchdog = Watchdog(lambda: None)
    requests = Requests(ScriptedServer(script), watchdog, 60)
    requests.start()
    return FileSession(SftpCalls(requests, watchdog, Patience(60, 1), "a key"))


def answer(kind: int, body: bytes) -> bytes:
    """One answer of a script."""
    return struct.pack(">BH", kind, len(body)) + body


def _answers(script: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 3 <= len(script):
        kind, length = struct.unpack_from(">BH", script, at)
        yield kind, script[at + 3 : at + 3 + length]
        at += 3 + length
