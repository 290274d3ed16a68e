"""`make chaos`: runs that are killed at moments drawn by chance, again and again, for so many minutes.

Each trial sets a scene (`tests.faults.plots`), kills its run up to three times, lets it be finished in peace and judges
it as `tests/faults/test_every_boundary.py` does: every device once, at the provider's and in our tables. The first kill
is at a boundary that was not killed at yet, as long as there is one; the others are anywhere. On SQLite and PostgreSQL,
with the simulator's SFTP server and gpg. The same seed draws the same trials.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

from jobs.job import Job
from tests.faults.plots import PLOTS, Stage, Trial
from tests.faults.test_upload_crash_points import with_small_chunks
from tests.support.boundaries import outside
from tests.support.crashing import crasher
from tests.support.desk import open_desk
from tests.support.postgres import running_postgres

MOST_KILLS = 3


@dataclass
class Tally:
    """What became of the trials of one plot on one database; `left`: boundaries that nobody was killed at yet."""

    moments: int = 0
    boundaries: int = 0
    left: list[str] = field(default_factory=list)
    trials: int = 0
    kills: int = 0
    failed: list[str] = field(default_factory=list)


Table = defaultdict[tuple[str, str], Tally]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = arguments.parse_args()
    until = time.monotonic() + chosen.minutes * 60
    table: Table = defaultdict(Tally)
    print(f"Killing runs for {chosen.minutes:g} min, seed {chosen.seed}", flush=True)
    with stages() as found:
        chance = random.Random(chosen.seed)
        while time.monotonic() < until and not any(tally.failed for tally in table.values()):
            database, plot = chance.choice(sorted(found)), chance.choice(sorted(PLOTS))
            _tried(found[database], plot, chance, table[database, plot])
    _print(table)
    return int(any(tally.failed for tally in table.values()))


@contextmanager
def stages() -> Iterator[dict[str, Stage]]:
    """An installation with its simulator on each database."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_postgres() as postgres,
        open_desk(Path(folder, "sqlite"), f"sqlite:///{folder}/registry.db") as first,
        open_desk(Path(folder, "postgresql"), postgres.fresh()) as second,
        crasher(with_small_chunks(first).installation) as first_killer,
        crasher(with_small_chunks(second).installation) as second_killer,
    ):
        yield {"sqlite": Stage(first, first_killer), "postgresql": Stage(second, second_killer)}


def _tried(stage: Stage, plot: str, chance: random.Random, tally: Tally) -> None:
    """One trial. The first of a plot runs undisturbed: it says which moments there are."""
    points: list[str] = []
    try:
        trial = PLOTS[plot](stage)
        if not tally.moments:
            _learn(trial, chance, tally)
        else:
            points = _drawn(trial, chance, tally)
            codes = [trial.run(point) for point in points]
            assert set(codes) <= {0, -SIGKILL}, codes
            tally.kills += codes.count(-SIGKILL)
            tally.trials += 1
        trial.settled()
    except Exception:
        tally.failed.append(f"{plot}, killed at {', '.join(points) or 'no moment'}\n{traceback.format_exc()}")


def _learn(trial: Trial, chance: random.Random, tally: Tally) -> None:
    listed = trial.moments()
    tally.moments = len(listed)
    tally.left = outside(listed)
    tally.boundaries = len(tally.left)
    chance.shuffle(tally.left)


def _drawn(trial: Trial, chance: random.Random, tally: Tally) -> list[str]:
    """What a person does is not done again where it was done: it is killed once."""
    kills = chance.randint(1, MOST_KILLS) if trial.deed in set(Job) else 1
    points = [f"#{chance.randint(1, tally.moments)}" for _ in range(kills)]
    return [tally.left.pop(), *points[1:]] if tally.left else points


def _print(table: Table) -> None:
    print(f"  {'database':<12}{'plot':<18}{'moments':>8}{'boundaries':>12}{'trials':>8}{'kills':>8}{'failed':>8}")
    for (database, plot), tally in sorted(table.items()):
        reached = f"{tally.boundaries - len(tally.left)}/{tally.boundaries}"
        counted = f"{tally.moments:>8}{reached:>12}{tally.trials:>8}{tally.kills:>8}{len(tally.failed):>8}"
        print(f"  {database:<12}{plot:<18}{counted}")
    tallies = table.values()
    there = sum(tally.boundaries for tally in tallies)
    reached = f"{there - sum(len(tally.left) for tally in tallies)}/{there}"
    sums = [sum(tally.trials for tally in tallies), sum(tally.kills for tally in tallies)]
    print(f"  {'Sum':<38}{reached:>12}{sums[0]:>8}{sums[1]:>8}{sum(len(tally.failed) for tally in tallies):>8}")
    for tally in tallies:
        for failure in tally.failed:
            print(failure)


if __name__ == "__main__":
    sys.exit(main())
