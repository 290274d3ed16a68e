"""What bounds a connection from outside: how long anything may take, and how much may come unasked."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

_ROOM = 8 << 20  # bytes; four times what the other side may send ahead (paramiko's window)
_LOGIN_ROOM = 256 << 10


class Limit:
    """A moment of `time.monotonic`; whoever makes progress puts it off."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def put_off(self, seconds: float) -> None:
        self.at += seconds


class Watchdog:
    """Bites once, when the first of the limits under way is reached: `bite` shuts the connection down.

    No other way ends every wait: a send that nobody takes, and bytes that come one at a time, reset a time-out
    on the socket again and again. A thread of its own, from `with` to its end.
    """

    def __init__(self, bite: Callable[[], object]) -> None:
        self._bite = bite
        self._limits: set[Limit] = set()
        self._changed = threading.Condition()
        self._over = False
        self._bitten = False
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self._thread.join()

    @contextmanager
    def within(self, seconds: float) -> Iterator[Limit]:
        """The block is done in that time, or raises TimeoutError. Blocks may lie inside one another."""
        limit = Limit(seconds)
        with self._changed:
            self._limits.add(limit)
            self._changed.notify()
        try:
            yield limit
        except Exception as error:
            if self._bitten and not isinstance(error, TimeoutError):
                raise TimeoutError("it took too long") from error
            raise
        finally:
            with self._changed:
                self._limits.remove(limit)

    def _watch(self) -> None:
        with self._changed:
            while not self._over:
                left = min((limit.at for limit in self._limits), default=math.inf) - time.monotonic()
                if left <= 0:
                    self._bitten = True
                    self._bite()
                    return
                self._changed.wait(min(left, threading.TIMEOUT_MAX))


class Wire:
    """A socket for paramiko that takes no more than `_ROOM` bytes between two answers of the other side.

    paramiko reads a packet of any length, and a banner without end, into memory; this is what stops it.
    """

    def __init__(self, plain: socket.socket) -> None:
        self._plain = plain
        self._room = _LOGIN_ROOM

    def recv(self, size: int) -> bytes:
        data = self._plain.recv(size)
        self._room -= len(data)
        if self._room < 0:
            raise ConnectionAbortedError("more was sent than could be an answer")
        return data

    def relieve(self) -> None:
        """An answer is whole."""
        self._room = _ROOM

    def shut_down(self) -> None:
        """Whoever waits at it is told."""
        try:
            self._plain.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # gone already

    def __getattr__(self, name: str) -> object:
        return getattr(self._plain, name)
