"""Stop signals as an exception that comes once and never in the middle of something indivisible."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    """A stop signal arrived; carries its number. Not an Exception, so that nothing swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class StopSignals:
    """Inside the block the first stop signal raises Stopped in the main thread; later ones do nothing.

    Without that, a second Ctrl-C would break off the stopping and leave processes behind.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._held = False
        self._arrived: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # no other thread may set handlers
            self._before = {number: signal.signal(number, self._handle) for number in _STOP_SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal that arrives inside this block raises Stopped at its end."""
        outer, self._held = self._held, True
        try:
            yield
        finally:
            self._held = outer
        if not outer and self._arrived is not None:
            self._raise(self._arrived)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._arrived = number
        if not self._held:
            self._raise(number)

    def _raise(self, number: int) -> None:
        self._held = True
        raise Stopped(number)
