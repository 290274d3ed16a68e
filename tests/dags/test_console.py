"""The launcher: its files, its child processes, and one true start and stop of Airflow."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.settings import Workspace
from app.console import AirflowClient, Console, ConsoleFailed, Stopped
from app.console.client import ConsoleSilent
from app.console.home import Home
from app.console.processes import Child, kill_left_over, session_members, stop_all
from app.console.signals import StopSignals
from tests.dags.samples import ACME, workspace

linux = pytest.mark.skipif(not Path("/proc").is_dir(), reason="sessions are read from /proc")

FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen(["sleep", "600"], process_group=0)
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """A child with a child in another process group, as Airflow's task processes are."""
    made: list[Child] = []

    def start(kind: str) -> Child:
        log = tmp_path / f"{len(made)}.log"
        child = Child(kind, (sys.executable, "-c", FAMILY, kind), {**os.environ, "MARK": str(tmp_path)}, log)
        made.append(child)
        child.start()
        until = time.monotonic() + 20
        while not log.read_text(encoding="utf-8").strip() and time.monotonic() < until:
            time.sleep(0.02)
        return child

    yield start
    for child in made:
        child.kill_session()


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"


def gone(pids: tuple[int, ...]) -> bool:
    until = time.monotonic() + 5
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


class TestProcesses:
    @linux
    @pytest.mark.parametrize("kind", ["obedient", "deaf"])
    def test_a_stop_leaves_no_member_of_the_session(self, family: Callable[[str], Child], kind: str) -> None:
        child = family(kind)
        assert child.pid
        members = session_members(child.pid)
        assert len(members) == 2
        stop_all([child], grace=0.5)
        assert child.ended
        assert gone(members)

    @linux
    def test_left_over_processes_are_killed_only_with_our_mark(
        self, family: Callable[[str], Child], tmp_path: Path
    ) -> None:
        child = family("obedient")
        assert child.pid
        assert kill_left_over([child.pid], "MARK=/elsewhere") == 0
        assert not child.ended
        assert kill_left_over([child.pid], f"MARK={tmp_path}") == 2
        child.wait(time.monotonic() + 5)
        assert child.exit_code == -signal.SIGKILL

    def test_the_tail_of_a_log_is_its_end(self, tmp_path: Path) -> None:
        child = Child("echo", ("sh", "-c", "seq 1 100"), dict(os.environ), tmp_path / "log")
        assert child.tail() == "(no output)"
        child.start()
        child.wait(time.monotonic() + 10)
        assert child.tail(2) == "99\n100"
        assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


class TestStopSignals:
    def test_the_first_signal_raises_and_later_ones_do_nothing(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        with StopSignals():
            with pytest.raises(Stopped, match="SIGTERM"):
                signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) == before

    def test_what_is_held_is_finished_first(self) -> None:
        finished: list[str] = []

        def work(signals: StopSignals) -> None:
            with signals.held():
                signal.raise_signal(signal.SIGHUP)
                finished.append("work")

        with StopSignals() as signals:
            with pytest.raises(Stopped, match="SIGHUP"):
                work(signals)
            work(signals)  # the stopping itself: a second signal does nothing any more
        assert finished == ["work", "work"]

    def test_without_a_signal_nothing_happens(self) -> None:
        with StopSignals() as signals, signals.held():
            pass


