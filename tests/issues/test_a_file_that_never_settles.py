"""A file that goes on changing is said, warned of after a while, and read when only its server's clock moves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select

from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.registry.tables import files
from app.bootstrap import Muster
from jobs.context import Exchange
from jobs.job import Job
from jobs.ports import RemoteFile
from jobs.runs import RunReport, RunStatus
from jobs.stability import Gate, Steady, steady_files
from jobs.work import Work
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.odd_sftp import Odd, OddServer, odd_server
from tests.support.orders import order_text

MINUTE = timedelta(minutes=1)
GATE = Gate("orders test", timedelta(seconds=5), 30 * MINUTE)


class Looks:
    """A run now and then that looks twice at one file; `moving` tells its size and time at each look."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.time, self.looks = ledger, datetime(2026, 3, 1, 9, 0, tzinfo=UTC), 0
        self.exchange = cast(
            Exchange,
            SimpleNamespace(clock=self, registry=ledger.registry, change=lambda run: ledger.registry.transaction()),
        )

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def run(self, *looks: tuple[int, int], minutes: int = 5) -> tuple[list[Steady], Work]:
        """One pass that sees the file with these sizes and times."""
        self.time += minutes * MINUTE
        work = Work("load_order_dispatch")
        seen = [{"a.csv": RemoteFile("a.csv", *look)} for look in looks] or [{}]
        return steady_files(self.exchange, self.ledger.run, GATE, seen[0], lambda: seen[-1], work), work


@pytest.fixture
def looks(ledger: Ledger) -> Looks:
    return Looks(ledger)


def test_a_file_that_rests_is_steady_at_once(looks: Looks) -> None:
    (steady,), work = looks.run((7, 100), (7, 100))
    assert (steady.timed, work.notes, work.failed) == (True, [], 0)


def test_a_server_that_tells_no_times_is_read_twice(looks: Looks) -> None:
    (steady,), _ = looks.run((7, 0), (7, 0))
    assert not steady.timed


def test_a_time_that_never_rests_is_said_and_then_not_believed(looks: Looks) -> None:
    for moment in range(0, 60, 10):
        found, work = looks.run((7, moment), (7, moment + 5))
        assert found == []
        assert work.notes == ["a.csv has not settled yet: its time changes at every look"]
        assert work.failed == 0
    (steady,), work = looks.run((7, 70), (7, 75))
    assert not steady.timed
    assert [item.found["code"].to_pylist() for item in work.findings] == [["FILE_TIMES_UNRELIABLE"]]


def test_a_size_that_never_rests_is_said_and_then_warned_of(looks: Looks) -> None:
    for size in range(6):
        found, work = looks.run((size, size), (size + 1, size + 1))
        assert (found, work.failed) == ([], 0)
        assert work.notes == ["a.csv has not settled yet: still being written"]
    found, work = looks.run((8, 8), (9, 9))
    assert (found, work.failed) == ([], 1)
    assert [item.found["code"].to_pylist() for item in work.findings] == [["FILE_UNSETTLED"]]


def test_a_new_size_begins_anew(looks: Looks) -> None:
    """Only what has rested for the whole time is believed to be complete."""
    for size in (7, 7, 7, 8, 8, 8, 8, 8):
        found, _ = looks.run((size, looks.time.minute), (size, looks.time.minute + 5))
        assert found == []


def test_what_settled_or_went_away_is_forgotten(looks: Looks) -> None:
    for after in (((7, 1), (7, 1)), ()):
        looks.run((7, 1), (7, 2))
        looks.run(*after, minutes=60)
        _, work = looks.run((7, 1), (7, 2))
        assert work.notes == ["a.csv has not settled yet: its time changes at every look"]


