"""The network between us and a real sshd: refused, cut at every point, black-holed."""

from __future__ import annotations

import gc
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import paramiko
import pytest

from adapters.channels.sftp_wire import Requests
from app.loopback import free_port
from jobs.errors import ChannelUnavailable, DeliveryUncertain, NameTaken, TransferFailed
from jobs.ports import Session
from tests.support.cutter import Harm, Way, cutter
from tests.support.parcels import parcel
from tests.support.sshd import Sshd, sshd  # noqa: F401  (a fixture)

DATA = os.urandom(150_000)
TAIL = 800  # bytes: from the last blocks of the upload to the end of the session
STEP = 24


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(DATA)
    return path


def deliver(
    sshd: Sshd,  # noqa: F811
    port: int,
    source: Path,
    folder: str,
    timeout: float = 5,
    once_open: Callable[[], None] = lambda: None,
) -> type[Exception] | None:
    """How a delivery ended: None when it was proved."""
    try:
        with sshd.channel(port, timeout=timeout).open() as session:
            once_open()
            session.deliver(parcel(source, folder, "a.pgp"))
    except (ChannelUnavailable, TransferFailed, DeliveryUncertain, NameTaken) as error:
        return type(error)
    return None


def length(sshd: Sshd, source: Path, way: Way) -> int:  # noqa: F811
    """How many bytes an unharmed delivery takes after the login; replies that share a packet make it shorter."""
    with cutter(sshd.host, sshd.port) as proxy:
        assert deliver(sshd, proxy.port, source, sshd.fresh(), once_open=proxy.arm) is None
        # the end of the session is counted, too: cuts there find a delivery that was proved
        return proxy.passed[way]


