"""A lease's owner is known by more than host and process number: a container has both again when it is restarted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from adapters import lease_owner
from adapters.clock import SystemClock
from adapters.lease_owner import LeaseOwner
from adapters.registry.tables import leases
from jobs.errors import ProviderBusy
from jobs.leases import Lease
from tests.support.ledger import Ledger

HOST, PID, TOKEN, START, BOOT, NAMESPACE = range(6)
HOLD = """
import sys
from pathlib import Path
from adapters.lease_owner import LeaseOwner
owner = LeaseOwner(Path(sys.argv[1]))
print(owner.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def us(tmp_path: Path) -> Iterator[LeaseOwner]:
    owner = LeaseOwner(tmp_path / "owners")
    yield owner
    owner.close()


@contextmanager
def another(folder: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The name of an owner that is a process of its own."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process
        finally:
            process.kill()


def like(owner: str, **parts: str) -> str:
    """The owner with other parts, such as `boot="…"`."""
    places = {"host": HOST, "pid": PID, "token": TOKEN, "start": START, "boot": BOOT, "namespace": NAMESPACE}
    found = owner.split(":")
    for name, value in parts.items():
        found[places[name]] = value
    return ":".join(found)


def test_the_living_are_alive_and_the_killed_are_dead(us: LeaseOwner, tmp_path: Path) -> None:
    with another(tmp_path / "owners") as (owner, process):
        assert not us.is_dead(us.name)
        assert not us.is_dead(owner)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # nobody has taken its end note of yet
        assert us.is_dead(owner)
        process.wait()
        assert us.is_dead(owner)


def test_a_container_restarted_as_the_same_host_and_process_number(us: LeaseOwner) -> None:
    """Its number is in use again, by us: only the start tells."""
    assert us.is_dead(like(us.name, start="1"))


def test_the_same_in_another_pid_namespace(us: LeaseOwner, tmp_path: Path) -> None:
    """Its process cannot be seen from here; its lock can, on whatever host name."""
    with another(tmp_path / "owners") as (owner, process):
        elsewhere = like(owner, namespace="1", host="another-container")
        assert not us.is_dead(elsewhere)
        process.kill()
        process.wait()
        assert us.is_dead(elsewhere)


def test_a_machine_that_was_started_again(us: LeaseOwner, tmp_path: Path) -> None:
    with another(tmp_path / "owners") as (owner, process):
        before = like(owner, boot="0123456789ab")
        assert not us.is_dead(before)
        process.kill()
        process.wait()
        assert us.is_dead(before)
        assert not us.is_dead(like(before, host="another-host"))


def test_what_cannot_be_known_counts_as_alive(us: LeaseOwner) -> None:
    unknown = (
        like(us.name, namespace="1", token="00000000"),  # a workspace of its own
        like(us.name, boot="0123456789ab", token="00000000"),
        like(us.name, pid="x"),
        like(us.name, pid="0"),
        "another run",
        "",
    )
    assert [owner for owner in unknown if us.is_dead(owner)] == []


def test_owners_of_an_earlier_muster_are_still_read(us: LeaseOwner, tmp_path: Path) -> None:
    host = us.name.split(":")[HOST]
    with another(tmp_path / "owners") as (_, process):
        old = f"{host}:{process.pid}:0a1b2c3d"
        assert not us.is_dead(old)
        process.kill()
        process.wait()
        assert us.is_dead(old)
        assert not us.is_dead(f"another-host:{process.pid}:0a1b2c3d")


def test_a_name_fits_into_its_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_owner.socket, "gethostname", lambda: "h" * 64)
    owner = LeaseOwner(tmp_path / "owners")
    assert len(owner.name) + len("9999999") <= leases.c.owner.type.length  # type: ignore[attr-defined]
    owner.close()
    assert list((tmp_path / "owners").iterdir()) == []


def test_what_the_killed_left_is_swept_a_day_later(tmp_path: Path) -> None:
    with another(tmp_path / "owners") as (owner, process):
        left = tmp_path / "owners" / owner.split(":")[TOKEN]
        os.utime(left, (0, 0))
        LeaseOwner(tmp_path / "owners").close()
        assert left.exists()  # it lives
        process.kill()
        process.wait()
        LeaseOwner(tmp_path / "owners").close()
        assert not left.exists()


def test_the_lease_of_such_an_owner_is_taken_over_at_once(ledger: Ledger, us: LeaseOwner) -> None:
    clock = SystemClock()
    restarted = like(us.name, start="1")

    def take(owner: str) -> None:
        with ledger.registry.transaction() as tx:
            tx.leases.take("acme:out", owner, clock.now(), timedelta(minutes=30), dead=False)

    def work(is_dead: Callable[[str], bool]) -> None:
        with Lease(ledger.registry, clock, "acme:out", us.name).held(is_dead):
            pass

    take(restarted)
    with pytest.raises(ProviderBusy):
        work(lambda owner: False)
    work(us.is_dead)
