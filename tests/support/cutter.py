"""A TCP proxy that harms the connections that go through it: cut, black hole, stall, drip, refusal."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

_CHUNK = 65_536


class Way(StrEnum):
    """Direction of bytes."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


class Harm(StrEnum):
    RESET = "reset"  # both sides get a TCP reset
    FINISH = "finish"  # both sides get an orderly end
    BLACKHOLE = "black hole"  # the bytes vanish, the connections stay
    STALL = "stall"  # nothing is taken any more, the connections stay
    DRIP = "drip"  # the bytes come one by one, `pause` seconds apart


@dataclass
class Cutter:
    """Passes everything on until `after` bytes went `way` on one connection, then does `harm` to it.

    A login has no fixed length. A cut after it has to be counted from it: `arm` begins the count anew, and
    `passed` says how many bytes went each way since then.
    """

    server: tuple[str, int]
    harm: Harm | None = None
    way: Way = Way.TO_CLIENT
    after: int = 0
    pause: float = 0.2
    refused: int = 0  # that many connections are reset before a byte is passed on
    connections: int = 0
    passed: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))

    def __post_init__(self) -> None:
        self._counting = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def arm(self, harm: Harm | None = None, way: Way = Way.TO_CLIENT, after: int = 0) -> None:
        """Do `harm` once `after` more bytes went `way`; nothing that went before counts."""
        with self._counting:
            self.passed = dict.fromkeys(Way, 0)
            self.harm, self.way, self.after = harm, way, after

    def close(self) -> None:
        self._closed.set()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.passed = dict.fromkeys(Way, 0)
            if self.connections <= self.refused:
                _reset(client)
                continue
            server = socket.create_connection(self.server)
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [client, server]
            self._start(self._pump, Way.TO_SERVER, client, server)
            self._start(self._pump, Way.TO_CLIENT, server, client)

    def _pump(self, way: Way, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                room = self._count(way, len(data))
                target.sendall(data[: max(room, 0)])
                if room < len(data):
                    self._hurt(source, target, data[max(room, 0) :])
            target.shutdown(socket.SHUT_WR)

    def _count(self, way: Way, length: int) -> int:
        """How many of the next bytes may pass. Counted before they do: whoever got them may arm at once."""
        with self._counting:
            room = self.after - self.passed[way] if self.harm and way is self.way else length
            self.passed[way] += length
        return room

    def _hurt(self, source: socket.socket, target: socket.socket, rest: bytes) -> None:
        match self.harm:
            case Harm.RESET:
                _reset(source)
                _reset(target)
            case Harm.FINISH:
                source.shutdown(socket.SHUT_RDWR)
                target.shutdown(socket.SHUT_RDWR)
            case Harm.STALL:
                self._closed.wait()
            case Harm.DRIP:
                for byte in rest:
                    if self._closed.wait(self.pause):
                        return
                    target.sendall(bytes([byte]))


def _reset(end: socket.socket) -> None:
    # SO_LINGER with 0 seconds makes close() send a reset, but only once no recv() waits on the socket.
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.shutdown(socket.SHUT_RD)
    end.close()


@contextlib.contextmanager
def cutter(host: str, port: int, **settings: object) -> Iterator[Cutter]:
    proxy = Cutter((host, port), **settings)  # type: ignore[arg-type]
    try:
        yield proxy
    finally:
        proxy.close()
