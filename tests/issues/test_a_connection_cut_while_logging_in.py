"""A connection cut while we logged in could end as a refused login, which stops the run and calls for a person.

paramiko's thread takes a moment to notice the cut; until then the transport looked alive, as after a refusal.
"""

from __future__ import annotations

from collections.abc import Callable

import paramiko
import pytest

from jobs.errors import ChannelUnavailable, LoginRefused
from tests.support.sshd import KeyPair, Sshd, sshd  # noqa: F401  (a fixture)


@pytest.mark.parametrize("cut", [EOFError, lambda: OSError("Socket is closed"), lambda: ConnectionResetError(104, "x")])
def test_a_cut_that_paramiko_has_not_noticed_is_no_refusal(
    sshd: Sshd,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    cut: Callable[[], Exception],
) -> None:
    def broken(*arguments: object) -> None:
        raise cut()

    monkeypatch.setattr(paramiko.Transport, "auth_publickey", broken)
    with pytest.raises(ChannelUnavailable), sshd.channel().open():
        pass


def test_a_refusal_is_still_one(sshd: Sshd) -> None:  # noqa: F811
    with pytest.raises(LoginRefused), sshd.channel(private_key=KeyPair.ed25519().private).open():
        pass
