"""Runs a job in a process that kills itself at a named call: no hook in the product, the call is replaced there.

A point is `module:function:before` or `module:Class.method:after`. This module is also the program that
forks the jobs: it has everything imported, no threads, and no connection open.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.settings import Workspace
from jobs.job import Job
from simulator import SimulatorHome
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


class Crasher:
    """`run` does one job in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job, point: str = "", **options: Any) -> int:
        """Exit code of the job: 0, 1 with an error, -9 if it was killed at `point`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"job": job, "point": point, "options": options}) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def crasher(installation: Installation) -> Iterator[Crasher]:
    command = [sys.executable, "-m", "tests.support.crashing", str(installation.workspace.home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield Crasher(process)
        finally:
            process.terminate()


def main(home: str) -> None:
    workspace = Workspace(Path(home))
    installation = Installation(workspace, SimulatorHome.open(workspace.simulator / "acme"))
    from tests.support import desk  # everything heavy, once, before the first fork

    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_job(installation, desk.unvalidated, **order))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _job(
    installation: Installation, validate: Callable[..., Any], job: str, point: str, options: dict[str, Any]
) -> int:
    try:
        if point:
            _arm(point)
        with installation.open(validate=validate) as app:
            app.run(Job(job), actor="tests", **options)
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