@pytest.mark.parametrize("harm", [Harm.RESET, Harm.FINISH])
@pytest.mark.parametrize("way", list(Way))
def test_a_delivery_cut_anywhere_says_what_is_known(sshd: Sshd, source: Path, way: Way, harm: Harm) -> None:  # noqa: F811
    ends: set[tuple[type[Exception] | None, bool]] = set()
    whole = length(sshd, source, way)
    # no packet is as short as the steps at the end, so that each is cut, wherever exactly it begins
    for after in [*range(0, whole, whole // 5), *range(max(whole - TAIL, 1), whole, STEP)]:
        folder = sshd.fresh()
        final = sshd.root / folder / "a.pgp"
        with cutter(sshd.host, sshd.port) as proxy:
            end = deliver(sshd, proxy.port, source, folder, once_open=partial(proxy.arm, harm, way, after))
        ends.add((end, final.exists()))
        ends_there = final.exists()
        assert not ends_there or final.read_bytes() == DATA
        # The same delivery again, unharmed, ends with the file in place, unless it is there already.
        assert deliver(sshd, sshd.port, source, folder) is (NameTaken if ends_there else None)
        assert final.read_bytes() == DATA
    assert ends <= {
        (TransferFailed, False),
        (DeliveryUncertain, False),
        (DeliveryUncertain, True),
        (None, True),
    }
    assert (TransferFailed, False) in ends
    if way is Way.TO_CLIENT:  # the server's answer to the rename was lost
        assert (DeliveryUncertain, True) in ends


@pytest.mark.parametrize("way", list(Way))
def test_a_black_hole_in_the_middle_of_an_upload_ends_by_timeout(sshd: Sshd, source: Path, way: Way) -> None:  # noqa: F811
    """All of so small a file has left when nobody answers."""
    middle = length(sshd, source, way) // 3
    folder = sshd.fresh()
    with cutter(sshd.host, sshd.port) as proxy:
        began = time.monotonic()
        hole = partial(proxy.arm, Harm.BLACKHOLE, way, middle)
        assert deliver(sshd, proxy.port, source, folder, timeout=1, once_open=hole) is DeliveryUncertain
    assert time.monotonic() - began < 6
    assert not (sshd.root / folder / "a.pgp").exists()


@pytest.mark.parametrize(
    "stage",
    [
        (socket, "create_connection"),
        (paramiko.Transport, "_send_kex_init"),
        (paramiko.Transport, "auth_publickey"),
        (paramiko.Transport, "open_session"),
        (paramiko.Channel, "invoke_subsystem"),
        (Requests, "start"),
    ],
    ids=["banner", "key exchange", "login", "channel", "subsystem", "start of SFTP"],
)
@pytest.mark.parametrize("way", list(Way))
def test_a_black_hole_while_connecting_ends_by_timeout(
    sshd: Sshd,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    stage: tuple[Any, str],
) -> None:
    """Everything is lost from where paramiko begins the stage."""
    owner, name = stage
    begin = getattr(owner, name)
    began = time.monotonic()
    with cutter(sshd.host, sshd.port) as proxy:

        def lost(*arguments: Any, **options: Any) -> Any:
            proxy.arm(Harm.BLACKHOLE, way)
            return begin(*arguments, **options)

        monkeypatch.setattr(owner, name, lost)
        with pytest.raises(ChannelUnavailable), sshd.channel(proxy.port, timeout=1).open():
            pass
        assert proxy.harm is Harm.BLACKHOLE
    assert time.monotonic() - began < 5


def fetch(session: Session, folder: str, target: Path) -> None:
    session.fetch(folder, "a.pgp", target, 10**6)


def list_folder(session: Session, folder: str, target: Path) -> None:
    session.list(folder)


def move(session: Session, folder: str, target: Path) -> None:
    session.move(folder, "a.pgp", f"{folder}/done")


def remove(session: Session, folder: str, target: Path) -> None:
    session.remove(folder, "a.pgp")


@pytest.mark.parametrize("harm", list(Harm))
@pytest.mark.parametrize("work", [fetch, list_folder, move, remove])
def test_a_connection_lost_while_reading_can_be_tried_again(
    sshd: Sshd,  # noqa: F811
    tmp_path: Path,
    harm: Harm,
    work: Callable[[Session, str, Path], None],
) -> None:
    folder = sshd.fresh()
    (sshd.root / folder / "done").mkdir()
    (sshd.root / folder / "a.pgp").write_bytes(DATA)
    target = tmp_path / "landed"
    with cutter(sshd.host, sshd.port) as proxy, sshd.channel(proxy.port, timeout=1).open() as session:
        proxy.arm(harm, after=10)
        with pytest.raises(ChannelUnavailable):
            work(session, folder, target)
    assert not target.exists()


def test_a_refused_port_is_unavailable(sshd: Sshd) -> None:  # noqa: F811
    with pytest.raises(ChannelUnavailable), sshd.channel(free_port()).open():
        pass


@pytest.mark.parametrize(("refused", "connects"), [(2, True), (3, False)])
def test_a_connection_reset_at_the_banner_is_tried_three_times(sshd: Sshd, refused: int, connects: bool) -> None:  # noqa: F811
    with cutter(sshd.host, sshd.port, refused=refused) as proxy:
        if connects:
            with sshd.channel(proxy.port).open():
                pass
        else:
            with pytest.raises(ChannelUnavailable), sshd.channel(proxy.port).open():
                pass
        assert proxy.connections == 3


def test_a_host_that_never_answers_costs_one_timeout(sshd: Sshd) -> None:  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(ChannelUnavailable), sshd.channel(silent.getsockname()[1], timeout=1).open():
            pass
    assert time.monotonic() - began < 3


def test_a_server_that_speaks_another_language(sshd: Sshd) -> None:  # noqa: F811
    with socket.create_server(("127.0.0.1", 0)) as web:
        threading.Thread(target=_answer_like_a_web_server, args=(web,), daemon=True).start()
        with pytest.raises(ChannelUnavailable), sshd.channel(web.getsockname()[1], timeout=2).open():
            pass


def test_one_session_serves_many_operations_and_leaves_nothing_behind(sshd: Sshd, source: Path, tmp_path: Path) -> None:  # noqa: F811
    folder = sshd.fresh()
    with sshd.channel().open():
        pass
    before = _resources()
    with cutter(sshd.host, sshd.port) as proxy:
        with sshd.channel(proxy.port).open() as session:
            for number in range(10):
                session.deliver(parcel(source, folder, f"a{number}.pgp"))
                session.fetch(folder, f"a{number}.pgp", tmp_path / str(number), 10**6)
            assert len(session.list(folder).files) == 10
        assert proxy.connections == 1
    with pytest.raises(ZeroDivisionError), sshd.channel().open():
        raise ZeroDivisionError
    with pytest.raises(ChannelUnavailable), sshd.channel(free_port(), timeout=1).open():
        pass
    assert _settled(before)


def _answer_like_a_web_server(listener: socket.socket) -> None:
    for _ in range(3):
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)


def _resources() -> tuple[int, int]:
    gc.collect()
    return threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))


def _settled(before: tuple[int, int]) -> bool:
    """Threads of closed connections end a moment later."""
    deadline = time.monotonic() + 5
    while _resources() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    return _resources() <= before
