"""Starts Airflow's scheduler with the application imported already: `python -m app.console.scheduler …`.

The LocalExecutor forks its tasks from the scheduler. What the scheduler has imported, no task imports
again; without this each task spends seconds of processor time on imports.
"""

from __future__ import annotations

import runpy
import sys

import adapters.quality.suite  # noqa: F401  (imported for the tasks)
from jobs.catalogue import PLANS
from jobs.job import Job


def main() -> None:
    """Become `airflow scheduler` with the arguments given to this module."""
    for step in (step for job in Job for step in PLANS[job].steps):
        step.load()
    sys.argv = ["airflow", "scheduler", *sys.argv[1:]]
    runpy.run_module("airflow", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
