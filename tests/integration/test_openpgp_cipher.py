"""Sealing, rotation, passphrases, homes and agents, with real gpg on the other side."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.openpgp.cipher import OpenPgpCipher
from jobs.errors import (
    CipherUnavailable,
    GpgMissing,
    KeyUnusable,
    MusterError,
    SignatureExpired,
    SignerNotAllowed,
    StorageFailed,
)
from jobs.providers import Keys, PinnedKey
from tests.support.openpgp import Party, Phrase, acquaint, new_party, party

TEXT = b"H,the header\nD,canary-353879234252633\nT,1\n"
TODAY = datetime.now(UTC).date()
LIMIT = 100_000


@pytest.fixture(scope="module")
def us() -> Party:
    return party("us")


@pytest.fixture(scope="module")
def guarded() -> Party:
    """A party whose key has a passphrase, with letters beyond Latin-1."""
    return party("guarded", "correct hørse – žluťoučký ")


@pytest.fixture(scope="module")
def provider(us: Party, guarded: Party) -> Party:
    made = party("provider")
    acquaint(us, made)
    acquaint(guarded, made)
    return made


@pytest.fixture(scope="module")
def keys(provider: Party) -> Keys:
    pinned = (PinnedKey(provider.fingerprint),)
    return Keys(signers=pinned, recipients=pinned)


def cipher_of(owner: Party, **changes: timedelta) -> OpenPgpCipher:
    return OpenPgpCipher(owner.home, owner.fingerprint, owner.fingerprint, owner.secret, **changes)


@pytest.fixture(scope="module")
def cipher(us: Party, provider: Party) -> Iterator[OpenPgpCipher]:
    with cipher_of(us) as opened:
        yield opened


# --- sealing ---------------------------------------------------------------------------


def test_plain_gpg_opens_what_we_sealed_and_finds_our_signature(
    cipher: OpenPgpCipher, us: Party, provider: Party, keys: Keys, tmp_path: Path
) -> None:
    target = tmp_path / "batch.pgp"
    cipher.protect(TEXT, target, keys, TODAY)
    text, status = provider.decrypt(target.read_bytes())
    assert text == TEXT
    assert f"[GNUPG:] GOODSIG {us.fingerprint[-16:]}" in status
    assert "[GNUPG:] DECRYPTION_INFO 2 9" in status  # integrity protected, AES-256
    (signature,) = [line.split() for line in status.splitlines() if "VALIDSIG" in line]
    assert signature[9:] == ["8", "00", us.fingerprint]  # SHA-256, binary document
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["batch.pgp"]


def test_of_several_secret_keys_ours_signs(provider: Party, keys: Keys, tmp_path: Path) -> None:
    both, second = new_party("both"), new_party("second")
    both.import_key(second.gpg("--export-secret-keys", second.fingerprint))
    acquaint(both, provider)
    provider.knows(second)
    for own in (both.fingerprint, second.fingerprint):
        target = tmp_path / f"{own}.pgp"
        with OpenPgpCipher(both.home, own, own, None) as opened:
            opened.protect(TEXT, target, keys, TODAY)
        assert f" {own}\n" in provider.decrypt(target.read_bytes())[1].split("VALIDSIG")[1]


def test_a_sealed_file_is_neither_armoured_nor_compressed(cipher: OpenPgpCipher, keys: Keys, tmp_path: Path) -> None:
    target = tmp_path / "batch.pgp"
    cipher.protect(bytes(50_000), target, keys, TODAY)
    assert target.read_bytes()[0] & 0x80
    assert 50_000 < target.stat().st_size < 50_600


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_any_size_goes_there_and_back(cipher: OpenPgpCipher, size: int, tmp_path: Path) -> None:
    data = os.urandom(size)
    cipher.protect_own(data, tmp_path / "kept.pgp")
    cipher.open_own(tmp_path / "kept.pgp", tmp_path / "kept", max(size, 1))
    assert (tmp_path / "kept").read_bytes() == data


def test_an_existing_target_is_never_replaced(cipher: OpenPgpCipher, keys: Keys, tmp_path: Path) -> None:
    target = tmp_path / "batch.pgp"
    target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        cipher.protect(TEXT, target, keys, TODAY)
    assert target.read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("text", [TEXT, bytes(3_000_000)], ids=["small", "larger than a pipe"])
def test_an_unusable_recipient_is_named_and_leaves_nothing(
    cipher: OpenPgpCipher, us: Party, text: bytes, tmp_path: Path
) -> None:
    expired = new_party("expired", expires="1y", made_at="20250101T000000")
    us.knows(expired)
    for fingerprint in ("A" * 40, expired.fingerprint):
        with pytest.raises(KeyUnusable) as caught:
            cipher.protect(text, tmp_path / "batch.pgp", Keys((), (PinnedKey(fingerprint),)), TODAY)
        assert caught.value.facts["fingerprint"] == fingerprint
    assert list(tmp_path.iterdir()) == []


def test_what_another_signed_for_us_is_not_our_own(
    cipher: OpenPgpCipher, us: Party, provider: Party, tmp_path: Path
) -> None:
    (tmp_path / "kept.pgp").write_bytes(provider.sign_encrypt(TEXT, us))
    with pytest.raises(SignerNotAllowed):
        cipher.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)


# --- rotation --------------------------------------------------------------------------


def test_rotation_with_overlap(cipher: OpenPgpCipher, us: Party, provider: Party, tmp_path: Path) -> None:
    fresh = new_party("provider")
    acquaint(us, fresh)
    old_key = PinnedKey(provider.fingerprint, valid_until=date(2026, 3, 31))
    new_key = PinnedKey(fresh.fingerprint, valid_from=date(2026, 3, 1))
    pinned = Keys(signers=(old_key, new_key), recipients=(new_key, old_key))
    before, during, after = date(2026, 2, 28), date(2026, 3, 15), date(2026, 4, 1)

    for number, (day, reader) in enumerate(((before, provider), (during, fresh), (after, fresh))):
        target = tmp_path / f"batch{number}.pgp"
        cipher.protect(TEXT, target, pinned, day)
        assert reader.decrypt(target.read_bytes())[0] == TEXT

    (tmp_path / "old.pgp").write_bytes(provider.sign_encrypt(TEXT, us))
    (tmp_path / "new.pgp").write_bytes(fresh.sign_encrypt(TEXT, us))
    verdicts = {}
    for day in (before, during, after):
        for name in ("old", "new"):
            target = tmp_path / f"{name}-{day}"
            try:
                cipher.open(tmp_path / f"{name}.pgp", target, pinned, day, LIMIT)
            except SignerNotAllowed:
                assert not target.exists()
            verdicts[name, day] = target.exists()
    assert verdicts == {
        ("old", before): True, ("old", during): True, ("old", after): False,
        ("new", before): False, ("new", during): True, ("new", after): True,
    }  # fmt: skip


def test_no_valid_recipient_is_a_matter_of_keys(cipher: OpenPgpCipher, provider: Party, tmp_path: Path) -> None:
    late = Keys((), (PinnedKey(provider.fingerprint, valid_from=date(2026, 3, 1)),))
    with pytest.raises(KeyUnusable):
        cipher.protect(TEXT, tmp_path / "batch.pgp", late, date(2026, 2, 28))


def test_a_new_encryption_subkey_needs_no_change(us: Party, keys: Keys, tmp_path: Path) -> None:
    renewed = new_party("renewed")
    acquaint(us, renewed)
    renewed.gpg("--passphrase=", "--quick-add-key", renewed.fingerprint, "cv25519", "encrypt", "1y")
    us.knows(renewed)
    with cipher_of(us) as opened:
        opened.protect(TEXT, tmp_path / "batch.pgp", Keys((), (PinnedKey(renewed.fingerprint),)), TODAY)
    assert renewed.decrypt((tmp_path / "batch.pgp").read_bytes())[0] == TEXT


# --- our own key -----------------------------------------------------------------------


def test_the_right_passphrase_opens_and_signs(guarded: Party, provider: Party, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, guarded))
    with cipher_of(guarded) as opened:
        opened.protect(TEXT, tmp_path / "batch.pgp", keys, TODAY)
        opened.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", keys, TODAY, LIMIT)
    assert provider.decrypt((tmp_path / "batch.pgp").read_bytes())[0] == TEXT
    assert (tmp_path / "answer.csv").read_bytes() == TEXT


@pytest.mark.parametrize("phrase", [None, Phrase(""), Phrase("wrong"), Phrase("two\nlines")])
def test_without_the_right_passphrase_nothing_opens(
    phrase: Phrase | None, guarded: Party, provider: Party, keys: Keys, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, guarded))
    with cipher_of(guarded) as right:  # an agent that remembers passphrases would open for any other
        right.open(tmp_path / "answer.pgp", tmp_path / "first.csv", keys, TODAY, LIMIT)
        with OpenPgpCipher(guarded.home, guarded.fingerprint, guarded.fingerprint, phrase) as wrong:
            with pytest.raises(KeyUnusable):
                wrong.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", keys, TODAY, LIMIT)
            with pytest.raises(KeyUnusable):
                wrong.protect(TEXT, tmp_path / "batch.pgp", keys, TODAY)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.pgp", "first.csv"]
    assert "wrong" not in caplog.text
    assert not [record for record in caplog.records if record.name == "gnupg" and record.levelno < logging.WARNING]


def test_our_secret_key_must_be_there(provider: Party, keys: Keys, us: Party, tmp_path: Path) -> None:
    nobody = OpenPgpCipher(provider.home, us.fingerprint, us.fingerprint, None)  # knows only our public key
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, us))
    with nobody, pytest.raises(KeyUnusable):
        nobody.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", keys, TODAY, LIMIT)


def test_the_archive_opens_again_when_our_key_is_renewed(tmp_path: Path) -> None:
    short = new_party("short", made_at="20250101T000000", expires="1y")
    kept = short.gpg(
        "--faked-system-time=20250601T000000", "-u", short.fingerprint, "-r", short.fingerprint, "-s", "-e", data=TEXT
    )
    (tmp_path / "kept.pgp").write_bytes(kept)
    with cipher_of(short) as opened:
        with pytest.raises(SignatureExpired):
            opened.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)
        short.gpg("--quick-set-expire", short.fingerprint, "20y")
        opened.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)
    assert (tmp_path / "kept").read_bytes() == TEXT


# --- homes and agents ------------------------------------------------------------------


def refused_home(home: Path, tmp_path: Path) -> MusterError:
    with pytest.raises(KeyUnusable) as caught:
        OpenPgpCipher(home, "A" * 40, "A" * 40, None).protect_own(TEXT, tmp_path / "kept.pgp")
    assert list(tmp_path.iterdir()) == []
    return caught.value


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701, 0o770])
def test_a_home_open_to_others_is_refused(mode: int, us: Party, tmp_path: Path) -> None:
    us.home.chmod(mode)
    try:
        assert "0700" in refused_home(us.home, tmp_path).what
    finally:
        us.home.chmod(0o700)


def test_a_missing_home_is_refused(tmp_path: Path) -> None:
    refused_home(tmp_path / "none", tmp_path)


def test_a_home_with_a_long_path_works_and_its_alias_goes(us: Party, provider: Party, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100) / "gnupg"
    long.parent.mkdir()
    subprocess.run(["gpgconf", "--homedir", str(us.home), "--kill", "all"], check=True)
    shutil.copytree(us.home, long, ignore=shutil.ignore_patterns("S.*"))
    aliases = set(Path(tempfile.gettempdir()).glob(f"muster-{os.geteuid()}-*"))
    pinned = (PinnedKey(provider.fingerprint),)
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, us))
    first = OpenPgpCipher(long, us.fingerprint, us.fingerprint, None)
    second = OpenPgpCipher(long, us.fingerprint, us.fingerprint, None)
    with first:
        with second:
            first.protect_own(TEXT, tmp_path / "kept.pgp")
            second.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)
        # the other's end must not take away the agent or the alias
        first.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", Keys(pinned, pinned), TODAY, LIMIT)
    assert (tmp_path / "kept").read_bytes() == (tmp_path / "answer.csv").read_bytes() == TEXT
    assert set(Path(tempfile.gettempdir()).glob(f"muster-{os.geteuid()}-*")) == aliases


def agent_runs(home: Path) -> bool:
    command = ["gpg-connect-agent", "--no-autostart", "--homedir", str(home), "/bye"]
    said = subprocess.run(command, capture_output=True, check=False).stderr
    return b"no gpg-agent running" not in said


def test_close_ends_the_agent_and_the_next_use_starts_it(tmp_path: Path) -> None:
    alone = new_party("alone")
    opened = cipher_of(alone)
    opened.protect_own(TEXT, tmp_path / "a.pgp")
    assert agent_runs(alone.home)
    opened.close()
    assert not agent_runs(alone.home)
    opened.open_own(tmp_path / "a.pgp", tmp_path / "a", LIMIT)
    opened.close()
    opened.close()
    assert not agent_runs(alone.home)


def test_many_at_a_time_all_succeed(us: Party, provider: Party, keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, us))

    def open_in_turn(number: int) -> bytes:
        with cipher_of(us) as opened:
            for turn in range(3):
                opened.open(tmp_path / "answer.pgp", tmp_path / f"{number}.{turn}", keys, TODAY, LIMIT)
        return (tmp_path / f"{number}.2").read_bytes()

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(open_in_turn, range(20))) == {TEXT}


def agent_socket(home: Path) -> Path:
    """Where an agent of `home` listens, with no agent there any more."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    command = ["gpgconf", "--homedir", str(home), "--list-dirs", "agent-socket"]
    path = Path(subprocess.run(command, check=True, capture_output=True).stdout.decode().strip())
    while path.exists():
        time.sleep(0.01)
    return path


