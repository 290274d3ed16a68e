"""Jobs name their use cases as text: each exists, and nothing is imported before its step is taken."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from jobs.catalogue import PLANS, STEPS
from jobs.job import Job


@pytest.mark.parametrize("job", Job)
def test_every_step_has_its_use_case(job: Job) -> None:
    for step in PLANS[job].steps:
        use_case = step.load()
        assert list(inspect.signature(use_case).parameters) == ["exchange", "run"], step
        assert inspect.signature(use_case).return_annotation == "Work"
    assert len(set(STEPS[job])) == len(PLANS[job].steps) > 0


def test_the_catalogue_imports_no_use_case() -> None:
    code = "import sys, jobs.catalogue; print(*sorted(name for name in sys.modules if name.startswith('jobs')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "jobs jobs.catalogue jobs.job"
