"""Who is at the other end, and whether it lets us in: pinned host keys, our key, algorithms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jobs.errors import ConfigurationFaulty, HostKeyRefused, LoginRefused
from tests.support.parcels import parcel
from tests.support.sshd import KeyPair, Sshd, sshd  # noqa: F401  (a fixture)

OTHER_ED25519 = KeyPair.ed25519().public
OTHER_ECDSA = KeyPair.ecdsa().public
OTHER_RSA = KeyPair.rsa().public
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@pytest.mark.parametrize("pinned", [OTHER_ED25519, OTHER_ECDSA, OTHER_RSA], ids=["ed25519", "ecdsa", "rsa"])
def test_a_host_key_that_is_not_pinned_is_refused_by_name(sshd: Sshd, pinned: str) -> None:  # noqa: F811
    """Another key of the shown type, and keys of types the server has or has not."""
    with pytest.raises(HostKeyRefused) as caught, sshd.channel(host_keys=(pinned,)).open():
        pass
    seen, known = str(caught.value.facts["seen"]), str(caught.value.facts["pinned"])
    assert _FINGERPRINT.search(seen)
    assert _FINGERPRINT.search(known)
    assert seen in str(caught.value)
    assert known in str(caught.value)


def test_without_a_pinned_key_nobody_is_trusted(sshd: Sshd) -> None:  # noqa: F811
    with pytest.raises(HostKeyRefused), sshd.channel(host_keys=()).open():
        pass


def test_no_login_is_tried_at_a_host_that_is_refused(sshd: Sshd) -> None:  # noqa: F811
    before = sshd.log.read_text().count("userauth-request")
    with pytest.raises(HostKeyRefused), sshd.channel(host_keys=(OTHER_ED25519,)).open():
        pass
    assert sshd.log.read_text().count("userauth-request") == before


@pytest.mark.parametrize(
    "others", [(OTHER_ED25519,), (OTHER_RSA,), (OTHER_ED25519, OTHER_RSA)], ids=["same", "new", "both"]
)
def test_any_pinned_key_will_do_while_a_rotation_overlaps(sshd: Sshd, others: tuple[str, ...]) -> None:  # noqa: F811
    """Old and new key of one type (in either order), or a new key of a type the server has not yet."""
    for pinned in ((*others, sshd.host_key), (sshd.host_key, *others)):
        with sshd.channel(host_keys=pinned).open() as session:
            session.list(".")


def test_the_first_pinned_type_the_server_has_is_the_one_that_counts(sshd: Sshd) -> None:  # noqa: F811
    with sshd.channel(host_keys=(sshd.host_key, OTHER_ECDSA)).open() as session:
        session.list(".")
    with pytest.raises(HostKeyRefused), sshd.channel(host_keys=(OTHER_ECDSA, sshd.host_key)).open():
        pass


def test_the_server_is_asked_for_a_key_of_the_pinned_type(sshd: Sshd) -> None:  # noqa: F811
    with sshd.channel(host_keys=(sshd.ecdsa_host_key,)).open() as session:
        session.list(".")


def test_delivery_proof_names_the_key_that_answered(sshd: Sshd, tmp_path: Path) -> None:  # noqa: F811
    source = tmp_path / "sealed"
    source.write_bytes(b"1")
    proofs = []
    for number, pinned in enumerate((sshd.host_key, sshd.ecdsa_host_key)):
        with sshd.channel(host_keys=(pinned,)).open() as session:
            proofs.append(session.deliver(parcel(source, ".", f"proof{number}.pgp")).server_key)
    assert all(_FINGERPRINT.fullmatch(proof) for proof in proofs)
    assert proofs[0] != proofs[1]


@pytest.mark.parametrize("line", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!", "ssh-dss AAAAB3NzaC1kc3M="])
def test_a_pinned_key_that_cannot_be_read_is_a_fault_of_the_configuration(sshd: Sshd, line: str) -> None:  # noqa: F811
    with pytest.raises(ConfigurationFaulty), sshd.channel(host_keys=(line,)).open():
        pass


def test_a_comment_after_a_pinned_key_is_allowed(sshd: Sshd) -> None:  # noqa: F811
    with sshd.channel(host_keys=(f" {sshd.host_key} operator@example.com\n",)).open():
        pass


def test_a_key_the_server_does_not_know_is_a_refused_login(sshd: Sshd) -> None:  # noqa: F811
    with pytest.raises(LoginRefused), sshd.channel(private_key=KeyPair.ed25519().private).open():
        pass


def test_a_private_key_that_cannot_be_read_is_not_shown(sshd: Sshd) -> None:  # noqa: F811
    text = sshd.private_key.replace("OPENSSH", "BROKEN")
    with pytest.raises(ConfigurationFaulty) as caught, sshd.channel(private_key=text).open():
        pass
    assert "BEGIN" not in repr(caught.value) + str(caught.value.__cause__)


def test_modern_algorithms_only(sshd: Sshd) -> None:  # noqa: F811
    with sshd.channel().open():
        pass
    log = sshd.log.read_text()
    chosen = re.findall(r"kex: (?:client->server|server->client) cipher: (\S+)", log)
    assert chosen
    assert set(chosen) == {"aes128-gcm@openssh.com"}
