"""Whole exchanges with partners that misbehave in time or are odd: each device ends where it must, and the count holds.

The simulator answers behind a server of its folders that is odd, or behind a proxy that harms the connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.loopback import free_port
from jobs.errors import ChannelUnavailable, MusterError, RemotePathRefused, RemoteUnsupported
from jobs.job import Job
from jobs.providers import UnknownOutcomePolicy
from jobs.runs import RunStatus
from tests.support.cutter import Cutter, Harm, Way, cutter
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.odd_sftp import Odd, OddServer, odd_server

SOON = {"timeout": timedelta(seconds=2), "deadline": timedelta(seconds=4)}


@contextmanager
def odd_partner(desk: Desk, *odd: Odd, **options: object) -> Iterator[OddServer]:
    """The provider's server is odd."""
    with odd_server(desk.simulator.files, *odd, **options) as server:  # type: ignore[arg-type]
        usual = desk.app.settings.provider("acme").sftp
        assert usual is not None
        told = server.settings()
        with desk.configured(sftp=replace(usual, port=told.port, host_keys=told.host_keys, **SOON)):
            yield server


@contextmanager
def harmed_partner(desk: Desk) -> Iterator[Cutter]:
    """A proxy lies between us and the provider."""
    usual = desk.app.settings.provider("acme").sftp
    assert usual is not None
    with cutter(usual.host, usual.port) as proxy, desk.configured(sftp=replace(usual, port=proxy.port, **SOON)):
        yield proxy


def dispatched(desk: Desk) -> str:
    """One ordered device; returns its serial number."""
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    return row["serial_number"]


def settled(desk: Desk, *serials: str, answers: int = 1) -> None:
    """Whatever was left undone is done by the next run, and each device is enrolled, once."""
    desk.answers(answers)
    desk.response()
    assert [desk.states(serial) for serial in serials] == [["ENROLLED"]] * len(serials)
    assert_conserved(desk)
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []


def assert_conserved(desk: Desk) -> None:
    with desk.registry.view() as tx:
        assert tx.conservation.count().holds


def received(desk: Desk) -> int:
    """How many requests the provider has ever got."""
    with closing(sqlite3.connect(desk.simulator.database)) as simulator:
        ((number,),) = simulator.execute("SELECT count(DISTINCT file) FROM events WHERE file LIKE '%-OUT-%'")
    return int(number)


EXCHANGED = [
    (Odd.NO_TYPE,),
    (Odd.NO_MODE, Odd.NO_MTIME),
    (Odd.NO_LSTAT, Odd.NO_FSTAT),
    (Odd.CLOCK_OFF, Odd.REORDERED),
    (Odd.CLOCK_BEHIND,),
    (Odd.READ_ONCE,),
]


@pytest.mark.parametrize("odd", EXCHANGED, ids=lambda odd: "+".join(each.name for each in odd))
def test_an_exchange_with_an_odd_server(desk: Desk, odd: tuple[Odd, ...]) -> None:
    serial = dispatched(desk)
    with odd_partner(desk, *odd):
        assert desk.request().totals["batches sent"] == 1
        desk.answers(1)
        report = desk.response()
    assert report.totals["lines applied"] == 1
    assert desk.states(serial) == ["ENROLLED"]
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []
    said = {found.code for found in report.findings}
    assert said == ({"FILE_GONE_AFTER_READING"} if Odd.READ_ONCE in odd else set())
    assert_conserved(desk)


REFUSED = {Odd.NO_RENAME: RemoteUnsupported, Odd.UPLOAD_ONLY: RemotePathRefused}


@pytest.mark.parametrize("odd", REFUSED, ids=lambda odd: odd.name)
def test_a_server_that_cannot_take_a_batch_says_so_and_the_batch_waits(desk: Desk, odd: Odd) -> None:
    serial = dispatched(desk)
    with odd_partner(desk, odd), pytest.raises(MusterError) as caught:
        desk.request()
    assert isinstance(caught.value, REFUSED[odd])
    assert desk.states(serial) == ["SEALED"]
    desk.request()
    settled(desk, serial)


@pytest.mark.parametrize("harm", [Harm.RESET, Harm.STALL, Harm.DRIP], ids=lambda harm: harm.name)
@pytest.mark.parametrize("way", list(Way), ids=lambda way: way.name)
def test_a_provider_lost_in_the_login_is_met_again(desk: Desk, harm: Harm, way: Way) -> None:
    serial = dispatched(desk)
    with harmed_partner(desk) as proxy:
        proxy.arm(harm, way, after=700)
        with pytest.raises(ChannelUnavailable):
            desk.request()
        proxy.arm()
        desk.request()
    settled(desk, serial)


def test_a_provider_that_is_down_for_a_day(desk: Desk) -> None:
    """Every run says so, whatever came meanwhile waits, and then all goes out, once."""
    usual = desk.app.settings.provider("acme").sftp
    assert usual is not None
    before, serials = received(desk), []
    with desk.configured(sftp=replace(usual, port=free_port(), **SOON)):
        for _ in range(3):
            serials.append(dispatched(desk))
            for job in (Job.REQUEST, Job.RESPONSE):
                with pytest.raises(ChannelUnavailable, match="refused"):
                    desk.run(job, provider="acme")
                newest = next(run for run in desk.app.recent_runs(20) if run.job is job)
                assert newest.status is RunStatus.FAILED
            assert [desk.states(serial) for serial in serials] == [["SEALED"]] * len(serials)
            assert_conserved(desk)
    assert desk.request().totals["batches sent"] == 3
    desk.answers(3)
    assert received(desk) - before == 3
    assert "batches sent" not in desk.request().totals
    settled(desk, *serials, answers=3)
    assert received(desk) - before == 3


def test_a_rename_that_comes_late_is_one_delivery(desk: Desk) -> None:
    desk.silence()
    before, serial = received(desk), dispatched(desk)
    with odd_partner(desk, Odd.LATE_RENAME) as server:
        assert desk.request().totals["batches uncertain"] == 1
        assert desk.request().totals == {"batches held": 1}
        assert_conserved(desk)
        server.catch_up()
        assert desk.request().totals == {"batches proved sent": 1}
    desk.speak()
    settled(desk, serial)
    assert received(desk) - before == 1


def test_a_provider_that_eats_what_is_not_renamed_yet(desk: Desk) -> None:
    """Nothing proves that nothing arrived: held, until the provider's terms allow to send the same bytes again."""
    before, serial = received(desk), dispatched(desk)
    with odd_partner(desk, Odd.EAT_PART):
        assert desk.request().totals["batches uncertain"] == 1
    desk.time_passes()
    assert desk.request().totals == {"batches held": 1}
    assert desk.states(serial) == ["SEALED"]
    assert_conserved(desk)
    with desk.configured(on_unknown_outcome=UnknownOutcomePolicy.RESEND, removes_duplicates_by_batch=True):
        desk.request()
    settled(desk, serial)
    assert received(desk) - before == 1
