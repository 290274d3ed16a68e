"""Work and memory counted, not timed: the same on every machine, and a parser that runs wild is stopped.

Work is calls of Python and C functions, memory the peak of Python's own; both may grow with the input, by so much.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What reading `n` bytes may cost: `calls + calls_per_byte * n` calls, `memory + memory_per_byte * n` bytes."""

    calls: int = 60_000
    calls_per_byte: int = 60
    memory: int = 4 * 2**20
    memory_per_byte: int = 400


class OutOfBounds(BaseException):
    """Not an Exception: no parser may catch it."""


def bounded(parse: Callable[[bytes], T], data: bytes, bounds: Bounds) -> T:
    """`parse(data)`. Raises OutOfBounds as soon as it makes too many calls, or when it took too much memory."""
    left = bounds.calls + bounds.calls_per_byte * len(data)

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OutOfBounds(f"more work than {len(data)} bytes deserve")

    tracemalloc.start()
    sys.setprofile(count)
    try:
        result = parse(data)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if peak > bounds.memory + bounds.memory_per_byte * len(data):
        raise OutOfBounds(f"{peak} bytes of memory for {len(data)} bytes")
    return result
