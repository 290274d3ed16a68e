"""A server that sent one byte every half second was waited for without end: each byte began its time-out anew."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.watchdog import Watchdog, Wire
from jobs.errors import ChannelUnavailable, TransferFailed
from jobs.ports import Session
from tests.support.cutter import Harm, Way, cutter
from tests.support.parcels import parcel
from tests.support.scripted_sftp import (
    Kind,
    ScriptedServer,
    attrs,
    entry,
    names,
    number,
    packet,
    scripted_server,
    status,
    text,
)
from tests.support.sshd import Sshd, sshd  # noqa: F401  (a fixture)

SOON: dict[str, Any] = {"timeout": 1, "deadline": timedelta(seconds=2)}
PATIENCE = 45.0  # seconds; what is bounded ends after two, what was not took from minutes to hours
DATA = bytes(10_000)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(DATA)
    return path


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < PATIENCE


def look(session: Session, source: Path) -> object:
    return session.stat("in", "a.pgp")


def list_folder(session: Session, source: Path) -> object:
    return session.list("in")


def fetch(session: Session, source: Path) -> object:
    return session.fetch("in", "a.pgp", source.with_name("landed"), 10**7)


def move(session: Session, source: Path) -> object:
    return session.move("in", "a.pgp", "in/done")


def deliver(session: Session, source: Path) -> object:
    return session.deliver(parcel(source, "out", "a.pgp"))


WORK: dict[str, tuple[Callable[[Session, Path], object], type[Exception]]] = {
    "stat": (look, ChannelUnavailable),
    "list": (list_folder, ChannelUnavailable),
    "fetch": (fetch, ChannelUnavailable),
    "move": (move, ChannelUnavailable),
    "deliver": (deliver, TransferFailed),
}


@pytest.mark.parametrize("what", WORK)
def test_an_answer_that_drips_ends_with_its_timeout(server: ScriptedServer, source: Path, what: str) -> None:
    work, expected = WORK[what]
    server.drip = 0.5
    with server.channel(**SOON).open() as session, pytest.raises(expected, match="no answer in time"):
        work(session, source)
    assert not source.with_name("landed").exists()


def test_a_listing_that_trickles_ends_with_its_deadline(server: ScriptedServer, source: Path) -> None:
    """Every answer comes in time, and there is always one more."""
    server.delay = 0.3
    server.answers[Kind.READDIR] = lambda request, rest: names(request, entry(b"a.pgp", attrs()))
    with server.channel(**SOON).open() as session, pytest.raises(ChannelUnavailable, match="no answer in time"):
        session.list("in")


def hold(server: ScriptedServer, size: int, block: int) -> None:
    """A file of `size` bytes; every answer to a read holds `block` of them at most."""
    server.answers[Kind.LSTAT] = lambda request, rest: packet(Kind.ATTRS, number(request) + attrs(size))
    server.answers[Kind.READ] = lambda request, rest: packet(
        Kind.DATA, number(request) + text(bytes(min(block, int.from_bytes(rest[-4:]))))
    )


def test_a_download_below_the_least_rate_is_given_up(server: ScriptedServer, source: Path) -> None:
    hold(server, 10**6, 1)
    server.delay = 0.1
    with server.channel(**SOON).open() as session, pytest.raises(ChannelUnavailable, match="no answer in time"):
        fetch(session, source)


def test_a_slow_download_above_the_least_rate_is_whole(server: ScriptedServer, source: Path) -> None:
    """It takes longer than the deadline, which its bytes put off."""
    hold(server, 10_000, 1_000)
    server.delay = 0.3
    with server.channel(timeout=20, deadline=timedelta(seconds=2), minimum_rate=200).open() as session:
        fetch(session, source)
    assert source.with_name("landed").read_bytes() == DATA


def test_an_upload_below_the_least_rate_is_given_up(server: ScriptedServer, source: Path) -> None:
    server.answers[Kind.LSTAT] = lambda request, rest: status(request, 2)
    source.write_bytes(bytes(32_640 * 80))
    server.delay = 0.5
    limits = SOON | {"timeout": 20, "minimum_rate": 10**9}
    with server.channel(**limits).open() as session, pytest.raises(TransferFailed, match="no answer in time"):
        deliver(session, source)


@pytest.mark.parametrize("after", [0, 20, 60, 900, 1_400])
def test_a_login_that_drips_ends_with_its_deadline(sshd: Sshd, after: int) -> None:  # noqa: F811
    """In the banner, the key exchange and later."""
    with cutter(sshd.host, sshd.port, harm=Harm.DRIP, after=after) as proxy:
        channel = sshd.channel(proxy.port, **SOON)
        with pytest.raises(ChannelUnavailable), channel.open():
            pass


def test_an_upload_that_nobody_takes_any_more(sshd: Sshd, source: Path) -> None:  # noqa: F811
    source.write_bytes(bytes(20_000_000))
    with cutter(sshd.host, sshd.port) as proxy, sshd.channel(proxy.port, timeout=1).open() as session:
        proxy.arm(Harm.STALL, Way.TO_SERVER, after=1_000_000)
        with pytest.raises(TransferFailed, match="no answer in time"):
            session.deliver(parcel(source, sshd.fresh(), "a.pgp"))


def test_a_banner_without_end_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_spew, args=(listener,), daemon=True).start()
        server = ScriptedServer(port=listener.getsockname()[1])
        with pytest.raises(ChannelUnavailable), server.channel(**SOON).open():
            pass


def _spew(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(b"SSH" * 100_000)


def test_a_wire_takes_so_much_and_then_an_answer_is_due() -> None:
    near, far = socket.socketpair()
    with near, far:
        wire, taken = Wire(near), 0
        while taken < 250_000:
            far.sendall(bytes(10_000))
            taken += len(wire.recv(10_000))
        far.sendall(bytes(20_000))
        with pytest.raises(ConnectionAbortedError):
            wire.recv(20_000)
        wire.relieve()
        far.sendall(bytes(10_000))
        assert wire.recv(10_000)


def test_a_watchdog_bites_once_and_says_so() -> None:
    bitten = threading.Event()
    with Watchdog(bitten.set) as watchdog:
        with watchdog.within(60), watchdog.within(60):
            pass
        assert not bitten.is_set()
        with pytest.raises(TimeoutError), watchdog.within(60), watchdog.within(0.01):
            _wait_and_break(bitten)


def _wait_and_break(bitten: threading.Event) -> None:
    assert bitten.wait(PATIENCE)
    raise ConnectionError("the connection was shut down")
