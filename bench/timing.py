"""How it is timed: whole processes from outside, stages of a process from within."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_KIB = 1024
_PEAK = "VmHWM:"
_RESET_PEAK = "5"  # what Linux is written to begin the peak anew


@dataclass(frozen=True)
class Timing:
    """A process or a stage: seconds, and peak resident memory in MiB."""

    name: str
    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Staged:
    """A process by its stages, and what it says it did. What no stage has is its start and end."""

    whole: Timing
    stages: dict[str, Timing]
    told: dict[str, object]


def timed(name: str, command: Sequence[str], output: int = subprocess.DEVNULL) -> tuple[Timing, bytes]:
    """Run a process with the children it waits for. Ends the benchmark if it fails."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=output)  # noqa: S603 - our own commands
    printed = process.stdout.read() if process.stdout is not None else b""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    return Timing(name, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // _KIB), printed


def timed_stages(name: str, command: Sequence[str]) -> Staged:
    """Run a process that ends with `Stopwatch.report`."""
    whole, printed = timed(name, command, subprocess.PIPE)
    told = json.loads(printed.splitlines()[-1])
    stages = {item["name"]: Timing(**item) for item in told.pop("stages")}
    peak = max(item.peak for item in stages.values())  # the kernel's own counts what the process was forked from
    return Staged(replace(whole, peak=peak), stages, told)


class Stopwatch:
    """Wall and processor time, children's included, go to the innermost stage that is open."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._spent: dict[str, Timing] = {}
        self._since = _now()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._settle()
        self._open.append(name)
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def report(self, **told: object) -> None:
        """One line for `timed_stages`."""
        print(json.dumps({"stages": [asdict(item) for item in self._spent.values()], **told}))

    def _settle(self) -> None:
        wall, cpu, children = _now()
        before = self._since
        if self._open:
            name = self._open[-1]
            so_far = self._spent.get(name, Timing(name, 0.0, 0.0, 0))
            peak = max(so_far.peak, _own_peak(), _peak_of_children() if children > before[2] else 0)
            spent = cpu + children - before[1] - before[2]
            self._spent[name] = Timing(name, so_far.wall + wall - before[0], so_far.cpu + spent, peak)
        _begin_peak()
        self._since = _now()


def _now() -> tuple[float, float, float]:
    """Wall, own and children's processor seconds."""
    used = os.times()
    return time.monotonic(), used.user + used.system, used.children_user + used.children_system


def _own_peak() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # no Linux: the peak so far
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB
    return next(int(line.split()[1]) for line in lines if line.startswith(_PEAK)) // _KIB


def _peak_of_children() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // _KIB


def _begin_peak() -> None:
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return