class TestHome:
    def test_secrets_are_private_and_stay_the_same(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "airflow")
        first = home.prepare()
        assert home.prepare() == first
        assert json.loads(home.passwords.read_text(encoding="utf-8")) == {"admin": first.password}
        assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
        for path in home.folder.glob("*.json"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert first.password not in repr(first)
        assert first.jwt_secret not in repr(first)

    def test_the_children_get_our_connections_and_no_settings_of_another_airflow(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "postgresql://elsewhere")
        monkeypatch.setenv("AIRFLOW_CONN_ACME", "sftp://muster@sftp.acme.example.com")
        home = Home(tmp_path / "airflow")
        made = home.environment(Workspace(tmp_path), 8080, tmp_path, tmp_path, home.prepare())
        assert made["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{tmp_path}/airflow/airflow.db"
        assert made["AIRFLOW_CONN_ACME"] == "sftp://muster@sftp.acme.example.com"
        assert made["MUSTER_HOME"] == str(tmp_path)
        assert made["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
        assert made["AIRFLOW__API__HOST"] == "127.0.0.1"

    def test_a_log_of_the_last_start_is_kept(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "airflow")
        home.prepare()
        home.fresh_log("scheduler").write_text("old", encoding="utf-8")
        assert not home.fresh_log("scheduler").exists()
        assert (home.logs / "scheduler.log.1").read_text(encoding="utf-8") == "old"


def test_a_client_without_a_server_says_it_does_not_answer() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(ConsoleSilent):
        AirflowClient("127.0.0.1", port, "admin", "no").health()


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "airflow"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho the database is broken\nexit 3\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("app.console.launcher._AIRFLOW", str(program))
    said: list[str] = []
    with pytest.raises(ConsoleFailed, match="the database is broken"), Console(workspace(tmp_path), 0, say=said.append):
        pytest.fail("it must not start")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


BURST = """
import sys
from pathlib import Path
from app.console import Console, Stopped
from adapters.settings import Workspace

sys.executable = sys.argv[2]
try:
    with Console(Workspace(Path(sys.argv[1])), 0, companions={"one": ("sleep", "600")}, say=lambda text: None):
        pass
except Stopped as stopped:
    print(stopped, flush=True)
"""
PROGRAM = """#!/bin/sh
[ "$1" = db ] && exit 0
sleep 600 &
wait
"""


@linux
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3])
def test_a_burst_of_signals_during_the_start_leaves_nothing(tmp_path: Path, delay: float) -> None:
    program = tmp_path / "bin" / "airflow"
    program.parent.mkdir()
    program.write_text(PROGRAM, encoding="utf-8")
    program.chmod(0o755)
    home = workspace(tmp_path / "ws").home
    launcher = subprocess.Popen(
        [sys.executable, "-c", BURST, str(home), str(program.parent / "python")], stdout=subprocess.PIPE, text=True
    )
    sessions = home / "airflow" / "sessions.json"
    until = time.monotonic() + 30
    while not sessions.exists() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(delay)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        launcher.send_signal(number)
    said, _ = launcher.communicate(timeout=60)
    assert said in ("SIGINT\n", "SIGTERM\n")
    mark = f"MUSTER_CONSOLE={home / 'airflow'}".encode()
    processes = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    assert [entry.name for entry in processes if mark in environment(entry)] == []


def environment(process: Path) -> list[bytes]:
    try:
        return (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


RUN = """
import sys
from pathlib import Path
from app.console import Console, Stopped
from adapters.settings import Workspace

workspace, port = Workspace(Path(sys.argv[1])), int(sys.argv[2])
companions = {"simulator": (sys.executable, "-c", "import time; time.sleep(600)")}
try:
    with Console(workspace, port, pools={"provider_acme": 1}, companions=companions) as up:
        print("UP", up.port, up.password, flush=True)
        up.stay(interval=0.2)
except Stopped as stopped:
    print(stopped, flush=True)
"""


@linux
def test_airflow_starts_runs_our_plugin_and_dags_and_leaves_no_process_behind(tmp_path: Path) -> None:
    home = workspace(tmp_path, "[inbox]\nschedule = ''\n", acme=ACME).home
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        launcher = subprocess.Popen(
            [sys.executable, "-c", RUN, str(home), str(port)],
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
        )
        try:
            assert launcher.stdout
            lines: list[str] = []
            while not lines or not (lines[-1].startswith("UP") or lines[-1] == ""):
                lines.append(launcher.stdout.readline())
            assert lines[-1].startswith("UP"), lines
            assert any(f"Port {port} is in use" in line for line in lines)
            _, chosen, password = lines[-1].split()
            use_it(AirflowClient("127.0.0.1", int(chosen), "admin", password))
        finally:
            sessions = json.loads((home / "airflow" / "sessions.json").read_text(encoding="utf-8"))
            members = tuple(pid for session in sessions for pid in session_members(session))
            launcher.terminate()
            said, _ = launcher.communicate(timeout=60)
    assert said.endswith("SIGTERM\n")
    assert len(members) >= 6
    assert gone(members)


def use_it(client: AirflowClient) -> None:
    until = time.monotonic() + 60
    expected = (
        "bulk_upload",
        "device_enrolment_request.acme",
        "device_enrolment_response.acme",
        "order_dispatch",
    )
    while len(client.dags()) < len(expected) and time.monotonic() < until:
        time.sleep(0.5)
    assert client.dags() == expected
    assert client.import_errors() == ()
    client.ensure_pool("provider_acme", 2)
    client.unpause("order_dispatch")
