"""The socket of a broken connection was left to paramiko's thread, whose client does nothing to close it then.

Tests that cut connections found such sockets unclosed, and ignored what Python says about that.
"""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from adapters.channels import sftp
from jobs.errors import ChannelUnavailable, MusterError
from tests.support.cutter import Harm, cutter
from tests.support.sshd import KeyPair, Sshd, sshd  # noqa: F401  (a fixture)


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Every socket the channel opens from now on; paramiko closes none."""
    opened: list[socket.socket] = []

    def remembered(*arguments: Any) -> socket.socket:
        opened.append(socket.create_connection(*arguments))
        return opened[-1]

    def dead(transport: paramiko.Transport) -> None:
        """What `Transport.close` does once the thread has found out."""

    monkeypatch.setattr(sftp, "socket", SimpleNamespace(**vars(socket) | {"create_connection": remembered}))
    monkeypatch.setattr(paramiko.Transport, "close", dead)
    return opened


@pytest.mark.parametrize("harm", list(Harm))
def test_it_is_closed_when_the_session_ends(sshd: Sshd, wires: list[socket.socket], harm: Harm) -> None:  # noqa: F811
    with cutter(sshd.host, sshd.port) as proxy:
        with sshd.channel(proxy.port, timeout=1).open() as session:
            proxy.arm(harm)
            with pytest.raises(ChannelUnavailable):
                session.list(".")
        assert [wire.fileno() for wire in wires] == [-1]


def test_it_is_closed_without_trouble_too(sshd: Sshd, wires: list[socket.socket]) -> None:  # noqa: F811
    with sshd.channel().open() as session:
        session.list(".")
    assert [wire.fileno() for wire in wires] == [-1]


def test_it_is_closed_when_the_login_fails(sshd: Sshd, wires: list[socket.socket]) -> None:  # noqa: F811
    for wrong in ({"private_key": KeyPair.ed25519().private}, {"host_keys": ()}):
        with pytest.raises(MusterError), sshd.channel(**wrong).open():
            pass
    assert [wire.fileno() for wire in wires] == [-1, -1]
