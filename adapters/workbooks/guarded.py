"""Staff's workbooks, each read in a process of its own that may die.

A file of two kilobytes can make the reader ask for half a terabyte and abort. The process has limits of
memory, time and files, no environment and nothing on disk; whatever becomes of it is an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

import formats
from formats.workbook.read.grid import Workbook, decode
from formats.workbook.read.inspection import Fault, WorkbookLimits

_PIECE = 64 * 1024
_PROGRAM = ("-m", "adapters.workbooks.child")
_ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more than the limit allows
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True)
class Allowance:
    """What the child process may use: bytes, processor time, time on the clock, bytes of its answer."""

    memory: int = 3 * 2**30
    processor: timedelta = timedelta(seconds=90)
    patience: timedelta = timedelta(seconds=180)
    answer: int = 2**30
    files: int = 64


class ChildWorkbooks:
    """Implements `jobs.ports.Workbooks`."""

    def __init__(
        self,
        limits: WorkbookLimits | None = None,
        allowance: Allowance | None = None,
        program: Sequence[str] = _PROGRAM,
    ) -> None:
        """`program`: what is run, as arguments of the Python interpreter."""
        self._limits = limits or WorkbookLimits()
        self._allowance = allowance or Allowance()
        self._program = program

    def read(self, data: bytes, sheet: str) -> Workbook:
        """See the port. Whatever the file does to the child is a fault of the file."""
        if len(data) > self._limits.packed:
            return _refused("WORKBOOK_TOO_LARGE", f"{len(data)} bytes")
        child = self._start(sheet)
        try:
            message = _exchange(child, data, self._allowance)
        finally:
            _end(child)
        if message is None or child.returncode != 0:
            return _refused("WORKBOOK_UNREADABLE", _why(child.returncode))
        try:
            return decode(message)
        except ValueError:
            return _refused("WORKBOOK_UNREADABLE")

    def _start(self, sheet: str) -> subprocess.Popen[bytes]:
        allowance = self._allowance
        request = {
            "title": sheet,
            "limits": asdict(self._limits),
            "memory": allowance.memory,
            "seconds": int(allowance.processor.total_seconds()),
            "files": allowance.files,
        }
        root = str(Path(formats.__file__).resolve().parents[1])
        return subprocess.Popen(  # noqa: S603  # our own module, no shell
            [sys.executable, "-s", "-P", "-B", *self._program, json.dumps(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT | {"PYTHONPATH": root},
            cwd="/",
            start_new_session=True,
        )


def _exchange(child: subprocess.Popen[bytes], data: bytes, allowance: Allowance) -> bytes | None:
    """Feed the child and take its answer; None if it takes too long or says too much."""
    assert child.stdin  # noqa: S101  # pipes were asked for
    assert child.stdout  # noqa: S101
    until = time.monotonic() + allowance.patience.total_seconds()
    feeder = threading.Thread(target=_feed, args=(child.stdin, data), daemon=True)
    feeder.start()
    answer = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while selector.select(max(0.0, until - time.monotonic())):
            piece = os.read(child.stdout.fileno(), _PIECE)
            answer += piece
            if len(answer) > allowance.answer:
                return None
            if not piece:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.0, until - time.monotonic()))
                    return bytes(answer)
                return None
    return None


def _feed(pipe: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError, ValueError), pipe:
        pipe.write(data)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Nothing of the child is left, nor of what it might have started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert child.stdout  # noqa: S101  # a pipe was asked for
    child.stdout.close()


def _why(code: int | None) -> str:
    if code is not None and code < 0 and code != -signal.SIGKILL:
        return f"the reader was stopped by signal {-code}"
    return "the reader gave up" if code else "the reader took too long"


def _refused(code: str, fact: str = "") -> Workbook:
    return Workbook(faults=(Fault(code, fact),))
