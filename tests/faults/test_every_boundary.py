"""kill -9 at every boundary there is: the list is made from the code, so a new one is killed at, or missed here."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import pytest

from tests.faults.plots import PLOTS, Stage
from tests.faults.test_upload_crash_points import small  # noqa: F401  (a fixture)
from tests.support.boundaries import boundaries, outside
from tests.support.crashing import crasher, killed_at_each
from tests.support.desk import Desk
from tests.support.postgres import DATABASES

MOST_SCENES = 12  # for one plot: a delivery in doubt ends a scene, since a run does nothing more about it

INSIDE = "inside what another port does, which is killed at"
LOOKS = "looks, and changes nothing"
RENEWS = "every ten minutes, moves the end of a lease: the lease of a dead owner is taken over whatever its end"
ELSEWHERE = {
    "Archive.intact": LOOKS,
    "Archive.kept": LOOKS,
    "Cipher.open_own": INSIDE,
    "Cipher.protect_own": INSIDE,
    "Spool.sweep": "before the run: tests/integration/test_spool.py",
    "transaction in jobs.leases:Lease._keep": RENEWS,
    "transaction in jobs.release:release": "one transaction, on somebody's order, that ends what it does",
}
"""Boundaries that no plot comes to, and why."""


@pytest.fixture(scope="module")
def stage(small: Desk) -> Iterator[Stage]:  # noqa: F811
    with crasher(small.installation) as killer:
        yield Stage(small, killer)


@pytest.fixture(scope="module")
def moments(stage: Stage) -> dict[str, list[str]]:
    """The moments of an undisturbed run of each plot that no earlier plot has, as the first database shows them."""
    known: set[str] = set()
    for plot, set_scene in PLOTS.items() if not _FOUND else ():
        trial = set_scene(stage)
        listed = outside(trial.moments())
        trial.settled()
        _FOUND[plot] = [moment for moment in listed if moment not in known]
        known.update(listed)
    return _FOUND


_FOUND: dict[str, list[str]] = {}


def test_every_boundary_is_killed_at_here_or_elsewhere(moments: dict[str, list[str]]) -> None:
    here = {moment.rpartition(":")[0] for listed in moments.values() for moment in listed}
    missed = sorted(boundaries() - here - set(ELSEWHERE))
    assert missed == [], "\n".join(missed)
    assert sorted(set(ELSEWHERE) & here) == []
    assert sorted(set(ELSEWHERE) - boundaries()) == []


@pytest.mark.parametrize("plot", PLOTS)
def test_killed_at_every_boundary(stage: Stage, moments: dict[str, list[str]], plot: str) -> None:
    """Half of them on each database; `make chaos` kills at all of them on both."""
    mine = DATABASES.index(stage.desk.engine.dialect.name)
    left = [moment for moment in moments[plot] if crc32(moment.encode()) % len(DATABASES) == mine]
    for _ in range(MOST_SCENES):
        if not left:
            break
        trial = PLOTS[plot](stage)
        left = killed_at_each(trial.run, left)
        trial.settled()
    assert left == []
