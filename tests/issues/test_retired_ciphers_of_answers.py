"""An answer encrypted with 3DES was accepted; the format page asks for AES-256."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.openpgp.cipher import OpenPgpCipher
from jobs.errors import MessageDamaged
from jobs.providers import Keys, PinnedKey
from tests.support.openpgp import acquaint, party

TEXT = b"H,the header\nT,1\n"


@pytest.mark.parametrize(
    ("algorithm", "accepted"),
    [("3DES", False), ("CAST5", False), ("BLOWFISH", False), ("IDEA", False), ("AES", True), ("TWOFISH", True)],
)
def test_only_ciphers_of_today_are_opened(algorithm: str, accepted: bool, tmp_path: Path) -> None:
    us, provider = party("us"), party("provider")
    acquaint(us, provider)
    source, target = tmp_path / "answer.pgp", tmp_path / "answer.csv"
    source.write_bytes(provider.sign_encrypt(TEXT, us, f"--cipher-algo={algorithm}"))
    keys = Keys(signers=(PinnedKey(provider.fingerprint),), recipients=())
    with OpenPgpCipher(us.home, us.fingerprint, us.fingerprint, us.secret) as cipher:
        if accepted:
            cipher.open(source, target, keys, datetime.now(UTC).date(), 1_000)
            assert target.read_bytes() == TEXT
        else:
            with pytest.raises(MessageDamaged, match="retired algorithm"):
                cipher.open(source, target, keys, datetime.now(UTC).date(), 1_000)
            assert not target.exists()
