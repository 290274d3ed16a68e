"""Homes and keys made, imported and listed by our code, and read by plain gpg."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.openpgp.cipher import OpenPgpCipher
from adapters.openpgp.keyring import KeyInfo, create_home, export_public, generate, import_public, list_keys
from jobs.errors import CipherUnavailable, KeyUnusable
from tests.support.machine import need
from tests.support.openpgp import Phrase, new_party, party


@pytest.fixture
def home() -> Iterator[Path]:
    need("gpg")
    parent = Path(tempfile.mkdtemp(dir="/tmp", prefix="g"))
    create_home(parent / "h")
    yield parent / "h"
    subprocess.run(["gpgconf", "--homedir", str(parent / "h"), "--kill", "all"], check=False)
    shutil.rmtree(parent)


def test_a_new_home_is_private_and_its_agent_remembers_nothing(home: Path) -> None:
    assert home.stat().st_mode & 0o777 == 0o700
    settings = (home / "gpg-agent.conf").read_text().splitlines()
    assert {"auto-expand-secmem 0x400000", "default-cache-ttl 0", "max-cache-ttl 0"} <= set(settings)


def test_an_existing_home_keeps_its_settings(home: Path) -> None:
    (home / "gpg-agent.conf").write_text("default-cache-ttl 5\n")
    create_home(home)
    assert (home / "gpg-agent.conf").read_text() == "default-cache-ttl 5\n"
    home.chmod(0o755)
    with pytest.raises(KeyUnusable):
        create_home(home)


@pytest.mark.parametrize("phrase", [None, Phrase(" a phrase – with spaces ")])
def test_a_generated_key_signs_and_encrypts(home: Path, phrase: Phrase | None, tmp_path: Path) -> None:
    fingerprint = generate(home, "Example Company", "keys@example.com", phrase)
    (key,) = list_keys(home)
    now = datetime.now(UTC)
    assert key == KeyInfo(
        fingerprint=fingerprint,
        user_id="Example Company <keys@example.com>",
        created=key.created,
        expires=key.expires,
        can_encrypt=True,
        can_sign=True,
        secret=True,
        revoked=False,
        encryption_expires=key.encryption_expires,
    )
    assert abs(key.created - now) < timedelta(minutes=1)
    for expiry in (key.expires, key.encryption_expires):
        assert expiry is not None
        assert abs(expiry - now - timedelta(days=730)) < timedelta(minutes=1)
    with OpenPgpCipher(home, fingerprint, fingerprint, phrase) as cipher:
        cipher.protect_own(b"text", tmp_path / "kept.pgp")
        cipher.open_own(tmp_path / "kept.pgp", tmp_path / "kept", 100)
    assert (tmp_path / "kept").read_bytes() == b"text"


def test_a_second_key_of_the_same_name_is_another_key(home: Path) -> None:
    first = generate(home, "Example Company", "keys@example.com", None)
    second = generate(home, "Example Company", "keys@example.com", None, timedelta(days=30))
    assert {key.fingerprint for key in list_keys(home)} == {first, second}


@pytest.mark.parametrize(
    ("name", "email"), [("two\nlines", "keys@example.com"), ("X", "no address"), ("", "keys@example.com"), ("X", "")]
)
def test_a_name_that_gpg_does_not_take(home: Path, name: str, email: str) -> None:
    with pytest.raises(KeyUnusable):
        generate(home, name, email, None)
    with pytest.raises(KeyUnusable):
        generate(home, "X", "keys@example.com", Phrase("two\nlines"))
    assert list_keys(home) == []


def test_an_exported_key_imports_elsewhere_by_its_fingerprint(home: Path) -> None:
    provider = party("provider")
    spaced = " ".join(provider.fingerprint[i : i + 4] for i in range(0, 40, 4)).lower()
    armoured = export_public(provider.home, provider.fingerprint)
    assert armoured.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----")
    import_public(home, armoured, spaced)
    import_public(home, provider.export(), provider.fingerprint)
    (key,) = list_keys(home)
    assert (key.fingerprint, key.secret, key.can_encrypt) == (provider.fingerprint, False, True)


def test_nothing_but_the_expected_public_key_is_imported(home: Path) -> None:
    provider, other = party("provider"), party("other provider")
    bad = {
        "another key": other.export(),
        "two keys": provider.export() + other.export(),
        "a secret key": provider.gpg("--export-secret-keys", provider.fingerprint),
        "no key": b"no key",
        "nothing": b"",
    }
    for data in bad.values():
        with pytest.raises(KeyUnusable):
            import_public(home, data, provider.fingerprint)
    with pytest.raises(KeyUnusable):
        import_public(home, provider.export(), provider.fingerprint[-16:])
    assert list_keys(home) == []
    with pytest.raises(KeyUnusable):
        export_public(home, provider.fingerprint)


def test_a_lock_of_another_machine_does_not_hold_us_for_ever(home: Path) -> None:
    provider = party("provider")
    import_public(home, provider.export(), provider.fingerprint)
    (home / "pubring.kbx.lock").write_text(f"{1:10d}\nelsewhere.example.com\n")
    other = party("other provider")
    started = time.monotonic()
    with pytest.raises(CipherUnavailable):
        import_public(home, other.export(), other.fingerprint, timedelta(seconds=2))
    assert time.monotonic() - started < 20
    (home / "pubring.kbx.lock").unlink()
    import_public(home, other.export(), other.fingerprint)


def test_expired_and_revoked_keys_can_do_nothing(home: Path) -> None:
    expired = new_party("expired", expires="1y", made_at="20250101T000000")
    revoked = new_party("revoked")
    certificate = (revoked.home / "openpgp-revocs.d" / f"{revoked.fingerprint}.rev").read_bytes()
    revoked.import_key(certificate.replace(b":-----BEGIN", b"-----BEGIN"))
    for one in (expired, revoked):
        import_public(home, one.export(), one.fingerprint)
    keys = {key.fingerprint: key for key in list_keys(home)}
    old, gone = keys[expired.fingerprint], keys[revoked.fingerprint]
    assert {old.can_encrypt, old.can_sign, gone.can_encrypt, gone.can_sign} == {False}
    assert old.expires == old.encryption_expires == datetime(2026, 1, 1, tzinfo=UTC)
    assert (old.revoked, gone.revoked) == (False, True)


def test_the_newest_encryption_subkey_counts(home: Path) -> None:
    renewed = new_party("renewed", expires="0", made_at="20250101T000000")
    renewed.gpg("--passphrase=", "--quick-add-key", renewed.fingerprint, "cv25519", "encrypt", "100d")
    import_public(home, renewed.export(), renewed.fingerprint)
    (key,) = list_keys(home)
    assert key.expires is None
    assert key.encryption_expires is not None
    assert abs(key.encryption_expires - datetime.now(UTC) - timedelta(days=100)) < timedelta(minutes=5)


def test_a_name_cannot_pass_for_a_record(home: Path) -> None:
    odd = new_party(f"Ņ\u0085fpr:::::::::{'A' * 40}: é\\x3a")
    import_public(home, odd.export(), odd.fingerprint)
    (key,) = list_keys(home)
    assert key.fingerprint == odd.fingerprint
    assert key.user_id.startswith(f"Ņ\u0085fpr:::::::::{'A' * 40}: é\\x3a <")
