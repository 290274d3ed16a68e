"""The demo as a person starts it: a process of its own, a new home, through the real Airflow."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.settings import Workspace
from jobs.job import Job
from tests.support.machine import need

DEVICES = 60
ENDS = {"ENROLLED": 44, "UNENROLLED": 1, "REJECTED": 8, "REVIEW": 1, "NOT_REQUESTED": 1}
GROWING = ("order_lines", "batches", "lines", "outcomes", "device_events", "orders", "devices", "files")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with spaces, deeper than the socket of a gpg agent may lie."""
    made = tmp_path / "a path with spaces" / ("deep " * 20).strip()
    made.mkdir(parents=True)
    return made


@pytest.fixture
def workspace(place: Path) -> Iterator[Workspace]:
    """Where the demo is to work; afterwards no process may be left that knows of it."""
    made = Workspace(place / "ws")
    yield made
    assert left_over(made.home) == []


def demo(place: Path, devices: int, **environment: str) -> subprocess.Popen[str]:
    (place / "home").mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "MUSTER", "COLUMNS"))}
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "--home", str(place / "ws"), "demo", "--devices", str(devices)],
        cwd=place,
        env=kept | {"HOME": str(place / "home")} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_over(home: Path) -> list[str]:
    """Processes with the workspace in their environment or arguments, but for the asking test."""
    found = []
    for entry in Path("/proc").glob("[0-9]*") if Path("/proc").is_dir() else ():
        try:
            text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if int(entry.name) != os.getpid() and str(home).encode() in text:
            found.append((entry / "cmdline").read_text(errors="replace"))
    return found


def counted(workspace: Workspace, query: str) -> dict[Any, int]:
    with closing(sqlite3.connect(workspace.registry)) as connection:
        return dict(connection.execute(query).fetchall())


def sizes(workspace: Workspace) -> dict[str, int]:
    return {name: counted(workspace, f"SELECT 1, count(*) FROM {name}")[1] for name in GROWING}  # noqa: S608


@pytest.mark.timeout(600)
def test_the_whole_round_through_airflow_and_a_second_run_that_changes_nothing(
    place: Path, workspace: Workspace
) -> None:
    need("gpg")
    said, complaint = demo(place, DEVICES).communicate()
    assert complaint == ""
    assert "All is well" in said
    check_what_was_said(said, workspace)
    assert counted(workspace, "SELECT state, count(*) FROM order_lines GROUP BY 1") == ENDS
    assert counted(workspace, "SELECT state, count(*) FROM batches GROUP BY 1") == {"CLOSED": 3}
    order_error = "SELECT provider_code, count(*) FROM outcomes WHERE level = 'ORDER' GROUP BY 1"
    assert counted(workspace, order_error) == {"OR-4110": 6}
    check_airflow(workspace, {"order_dispatch": 1, "device_enrolment_request": 2, "device_enrolment_response": 2})
    assert list(workspace.inbox.iterdir()) == []
    first = sizes(workspace)

    again = demo(place, DEVICES)
    said, complaint = again.communicate()
    assert (again.returncode, complaint) == (0, "")
    assert "Nothing changed" in said
    assert "All is well" in said
    assert sizes(workspace) == first
    check_airflow(workspace, {"order_dispatch": 2, "device_enrolment_request": 3, "device_enrolment_response": 3})


def check_what_was_said(said: str, workspace: Workspace) -> None:
    """Readable in 80 columns, nothing of Airflow's own, and every report it names is there."""
    assert "\x1b" not in said
    lines = [line for line in said.splitlines() if str(workspace.home) not in line]
    assert [line for line in lines if len(line) > 80] == []
    assert re.search("INFO|WARNING|Traceback|airflow\\.", said) is None
    reports = re.findall(r"\S+\.html", said)
    assert len(reports) == 5
    assert all((workspace.reports / report).is_file() for report in reports)


def check_airflow(workspace: Workspace, expected: dict[str, int]) -> None:
    """The runs Airflow itself remembers: as many of each job, all of them well."""
    with closing(sqlite3.connect(workspace.home / "airflow" / "airflow.db")) as connection:
        runs = connection.execute("SELECT dag_id, state, count(*) FROM dag_run GROUP BY 1, 2").fetchall()
    counted = {dag_id.removesuffix(".acme"): (state, count) for dag_id, state, count in runs}
    uploads = counted.pop(Job.BULK_UPLOAD, ("success", 0))  # looks every minute whether a workbook lies there
    assert uploads[0] == "success"
    assert counted == {job: ("success", count) for job, count in expected.items()}


def test_a_stop_signal_ends_it_and_leaves_nothing_running(place: Path, workspace: Workspace) -> None:
    need("gpg")
    running = demo(place, DEVICES)
    assert running.stdout
    until = time.monotonic() + 60
    while "Set-up" not in running.stdout.readline():
        assert time.monotonic() < until
    time.sleep(1)
    running.send_signal(signal.SIGTERM)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM
    assert "Stopped" in said


def test_without_gpg_it_says_so_in_one_line(place: Path, workspace: Workspace) -> None:
    (place / "bin").mkdir()
    running = demo(place, DEVICES, PATH=str(place / "bin"))
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "gpg is not installed" in complaint
    assert "apt-get install gnupg" in complaint
    assert len(complaint.splitlines()) <= 2
    assert not workspace.home.exists()


def test_a_workspace_that_is_not_the_demos_is_left_alone(place: Path, workspace: Workspace) -> None:
    need("gpg")
    workspace.create()
    (workspace.providers / "real.toml").write_text("kind = 'generic'\n")
    before = sorted(workspace.home.rglob("*"))
    running = demo(place, DEVICES)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "WORKSPACE_TAKEN" in complaint
    assert sorted(workspace.home.rglob("*")) == before


def test_beside_a_running_console_it_does_not_start(place: Path, workspace: Workspace) -> None:
    need("gpg")
    folder = workspace.home / "airflow"
    folder.mkdir(parents=True)
    with (folder / "console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = demo(place, DEVICES)
        _, complaint = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "DEMO_RUNNING" in complaint
    assert not workspace.config.exists()


def test_too_few_devices_are_refused_with_the_bounds(place: Path, workspace: Workspace) -> None:
    running = demo(place, 5)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "from 50 to 200,000" in complaint
