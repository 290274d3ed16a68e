"""Runs a job in a process that kills itself at a point: no hook in the product, what it calls is replaced there.

A point is a boundary with its moment (`tests.support.boundaries`), `#12` for the twelfth of all moments, or a function
of ours: `module:function:before`, `module:Class.method:after`. This module is also the program that forks the jobs:
it has everything imported and the settings read, no threads, and no connection open, so that a kill costs a fork.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.settings import Workspace
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


class Crasher:
    """`run` does one deed in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, deed: str, point: str = "", **options: Any) -> int:
        """Exit code of a job or of what a person does (`tests.support.crashed_job.Deed`).

        0, 1 with an error, -9 if it was killed at `point`.
        """
        return self._ordered(deed, point, "", options)

    def moments(self, deed: str, **options: Any) -> list[str]:
        """Every moment of an undisturbed run, in order."""
        with tempfile.NamedTemporaryFile("r", encoding="utf-8") as told:
            assert self._ordered(deed, "", told.name, options) == 0
            return told.read().splitlines()

    def _ordered(self, deed: str, point: str, told: str, options: dict[str, Any]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"deed": deed, "point": point, "told": told, "options": options}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


def killed_at_each(run: Callable[[str], int], points: Sequence[str]) -> list[str]:
    """Runs that are killed at these points, one after the other, until one ends well; the points that are left."""
    for at, point in enumerate(points):
        code = run(point)
        if code != -signal.SIGKILL:
            assert code == 0, f"{point}: exit code {code}"
            assert at, f"no run reaches {point}"
            return list(points[at:])
    return []


@contextmanager
def crasher(installation: Installation) -> Iterator[Crasher]:
    command = [sys.executable, "-m", "tests.support.crashing", str(installation.workspace.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Crasher(process)
        finally:
            process.terminate()


def main(home: str) -> None:
    from tests.support import crashed_job  # everything heavy, once, before the first fork

    workspace = Workspace(Path(home))
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_job(crashed_job.run, workspace, **order))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _job(run: Callable[..., None], workspace: Workspace, point: str, **order: Any) -> int:
    try:
        is_function = point.count(":") == 2 and " " not in point
        if is_function:
            _arm(point)
        run(workspace, point="" if is_function else point, **order)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _arm(point: str) -> None:
    module, name, when = point.split(":")
    owner: Any = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    original = getattr(owner, last)

    def armed(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            original(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, last, armed)


if __name__ == "__main__":
    main(sys.argv[1])
