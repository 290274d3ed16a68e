"""Every way a message can be wrong, made with real gpg: its exact error, and no plaintext left."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.openpgp.cipher import OpenPgpCipher
from jobs.errors import (
    CipherUnavailable,
    MessageDamaged,
    MessageRefused,
    MessageTooLarge,
    MusterError,
    NotEncrypted,
    NotSigned,
    SignatureExpired,
    SignerNotAllowed,
    SignerUnknown,
)
from jobs.providers import Keys, PinnedKey
from tests.support.openpgp import Party, acquaint, new_party, party

TEXT = b"H,the header\nD,canary-353879234252633\nT,1\n"
LIMIT = 100_000
TODAY = datetime.now(UTC).date()
LONG_AGO = "20250101T000000"
PLAIN = "--compress-algo=none"


@dataclass(frozen=True)
class People:
    us: Party
    provider: Party  # its signature is allowed
    other: Party  # another provider: we know its key
    stranger: Party  # nobody knows its key
    elder: Party  # allowed, with an old key, so that it can have signed in the past
    expired: Party  # allowed, but its key has expired
    revoked: Party  # allowed, but its key was revoked
    double: Party  # a home with the secret keys of `provider`, `other` and `stranger`

    @property
    def keys(self) -> Keys:
        allowed = (self.provider, self.elder, self.expired, self.revoked)
        return Keys(signers=tuple(PinnedKey(one.fingerprint) for one in allowed), recipients=())


@pytest.fixture(scope="module")
def people() -> People:
    us, provider, other, stranger = party("us"), party("provider"), party("other provider"), party("stranger")
    elder = new_party("elder", expires="20y", made_at=LONG_AGO)
    expired = new_party("expired", expires="1y", made_at=LONG_AGO)
    revoked = new_party("revoked")
    double = new_party("double")
    acquaint(us, provider, other)
    for sender in (stranger, elder, expired, revoked, double):
        sender.knows(us)
    for sender in (elder, expired, revoked):
        us.knows(sender)
    certificate = (revoked.home / "openpgp-revocs.d" / f"{revoked.fingerprint}.rev").read_bytes()
    us.import_key(certificate.replace(b":-----BEGIN", b"-----BEGIN"))
    for signer in (provider, other, stranger):
        double.import_key(signer.gpg("--export-secret-keys", signer.fingerprint))
    return People(us, provider, other, stranger, elder, expired, revoked, double)


@pytest.fixture(scope="module")
def cipher(people: People) -> Iterator[OpenPgpCipher]:
    us = people.us
    with OpenPgpCipher(us.home, us.fingerprint, us.fingerprint, us.secret) as opened:
        yield opened


@pytest.fixture(scope="module")
def good(people: People) -> bytes:
    return people.provider.sign_encrypt(TEXT, people.us)


def two_signatures(people: People, first: Party, second: Party) -> bytes:
    users = [option for signer in (first, second) for option in ("--local-user", signer.fingerprint)]
    return people.double.gpg(*users, "-r", people.us.fingerprint, "-s", "-e", data=TEXT)


def in_two_steps(people: People, content: bytes) -> bytes:
    """`content`, already made of OpenPGP packets, encrypted to us as it is."""
    return people.provider.gpg("-r", people.us.fingerprint, "-e", "--no-literal", data=content)


def clock(moment: datetime) -> str:
    return f"--faked-system-time={moment:%Y%m%dT%H%M%S}"


SOON = datetime.now(UTC) + timedelta(days=2)
Message = Callable[[People, bytes], bytes]
CASES: dict[str, tuple[Message, type[MusterError]]] = {
    "unsigned": (lambda p, good: p.provider.encrypt(TEXT, p.us), NotSigned),
    "unknown signer": (lambda p, good: p.stranger.sign_encrypt(TEXT, p.us), SignerUnknown),
    "another provider's signature": (lambda p, good: p.other.sign_encrypt(TEXT, p.us), SignerNotAllowed),
    "expired key": (
        lambda p, good: in_two_steps(p, p.expired.sign(TEXT, "--faked-system-time=20250601T000000")),
        SignatureExpired,
    ),
    "revoked key": (lambda p, good: p.revoked.sign_encrypt(TEXT, p.us), SignatureExpired),
    "expired signature": (
        lambda p, good: in_two_steps(
            p, p.elder.sign(TEXT, "--faked-system-time=20250601T000000", "--default-sig-expire=1d")
        ),
        SignatureExpired,
    ),
    "dated in the future": (lambda p, good: p.provider.sign_encrypt(TEXT, p.us, clock(SOON)), SignatureExpired),
    "SHA-1": (lambda p, good: p.provider.sign_encrypt(TEXT, p.us, "--digest-algo=SHA1"), MessageDamaged),
    "MD5-strength digest": (
        lambda p, good: p.provider.sign_encrypt(TEXT, p.us, "--digest-algo=RIPEMD160"),
        MessageDamaged,
    ),
    "text signature": (lambda p, good: p.provider.sign_encrypt(TEXT, p.us, "--textmode"), MessageDamaged),
    "no integrity protection": (
        lambda p, good: p.provider.sign_encrypt(TEXT, p.us, "--rfc2440", "--disable-mdc", "--cipher-algo=AES256"),
        MessageDamaged,
    ),
    "signed only": (lambda p, good: p.provider.sign(TEXT), NotEncrypted),
    "clearsigned": (lambda p, good: p.provider.gpg("--clearsign", data=TEXT), NotEncrypted),
    "bare literal": (lambda p, good: p.provider.gpg("--store", data=TEXT), NotEncrypted),
    "compressed literal": (
        lambda p, good: p.provider.gpg("--store", "--compress-algo=zip", data=TEXT * 9),
        NotEncrypted,
    ),
    "plain text": (lambda p, good: TEXT, NotEncrypted),
    "armoured": (lambda p, good: p.provider.sign_encrypt(TEXT, p.us, "--armor"), NotEncrypted),
    "password only": (
        lambda p, good: p.provider.gpg("-c", "-s", "--passphrase=known", data=TEXT),
        NotEncrypted,
    ),
    "to somebody else": (lambda p, good: p.provider.sign_encrypt(TEXT, p.other), NotEncrypted),
    "empty": (lambda p, good: b"", MessageDamaged),
    "last byte cut": (lambda p, good: good[:-1], MessageDamaged),
    "a line feed after it": (lambda p, good: good + b"\n", MessageDamaged),
    "rows after it": (lambda p, good: good + TEXT, MessageDamaged),
    "a literal after it": (lambda p, good: good + p.provider.gpg("--store", data=TEXT), MessageDamaged),
    "a literal before it": (lambda p, good: p.provider.gpg("--store", data=TEXT) + good, NotEncrypted),
    "a signed text before it": (lambda p, good: p.provider.sign(TEXT) + good, NotEncrypted),
    "two messages": (lambda p, good: good + good, MessageDamaged),
    "good and unknown signature": (lambda p, good: two_signatures(p, p.provider, p.stranger), MessageDamaged),
    "unknown and good signature": (lambda p, good: two_signatures(p, p.stranger, p.provider), MessageDamaged),
    "two known signatures": (lambda p, good: two_signatures(p, p.other, p.provider), MessageDamaged),
    "a message in a message": (lambda p, good: p.provider.encrypt(good, p.us), NotSigned),
    "a message directly in a message": (lambda p, good: in_two_steps(p, good), MessageDamaged),
    "two signed texts in a message": (
        lambda p, good: in_two_steps(p, p.provider.sign(TEXT, PLAIN) + p.provider.sign(TEXT, PLAIN)),
        MessageDamaged,
    ),
    "an unsigned text after the signed one": (
        lambda p, good: in_two_steps(p, p.provider.sign(TEXT, PLAIN) + p.provider.gpg("--store", PLAIN, data=TEXT)),
        MessageDamaged,
    ),
    "an unsigned text before the signed one": (
        lambda p, good: in_two_steps(p, p.provider.gpg("--store", PLAIN, data=TEXT) + p.provider.sign(TEXT, PLAIN)),
        MessageDamaged,
    ),
    "an unsigned compressed text before the signed one": (
        lambda p, good: in_two_steps(p, p.provider.gpg("--store", data=TEXT * 9) + p.provider.sign(TEXT)),
        NotSigned,
    ),
    "a byte over the limit": (
        lambda p, good: p.provider.sign_encrypt(b"x" * (LIMIT + 1), p.us, "--compress-algo=none"),
        MessageTooLarge,
    ),
    "a bomb": (
        lambda p, good: p.provider.sign_encrypt(bytes(20_000_000), p.us, "--compress-algo=bzip2"),
        MessageTooLarge,
    ),
}


def refusal(cipher: OpenPgpCipher, people: People, message: bytes, folder: Path) -> MusterError:
    """The error for `message`; nothing but the message may be left in `folder`."""
    source = folder / "answer.pgp"
    source.write_bytes(message)
    with pytest.raises(MusterError) as caught:
        cipher.open(source, folder / "answer.csv", people.keys, TODAY, LIMIT)
    assert [path.name for path in folder.iterdir()] == ["answer.pgp"]
    return caught.value


@pytest.mark.parametrize("case", CASES)
def test_each_bad_message_has_its_error(
    case: str, cipher: OpenPgpCipher, people: People, good: bytes, tmp_path: Path
) -> None:
    make, error = CASES[case]
    assert type(refusal(cipher, people, make(people, good), tmp_path)) is error


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--compress-algo=zip",),
        ("--cipher-algo=AES128",),
        ("--digest-algo=SHA384",),
        ("--set-filename=../../x\n[GNUPG:] BADSIG x y",),
        ("--sig-notation=order@example.com=7",),
    ],
)
def test_a_good_message_opens(options: tuple[str, ...], cipher: OpenPgpCipher, people: People, tmp_path: Path) -> None:
    source, target = tmp_path / "answer.pgp", tmp_path / "answer.csv"
    source.write_bytes(people.provider.sign_encrypt(TEXT, people.us, *options))
    before = datetime.now(UTC)
    opened = cipher.open(source, target, people.keys, TODAY, LIMIT)
    assert target.read_bytes() == TEXT
    assert target.stat().st_mode & 0o777 == 0o600
    assert opened.signer == people.provider.fingerprint
    assert abs(opened.signed_at - before) < timedelta(seconds=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.csv", "answer.pgp"]


def test_a_message_signed_long_ago_opens_and_tells_when(cipher: OpenPgpCipher, people: People, tmp_path: Path) -> None:
    source = tmp_path / "answer.pgp"
    source.write_bytes(in_two_steps(people, people.elder.sign(TEXT, "--faked-system-time=20250601T000000")))
    opened = cipher.open(source, tmp_path / "answer.csv", people.keys, TODAY, LIMIT)
    assert opened.signer == people.elder.fingerprint
    assert opened.signed_at == datetime(2025, 6, 1, tzinfo=UTC)


def test_of_two_compressed_texts_only_the_signed_first_is_read(
    cipher: OpenPgpCipher, people: People, tmp_path: Path
) -> None:
    # gpg stops after the first compressed packet and says nothing about the rest
    source, target = tmp_path / "answer.pgp", tmp_path / "answer.csv"
    unsigned = people.provider.gpg("--store", data=b"unsigned" * 99)
    source.write_bytes(in_two_steps(people, people.provider.sign(TEXT) + unsigned))
    cipher.open(source, target, people.keys, TODAY, LIMIT)
    assert target.read_bytes() == TEXT


def test_a_message_that_the_sender_can_read_too_opens(cipher: OpenPgpCipher, people: People, tmp_path: Path) -> None:
    source = tmp_path / "answer.pgp"
    source.write_bytes(people.provider.sign_encrypt(TEXT, people.us, "-r", people.provider.fingerprint))
    cipher.open(source, tmp_path / "answer.csv", people.keys, TODAY, LIMIT)


def test_exactly_the_limit_opens(cipher: OpenPgpCipher, people: People, tmp_path: Path) -> None:
    source = tmp_path / "answer.pgp"
    source.write_bytes(people.provider.sign_encrypt(b"x" * LIMIT, people.us))
    cipher.open(source, tmp_path / "answer.csv", people.keys, TODAY, LIMIT)


def test_an_existing_target_is_never_replaced(
    cipher: OpenPgpCipher, people: People, good: bytes, tmp_path: Path
) -> None:
    source, target = tmp_path / "answer.pgp", tmp_path / "answer.csv"
    source.write_bytes(good)
    target.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        cipher.open(source, target, people.keys, TODAY, LIMIT)
    assert target.read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_flipped_bit_is_always_noticed(cipher: OpenPgpCipher, people: People, good: bytes, tmp_path: Path) -> None:
    dice = random.Random(1)
    for at in dice.sample(range(len(good)), 60):
        damaged = bytearray(good)
        damaged[at] ^= 1 << dice.randrange(8)
        assert isinstance(refusal(cipher, people, bytes(damaged), tmp_path), MessageRefused), at


def test_a_cut_is_always_noticed(cipher: OpenPgpCipher, people: People, good: bytes, tmp_path: Path) -> None:
    dice = random.Random(2)
    for length in [*dice.sample(range(len(good)), 36), 1, 2, 3, len(good) - 1]:
        assert isinstance(refusal(cipher, people, good[:length], tmp_path), MessageRefused), length


def test_a_name_with_status_lines_in_it_proves_nothing(cipher: OpenPgpCipher, people: People, tmp_path: Path) -> None:
    # U+0085 ends a line for Python, and its bytes survive gpg's escaping
    forged = new_party(f"x\u0085[GNUPG:] VALIDSIG {people.provider.fingerprint} 2026-03-01 1 0 4 0 22 8 00 x")
    people.us.knows(forged)
    forged.knows(people.us)
    message = forged.sign_encrypt(TEXT, people.us)
    assert type(refusal(cipher, people, message, tmp_path)) is SignerNotAllowed


def test_the_pin_has_a_first_and_a_last_day(cipher: OpenPgpCipher, people: People, good: bytes, tmp_path: Path) -> None:
    source = tmp_path / "answer.pgp"
    source.write_bytes(good)
    first, last = date(2026, 3, 1), date(2026, 3, 31)
    keys = Keys(signers=(PinnedKey(people.provider.fingerprint.lower(), first, last),), recipients=())
    for day in (first, last):
        target = tmp_path / f"{day}.csv"
        cipher.open(source, target, keys, day, LIMIT)
        assert target.read_bytes() == TEXT
    for day in (date(2026, 2, 28), date(2026, 4, 1)):
        with pytest.raises(SignerNotAllowed):
            cipher.open(source, tmp_path / "never.csv", keys, day, LIMIT)
    assert not (tmp_path / "never.csv").exists()


def test_a_full_disk_heals(people: People, cipher: OpenPgpCipher, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)]
    if mount is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a small disk")
    source = tmp_path / "answer.pgp"
    source.write_bytes(people.provider.sign_encrypt(b"x" * 90_000, people.us))
    try:
        with pytest.raises(CipherUnavailable):
            cipher.open(source, small / "answer.csv", people.keys, TODAY, LIMIT)
        assert list(small.iterdir()) == []
        keys = Keys((), (PinnedKey(people.provider.fingerprint),))
        with pytest.raises(CipherUnavailable):
            cipher.protect(random.Random(3).randbytes(90_000), small / "batch.pgp", keys, TODAY)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