def test_an_agent_that_cannot_start_can_heal(provider: Party, keys: Keys, tmp_path: Path) -> None:
    broken = new_party("broken")
    acquaint(broken, provider)
    (tmp_path / "answer.pgp").write_bytes(provider.sign_encrypt(TEXT, broken))
    blocked = agent_socket(broken.home)
    (blocked / "in the way").mkdir(parents=True)
    with cipher_of(broken) as opened:
        with pytest.raises(CipherUnavailable):
            opened.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", keys, TODAY, LIMIT)
        shutil.rmtree(blocked)
        opened.open(tmp_path / "answer.pgp", tmp_path / "answer.csv", keys, TODAY, LIMIT)


def test_an_agent_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    alone = new_party("alone")
    with cipher_of(alone, timeout=timedelta(seconds=2)) as opened:
        opened.protect_own(TEXT, tmp_path / "kept.pgp")
        path = agent_socket(alone.home)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(str(path))
            silent.listen()
            with pytest.raises(CipherUnavailable, match="in time"):
                opened.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)
        path.unlink()
        assert [path.name for path in tmp_path.iterdir()] == ["kept.pgp"]
        opened.open_own(tmp_path / "kept.pgp", tmp_path / "kept", LIMIT)


def test_too_few_file_descriptors_is_never_the_messages_fault(
    cipher: OpenPgpCipher, us: Party, provider: Party, keys: Keys, tmp_path: Path
) -> None:
    """With a few it fails, with some more it works, and nothing is left open in between."""
    source, target = tmp_path / "answer.pgp", tmp_path / "answer.csv"
    source.write_bytes(provider.sign_encrypt(TEXT, us))
    cipher.open(source, target, keys, TODAY, LIMIT)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    outcomes = []
    with no_gaps() as taken:
        for free in range(1, 41):
            target.unlink(missing_ok=True)
            resource.setrlimit(resource.RLIMIT_NOFILE, (taken + free, hard))
            try:
                cipher.open(source, target, keys, TODAY, LIMIT)
                outcomes.append(True)
            except (CipherUnavailable, StorageFailed):
                outcomes.append(False)
                if sys.version_info < (3, 11, 4):  # whose Popen leaves its first pipe open when there is no second
                    os.closerange(taken, taken + free)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (outcomes[0], outcomes[-1]) == (False, True)
    assert outcomes == sorted(outcomes)
    assert target.read_bytes() == TEXT


@contextmanager
def no_gaps() -> Iterator[int]:
    """Take every descriptor below the highest one in use; gives their number: only those from it on are free."""
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    with ExitStack() as stack:
        while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= highest:
            stack.callback(os.close, descriptor)
        os.close(descriptor)
        yield descriptor


def test_gpg_that_takes_too_long_is_ended(us: Party, tmp_path: Path) -> None:
    with cipher_of(us, timeout=timedelta(microseconds=1)) as opened, pytest.raises(CipherUnavailable):
        opened.protect_own(TEXT, tmp_path / "kept.pgp")
    assert list(tmp_path.iterdir()) == []


def test_without_gpg_it_says_so(us: Party, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GpgMissing, match="gpg is not installed"):
        cipher_of(us).protect_own(TEXT, tmp_path / "kept.pgp")
