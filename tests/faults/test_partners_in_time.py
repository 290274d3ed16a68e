"""Whole exchanges with partners that misbehave in time or are odd: each device ends where it must, and the count holds.

The simulator answers behind a server of its folders that is odd, or behind a proxy that harms the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from jobs.errors import ChannelUnavailable, MusterError, RemotePathRefused, RemoteUnsupported
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


def settled(desk: Desk, serial: str) -> None:
    """Whatever was left undone is done by the next runs, and the device is enrolled, once."""
    desk.answers(1)
    desk.response()
    assert desk.states(serial) == ["ENROLLED"]
    with desk.registry.view() as tx:
        assert tx.conservation.count().holds
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []


EXCHANGED = [
    (Odd.NO_TYPE,),
    (Odd.NO_MODE, Odd.NO_MTIME),
    (Odd.NO_LSTAT, Odd.NO_FSTAT),
    (Odd.CLOCK_OFF, Odd.REORDERED),
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