def dispatched(desk: Desk, inbox: RemoteInbox, unsettled: timedelta) -> RunReport:
    usual: Any = desk.app
    limits = replace(usual.exchange.inbox_limits, settle=timedelta(seconds=1.1), unsettled=unsettled)
    exchange = replace(usual.exchange, inboxes=(inbox,), inbox_limits=limits)
    return Muster(usual.workspace, usual.settings, exchange, usual.registry).run(Job.ORDER_DISPATCH, actor="tests")[0]


def test_orders_on_a_server_whose_time_is_always_now(desk: Desk, tmp_path: Path) -> None:
    """And what was taken in leaves the folder, though its time has changed again."""
    (tmp_path / "orders" / "done").mkdir(parents=True)
    row = order_row(3_000_000 + next(desk.numbers))
    (tmp_path / "orders" / "orders.csv").write_text(order_text([row]))
    with odd_server(tmp_path, Odd.NOW_MTIME) as server:
        inbox = RemoteInbox(server.channel(), desk.app.exchange.spool, "orders", "orders/done", r".*\.csv")
        report = dispatched(desk, inbox, 30 * MINUTE)
        assert "orders.csv has not settled yet" in report.steps[0].message
        assert report.files == []
        report = dispatched(desk, inbox, timedelta())
    assert [finding.code for finding in report.findings] == ["FILE_TIMES_UNRELIABLE"]
    assert report.run.status is RunStatus.DONE
    assert desk.states(row["serial_number"]) == ["WAITING"]
    assert [path.name for path in (tmp_path / "orders").iterdir()] == ["done"]
    assert [path.name for path in (tmp_path / "orders" / "done").iterdir()] == ["orders.csv"]


def collected(desk: Desk, name: str) -> list[str]:
    """The digests under which an answer of that name was collected."""
    return [digest for (digest,) in desk.rows(select(files.c.sha256).where(files.c.name == name))]


@contextmanager
def always_now(desk: Desk, *odd: Odd, unsettled: timedelta) -> Iterator[OddServer]:
    """The provider's server shows the present as every file's time."""
    usual = desk.app.settings.provider("acme").sftp
    assert usual is not None
    with odd_server(desk.simulator.files, Odd.NOW_MTIME, *odd) as server:
        told = server.settings()
        sftp = replace(usual, port=told.port, host_keys=told.host_keys)
        settle = timedelta(seconds=1.1)
        with desk.configured(sftp=sftp, settle=settle, unsettled_limit=unsettled):
            yield server


def put_answer(desk: Desk, data: bytes) -> str:
    name = f"{desk.engine.name}-{next(desk.numbers)}.pgp"
    (desk.simulator.from_provider / name).write_bytes(data)
    return name


def test_an_answer_on_such_a_server_is_read_twice(desk: Desk) -> None:
    """Its bytes changed between two readings, and its size did not: it is still being written."""
    half, whole = b"half\0\0\0\0", b"whole..."
    name = put_answer(desk, half)
    with always_now(desk, unsettled=timedelta()) as server:
        written = desk.simulator.from_provider / name
        server.before("close", name, lambda: written.write_bytes(whole))
        report = desk.response()
        assert collected(desk, name) == []
        assert f"{name} is still being written" in report.steps[0].message
        desk.response()
    assert collected(desk, name) == [sha256(whole).hexdigest()]


def test_an_answer_that_can_be_read_once_only_is_kept(desk: Desk) -> None:
    name = put_answer(desk, b"read once")
    with always_now(desk, Odd.READ_ONCE, unsettled=timedelta()):
        report = desk.response()
    assert collected(desk, name) == [sha256(b"read once").hexdigest()]
    assert {"FILE_TIMES_UNRELIABLE", "FILE_GONE_AFTER_READING"} <= {finding.code for finding in report.findings}


def test_an_answer_waits_for_the_limit_first(desk: Desk) -> None:
    name = put_answer(desk, b"waits")
    with always_now(desk, unsettled=timedelta(minutes=30)):
        report = desk.response()
    assert f"{name} has not settled yet" in report.steps[0].message
    assert collected(desk, name) == []
    (desk.simulator.from_provider / name).unlink()
