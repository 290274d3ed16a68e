"""The archive: content-addressed, encrypted, durable, never silently wrong."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.archive import FileArchive
from adapters.openpgp.cipher import OpenPgpCipher
from adapters.spool import FileSpool
from jobs.errors import MessageDamaged, MessageRefused, NotFound, PathUnusable, SignerNotAllowed
from tests.support.openpgp import acquaint, party

DATA = b"canary-353879234252633\n" * 100


@pytest.fixture(scope="module")
def cipher() -> Iterator[OpenPgpCipher]:
    us = party("us")
    with OpenPgpCipher(us.home, us.fingerprint, us.fingerprint, us.secret) as opened:
        yield opened


@pytest.fixture
def archive(cipher: OpenPgpCipher, tmp_path: Path) -> FileArchive:
    return FileArchive(tmp_path / "archive", cipher)


def kept(root: Path) -> list[Path]:
    """Every file but the locks of the staging folder."""
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def test_ciphertext_is_kept_as_it_is_under_its_digest(archive: FileArchive, tmp_path: Path) -> None:
    source = tmp_path / "batch.pgp"
    source.write_bytes(DATA)
    key = archive.keep(source)
    assert key == hashlib.sha256(DATA).hexdigest()
    path = archive.path(key)
    assert path == tmp_path / "archive" / key[:2] / key[2:4] / f"{key}.pgp"
    assert path.read_bytes() == source.read_bytes() == DATA
    assert path.stat().st_mode & 0o777 == 0o600
    folders = (path.parent, path.parent.parent, tmp_path / "archive", tmp_path / "archive" / ".staging")
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert kept(tmp_path / "archive") == [path]


def test_the_same_bytes_twice_change_nothing(archive: FileArchive, tmp_path: Path) -> None:
    source = tmp_path / "batch.pgp"
    source.write_bytes(DATA)
    path = archive.path(archive.keep(source))
    written = path.stat()
    again = archive.path(archive.keep(source)).stat()
    assert (again.st_ino, again.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    first = archive.path(archive.keep_plaintext(b"text"))
    written, ciphertext = first.stat(), first.read_bytes()
    assert archive.path(archive.keep_plaintext(b"text")).stat().st_ino == written.st_ino
    assert first.read_bytes() == ciphertext


@pytest.mark.parametrize("data", [b"", b"x", DATA, os.urandom(300_000)], ids=["empty", "one", "text", "noise"])
def test_plaintext_is_kept_encrypted(archive: FileArchive, data: bytes, tmp_path: Path) -> None:
    key = archive.keep_plaintext(data)
    assert key == hashlib.sha256(data).hexdigest()
    assert archive.read_plaintext(key) == data
    assert kept(tmp_path / "archive") == [archive.path(key)]
    assert archive.path(key).stat().st_mode & 0o777 == 0o600
    if len(data) > 1:
        assert data not in archive.path(key).read_bytes()


def test_other_content_under_a_key_is_never_passed_over(archive: FileArchive, tmp_path: Path) -> None:
    source = tmp_path / "batch.pgp"
    source.write_bytes(DATA)
    path = archive.path(archive.keep(source))
    path.write_bytes(b"something else")
    with pytest.raises(MessageDamaged):
        archive.keep(source)
    assert path.read_bytes() == b"something else"

    key = archive.keep_plaintext(b"text")
    swapped = archive.path(archive.keep_plaintext(b"another text")).read_bytes()
    archive.path(key).write_bytes(swapped)  # genuine, but not what belongs here
    for act in (lambda: archive.read_plaintext(key), lambda: archive.keep_plaintext(b"text")):
        with pytest.raises(MessageDamaged):
            act()
    archive.path(key).write_bytes(swapped[:-1])
    with pytest.raises(MessageRefused):
        archive.keep_plaintext(b"text")


def test_what_another_signed_does_not_read_as_ours(archive: FileArchive, tmp_path: Path) -> None:
    us, other = party("us"), party("other provider")
    acquaint(us, other)
    key = archive.keep_plaintext(b"text")
    archive.path(key).write_bytes(other.sign_encrypt(b"text", us))
    with pytest.raises(SignerNotAllowed):
        archive.read_plaintext(key)


@pytest.mark.parametrize("key", ["", "0" * 64, "../" * 10, "0" * 63, "0" * 63 + "G", "0" * 64 + "\n", "A" * 64])
def test_what_is_not_kept_is_not_found(archive: FileArchive, key: str) -> None:
    with pytest.raises(NotFound):
        archive.path(key)
    with pytest.raises(NotFound):
        archive.read_plaintext(key)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    us = party("us")
    with OpenPgpCipher(us.home, us.fingerprint, "A" * 40, us.secret) as faulty:
        archive = FileArchive(tmp_path / "archive", faulty)
        with pytest.raises(Exception, match="KEY_UNUSABLE"):
            archive.keep_plaintext(DATA)
    with pytest.raises(PathUnusable):
        archive.keep(tmp_path / "none")
    assert kept(tmp_path / "archive") == []


def test_plaintext_is_read_in_the_given_spool(cipher: OpenPgpCipher, tmp_path: Path) -> None:
    seen: list[Path] = []

    class Watched(OpenPgpCipher):
        def open_own(self, source: Path, target: Path, limit: int) -> None:
            seen.append(target)
            cipher.open_own(source, target, limit)

        def protect_own(self, plaintext: bytes, target: Path) -> None:
            cipher.protect_own(plaintext, target)

    us = party("us")
    watched = Watched(us.home, us.fingerprint, us.fingerprint, us.secret)
    archive = FileArchive(tmp_path / "archive", watched, FileSpool(tmp_path / "spool"))
    assert archive.read_plaintext(archive.keep_plaintext(DATA)) == DATA
    assert [path.is_relative_to(tmp_path / "spool") for path in seen] == [True]
    assert kept(tmp_path / "spool") == []


def test_two_at_once_keep_one_file(cipher: OpenPgpCipher, tmp_path: Path) -> None:
    source = tmp_path / "batch.pgp"
    source.write_bytes(DATA)
    keys: list[str] = []

    def keep() -> None:
        keys.append(FileArchive(tmp_path / "archive", cipher).keep(source))

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys == [hashlib.sha256(DATA).hexdigest()] * 8
    assert len(kept(tmp_path / "archive")) == 1
