"""Twelve unfinished uploads of 45 MB cost the API server 513 MB; a hundred slow ones stayed for ever.

`tests/dags/test_slow_bodies.py` sends them to the plugin's own routes.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request

from adapters.settings import BodySettings, Workspace
from jobs.errors import MusterError
from tests.support.slow_bodies import FORM, answer, begin, served, until, whole

sys.path.insert(0, str(Path(__file__).parents[2] / "plugins"))  # as Airflow does
import muster_bodies

LIMIT = 50_000_000
USUAL = BodySettings()
UNFINISHED = 5_000_000
KEPT_IN_MEMORY = 500_000  # of each unfinished body, with all that a connection takes


class Bounds:
    """The settings in force."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, spool: Path) -> None:
        self.spool = spool
        self._monkeypatch = monkeypatch
        self.set()

    def set(self, **values: Any) -> None:
        self._monkeypatch.setattr(muster_bodies, "_settings", lambda: (replace(USUAL, **values), self.spool))


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bounds:
    return Bounds(monkeypatch, tmp_path / "spool")


@pytest.fixture
def port(bounds: Bounds) -> Iterator[int]:
    """A real server with one route that reads a file; its user is in the path."""
    app = FastAPI()

    @app.post("/{user}")
    async def receive(user: str, request: Request) -> int:
        return len((await muster_bodies.read_file(request, LIMIT, "file", user)).data)

    with served(app) as number:
        yield number


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The files that bodies were landed in."""
    made: list[Any] = []
    original = muster_bodies.TemporaryFile
    monkeypatch.setattr(muster_bodies, "TemporaryFile", lambda **where: made.append(original(**where)) or made[-1])
    return made


def test_unfinished_bodies_lie_in_files_and_only_so_many_are_read(port: int, bounds: Bounds, bodies: list[Any]) -> None:
    part = FORM + b"x" * UNFINISHED
    waiting = [begin(port, "/ada", part, 45_000_000) for _ in range(USUAL.of_a_user)]
    until(lambda: len(bodies) == len(waiting) and all(body.tell() == len(part) for body in bodies))
    refused = whole(port, "/ada")
    assert refused.startswith(b"HTTP/1.1 429")
    assert b"retry-after: 30" in refused
    assert b"wait until one is done" in refused
    assert whole(port, "/bob").startswith(b"HTTP/1.1 200")
    bounds.set(in_all=len(waiting))
    assert whole(port, "/bob").startswith(b"HTTP/1.1 503")
    bounds.set()
    for body in bodies[: len(waiting)]:
        facts = Path(f"/proc/self/fd/{body.fileno()}").stat()
        assert (facts.st_nlink, facts.st_mode & 0o777, facts.st_dev) == (0, 0o600, bounds.spool.stat().st_dev)
        assert Path(f"/proc/self/fd/{body.fileno()}").readlink().parent == bounds.spool
    assert list(bounds.spool.iterdir()) == []
    assert bounds.spool.stat().st_mode & 0o777 == 0o700
    for wire in waiting:
        wire.close()
    until(lambda: all(body.closed for body in bodies))
    assert whole(port, "/ada").endswith(b"100000")


def test_what_an_unfinished_body_keeps_in_memory(port: int, bounds: Bounds, bodies: list[Any]) -> None:
    """Counted, not measured: every byte that Python has allocated and not freed."""
    number = 12
    bounds.set(of_a_user=number)
    assert whole(port, "/ada").startswith(b"HTTP/1.1 200")  # what is loaded once is loaded
    part = FORM + b"x" * UNFINISHED
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        waiting = [begin(port, "/ada", part, 45_000_000) for _ in range(number)]
        until(lambda: len(bodies) == 1 + number and all(body.tell() == len(part) for body in bodies[1:]))
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    for wire in waiting:
        wire.close()
    assert now - before < number * KEPT_IN_MEMORY < UNFINISHED * number / 5
    until(lambda: all(body.closed for body in bodies))


def test_a_body_that_stalls_is_given_up(port: int, bounds: Bounds) -> None:
    bounds.set(deadline=timedelta(seconds=0.2))
    refused = answer(begin(port, "/ada", FORM, 1_000_000))
    assert refused.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in refused
    until(lambda: muster_bodies._GATE._readers.total() == 0)


def test_a_body_below_the_minimum_rate_is_given_up(port: int, bounds: Bounds) -> None:
    """What has come buys time at the rate: as much more comes and the end stays away."""
    bounds.set(deadline=timedelta(seconds=0.2), minimum_rate=1_000_000)
    assert answer(begin(port, "/ada", FORM + b"x" * 300_000, 1_000_000)).startswith(b"HTTP/1.1 408")


def test_a_spool_that_takes_nothing_is_no_fault_of_the_sender(bounds: Bounds) -> None:
    bounds.spool.touch()
    with pytest.raises(MusterError):
        muster_bodies._private_file(bounds.spool)


def test_the_bounds_are_those_of_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_HOME", str(tmp_path))
    (tmp_path / "providers").mkdir()
    told = 'deadline = "1m"\nminimum_rate = 7\nof_a_user = 2\nin_all = 5\n'
    (tmp_path / "muster.toml").write_text(f"[console.bodies]\n{told}")
    assert muster_bodies._settings() == (BodySettings(timedelta(minutes=1), 7, 2, 5), Workspace(tmp_path).spool)
