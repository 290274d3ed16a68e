"""A run that took longer than its lease's 30 minutes could be joined by a second one, and both would have worked.

The lease was taken once and never renewed; only the compare-and-set of single transitions was left to stop one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

import jobs
from adapters.channels.sftp_calls import SftpCalls
from adapters.registry.tables import batches, leases
from jobs.errors import ProviderBusy
from jobs.leases import RENEWAL, TERM, Lease
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, Ledger

LONG = timedelta(minutes=25)
TOO_LONG = timedelta(minutes=31)


class Clock:
    """It goes when it is told to."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(ledger: Ledger, clock: Clock) -> Callable[[str], Lease]:
    """The lease of the provider as a run of that name asks for it."""
    return lambda owner: Lease(ledger.registry, clock, "acme:out", owner)


def nobody_died(owner: str) -> bool:
    return False


def take_over(other: Lease) -> None:
    with other.registry.transaction() as tx:
        tx.leases.take(other.name, other.owner, other.clock.now(), TERM, dead=False)


def sequence(ledger: Ledger) -> int:
    """The next number, not taken."""
    with ledger.registry.rehearsal() as tx:
        return tx.batches.next_sequence("acme")


def test_the_lease_is_renewed_while_the_run_works(
    ledger: Ledger, clock: Clock, run: Callable[[str], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.leases.RENEWAL", timedelta(milliseconds=20))
    with run("a").held(nobody_died):
        for _ in range(4):
            clock.at += LONG
            wait_until(lambda: until(ledger) == clock.at + TERM)
        with pytest.raises(ProviderBusy):
            take_over(run("b"))
    take_over(run("b"))


def test_every_transaction_renews_it(ledger: Ledger, clock: Clock, run: Callable[[str], Lease]) -> None:
    with run("a").held(nobody_died) as fenced:
        for _ in range(4):
            clock.at += LONG
            with fenced.transaction():
                pass
        with pytest.raises(ProviderBusy):
            take_over(run("b"))


def test_a_run_that_lost_its_lease_changes_nothing(ledger: Ledger, clock: Clock, run: Callable[[str], Lease]) -> None:
    with run("a").held(nobody_died) as fenced:
        clock.at += TOO_LONG
        take_over(run("b"))
        with pytest.raises(ProviderBusy, match="taken over"), fenced.transaction() as tx:
            tx.batches.next_sequence("acme")
        with fenced.view() as tx:
            assert tx.leases.owner_of("acme:out") == "b"
    assert sequence(ledger) == 1
    with pytest.raises(ProviderBusy):  # the end of the first run does not free what is the second one's
        take_over(run("c"))


def test_nobody_takes_over_in_the_middle_of_a_transaction(
    ledger: Ledger, clock: Clock, run: Callable[[str], Lease]
) -> None:
    with ThreadPoolExecutor(1) as pool, run("a").held(nobody_died) as fenced:
        with fenced.transaction() as tx:
            clock.at += TOO_LONG
            other = pool.submit(take_over, run("b"))
            with pytest.raises(TimeoutError):
                other.result(0.5)
            tx.batches.next_sequence("acme")
        other.result(60)
        with pytest.raises(ProviderBusy), fenced.transaction():
            pass
    assert sequence(ledger) == 2


def test_a_run_that_lost_its_lease_while_uploading_renames_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write = SftpCalls.write

    def overtaken(*arguments: object) -> int:
        written = write(*arguments)  # type: ignore[arg-type]
        with desk.engine.begin() as connection:
            connection.execute(update(leases).values(owner="another run"))
        return written

    desk.silence()
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    with monkeypatch.context() as patch:
        patch.setattr(SftpCalls, "write", overtaken)
        with pytest.raises(ProviderBusy):
            desk.request()
    assert [path.suffix for path in desk.simulator.to_provider.iterdir() if path.is_file()] == [".part"]
    assert desk.rows(select(batches.c.state)) == [("SENDING",)]
    with desk.engine.begin() as connection:
        connection.execute(delete(leases))
    assert desk.request().totals["batches proved not sent"] == 1
    desk.speak()
    desk.answers(1)
    desk.response()
    assert desk.states(row["serial_number"]) == ["ENROLLED"]


def test_every_use_case_works_through_the_exchange_its_lease_gives() -> None:
    sources = {path.name: path.read_text() for path in Path(jobs.__file__).parent.glob("*.py")}
    taken = [line for text in sources.values() for line in re.findall(r"with exchange\.lease\(.*", text)]
    assert len(taken) > 5
    assert [line for line in taken if ") as exchange" not in line] == []


def test_a_renewal_may_fail_twice() -> None:
    assert RENEWAL * 3 <= TERM


def until(ledger: Ledger) -> datetime:
    with ledger.engine.connect() as connection:
        return connection.execute(select(leases.c.until)).scalar_one()


def wait_until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)
