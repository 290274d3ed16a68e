"""What was sent and received, kept for good: encrypted files named by their content."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from adapters.spool import FileSpool, sync
from jobs.causes import on_disk
from jobs.errors import MessageDamaged, NotFound
from jobs.ports import Cipher, Spool

_KEY = re.compile(r"[0-9a-f]{64}")
_STAGING = ".staging"
_LIMIT = 1 << 32  # bytes; what is opened here was signed by us, so this only stops a runaway


class FileArchive:
    """Implements `jobs.ports.Archive` as `<root>/ab/cd/<sha256>.pgp`; files 0600, folders 0700.

    A file appears under its name complete and durable, or not at all, and is never replaced.

    Args:
        cipher: signs and encrypts what `keep_plaintext` is given.
        spool: where plaintext lies while it is read; by default in the archive's own staging folder.
    """

    def __init__(self, root: Path, cipher: Cipher, spool: Spool | None = None) -> None:
        self._root = root
        self._cipher = cipher
        self._what = f"the archive {root}"
        with on_disk(self._what):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._staging = FileSpool(root / _STAGING)
        self._staging.sweep()
        self._spool = spool or self._staging

    def keep(self, source: Path) -> str:
        """Keep the bytes of `source`; the key is their SHA-256.

        Raises MessageDamaged when the archive holds other bytes under that key; DiskFull, StorageFailed, PathUnusable.
        """
        with self._staging.file() as staged, on_disk(self._what):
            with source.open("rb") as stream, staged.open("xb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
            key = _digest(staged)
            kept = self._place(key)
            if kept.exists():
                _must_match(_digest(kept), key)
            else:
                _publish(staged, kept)
        return key

    def keep_plaintext(self, data: bytes) -> str:
        """Keep `data`, encrypted to our archive key; the key is the SHA-256 of `data`.

        Raises MessageDamaged or another MessageRefused when what the archive holds under that key
        does not open to `data`; KeyUnusable, CipherUnavailable.
        """
        key = hashlib.sha256(data).hexdigest()
        kept = self._place(key)
        if kept.exists():
            self.read_plaintext(key)
            return key
        with self._staging.file() as staged:
            self._cipher.protect_own(data, staged)
            with on_disk(self._what):
                _publish(staged, kept)
        return key

    def path(self, key: str) -> Path:
        """Where the file of `key` lies. Raises NotFound, also for what is no key."""
        if not _KEY.fullmatch(key) or not self._place(key).is_file():
            raise NotFound("the archive has no file of that key", key=key)
        return self._place(key)

    def intact(self, key: str) -> bool:
        """Whether what `keep` was given still has the digest that is its key. Raises NotFound, StorageFailed."""
        return is_intact(self._root, key)

    def kept(self) -> list[str]:
        """The keys of everything that is kept, in their order."""
        return sorted(path.stem for path in self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*.pgp"))

    def read_plaintext(self, key: str) -> bytes:
        """What `keep_plaintext` was given. Raises NotFound, a MessageRefused, KeyUnusable, CipherUnavailable."""
        kept = self.path(key)
        with self._spool.file() as opened:
            self._cipher.open_own(kept, opened, _LIMIT)
            with on_disk("the spool"):
                data = opened.read_bytes()
        _must_match(hashlib.sha256(data).hexdigest(), key)
        return data

    def _place(self, key: str) -> Path:
        return _place(self._root, key)


def is_intact(root: Path, key: str) -> bool:
    """See `FileArchive.intact`; for who only looks, and has no cipher."""
    kept = _place(root, key)
    with on_disk(f"the archive {root}"):
        if not kept.is_file():
            raise NotFound("the archive has no file of that key", key=key)
        return _digest(kept) == key


def _place(root: Path, key: str) -> Path:
    return root / key[:2] / key[2:4] / f"{key}.pgp"


def _must_match(found: str, key: str) -> None:
    if found != key:
        raise MessageDamaged("the archive holds other content under this key", key=key, found=found)


def _publish(staged: Path, kept: Path) -> None:
    """Give `staged` its final name so that it survives a power cut."""
    for folder in (kept.parent.parent, kept.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync(folder.parent)
    staged.chmod(0o600)
    sync(staged)
    staged.rename(kept)
    sync(kept.parent)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
