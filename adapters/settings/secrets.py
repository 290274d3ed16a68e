"""The secret type, references to secrets, and files that hold them."""

from __future__ import annotations

import errno
import os
import re
import stat
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from jobs.errors import SecretMissing

_MASK = "Secret(***)"
_MAX_BYTES = 64 * 1024


class Secret:
    """A text that does not print, format, pickle or serialise. `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return _MASK

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return _MASK

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret cannot be serialised")


class Scheme(StrEnum):
    """Where a reference points."""

    CONNECTION = "connection"  # an Airflow Connection by its id
    ENV = "env"  # an environment variable by its name
    FILE = "file"  # a private file, absolute or relative to the workspace


_TARGETS = {
    Scheme.CONNECTION: re.compile(r"[A-Za-z0-9_.-]{1,200}"),
    Scheme.ENV: re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}"),
    Scheme.FILE: re.compile(r"[^\x00-\x1f\x7f]{1,1000}"),
}


def split_reference(text: str) -> tuple[Scheme, str] | None:
    """Scheme and target of a reference; None for any other text, which may be a secret itself."""
    scheme, colon, target = text.partition(":")
    if not colon or scheme not in tuple(Scheme):
        return None
    known = Scheme(scheme)
    return (known, target) if _TARGETS[known].fullmatch(target) else None


def secret_file(path: Path, reference: str) -> Secret:
    """The text of a file only its owner, who is us, may read; one line end at its end is dropped.

    Raises SecretMissing, which names `reference` and never the content. A symbolic link is followed
    only inside its own folder (that is how container platforms mount secrets).
    """
    data = _private_bytes(path, reference)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SecretMissing(f"{reference} is not UTF-8 text", reference=reference) from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise SecretMissing(f"{reference} is empty", reference=reference)
    return Secret(text)


def _private_bytes(path: Path, reference: str) -> bytes:
    try:
        real = path.resolve(strict=True)
        if path.is_symlink() and not real.is_relative_to(path.parent.resolve()):
            raise SecretMissing(f"{reference} is a link that leads out of its folder", reference=reference)
        # O_NONBLOCK: opening a FIFO must not wait for a writer
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError) as error:
        raise SecretMissing(f"{reference} {_why(error)}", reference=reference) from None
    try:
        _refuse_unless_private(os.fstat(handle), reference)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(_MAX_BYTES + 1)
    finally:
        os.close(handle)
    if len(data) > _MAX_BYTES:
        raise SecretMissing(f"{reference} is larger than {_MAX_BYTES} bytes", reference=reference)
    return data


def _refuse_unless_private(status: os.stat_result, reference: str) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if not stat.S_ISREG(status.st_mode):
        raise SecretMissing(f"{reference} is not a regular file", reference=reference)
    if status.st_uid != os.geteuid():
        raise SecretMissing(f"{reference} belongs to another user", reference=reference)
    if mode & 0o077:
        raise SecretMissing(f"{reference} is open to others (mode {mode:04o}): chmod 600 it", reference=reference)


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return "cannot be read by this user"
    return "cannot be opened"
