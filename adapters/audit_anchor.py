"""The outside anchor: what the registry said last, noted in a file beside it that only grows.

A hash chain does not show that its tail was cut off, nor that all of it was computed anew, and a registry restored from
a backup does not know what it has forgotten. This file does, as long as whoever changes the one cannot write the other.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobs.causes import on_disk
from jobs.errors import Setup
from jobs.registry import Transaction

_TAIL = 4096  # bytes, more than any line has
_LINE = re.compile(r"(?P<row>[0-9]+) (?P<hash>[0-9a-f]{64}) \S+|sequence (?P<provider>\S+) (?P<number>[0-9]+) \S+")


class AnchorUnreadable(Setup):
    code = "AUDIT_ANCHOR_UNREADABLE"
    remedy = "Treat it as a security event: keep the file and the database, and compare both with copies"


@dataclass(frozen=True)
class Anchored:
    """What was noted: rows of the trail (number, hash), and the highest sequence number of each provider."""

    rows: tuple[tuple[int, str], ...] = ()
    sequences: Mapping[str, int] | None = None

    @property
    def newest(self) -> tuple[int, str] | None:
        return max(self.rows, default=None)

    def sequence(self, provider: str) -> int:
        return (self.sequences or {}).get(provider, 0)


def forgotten(anchored: Anchored, tx: Transaction) -> list[str]:
    """What was noted and the registry does not know (any more), in words; empty if it is the registry it was."""
    lacking = []
    if anchored.newest is not None:
        number, digest = anchored.newest
        newest = (tx.audit.head() or (0, ""))[0]
        if newest < number:
            lacking.append(f"its audit trail ends at row {newest}, row {number} was noted")
        elif tx.audit.hash_of(number) != digest:
            lacking.append(f"row {number} of its audit trail is not the one that was noted")
    for provider, sequence in sorted((anchored.sequences or {}).items()):
        if (here := tx.recovery.sequence(provider)) < sequence:
            lacking.append(f"{provider}: its highest sequence number is {here}, {sequence} was used")
    return lacking


class AuditAnchor:
    """Lines of `number hash run`, the newest row of the trail, and `sequence provider number run`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, number: int, digest: str, run_id: str) -> None:
        """Note the newest row of the trail; nothing if the last line says so. Raises what `on_disk` does."""
        with self._opened() as file:
            if not _last_line(file).startswith(f"{number} {digest} "):
                _append(file, f"{number} {digest} {run_id}\n")

    def intend(self, provider: str, sequence: int, newest: tuple[int, str] | None, run_id: str) -> None:
        """Before the first byte of a batch leaves: its number is used, whatever becomes of the registry."""
        row = f"{newest[0]} {newest[1]} {run_id}\n" if newest else ""
        with self._opened() as file:
            _append(file, f"{row}sequence {provider} {sequence} {run_id}\n")

    def anchored(self) -> Anchored:
        """Everything that was noted; a torn last line counts as never written. Raises AnchorUnreadable."""
        rows: list[tuple[int, str]] = []
        sequences: dict[str, int] = {}
        for line in self._lines():
            found = _LINE.fullmatch(line)
            if found is None:
                raise AnchorUnreadable(f"{self._path} holds what is no line of it")
            if found["row"]:
                rows.append((int(found["row"]), found["hash"]))
            else:
                sequences[found["provider"]] = max(int(found["number"]), sequences.get(found["provider"], 0))
        return Anchored(tuple(rows), sequences)

    def read(self) -> list[tuple[int, str]]:
        """Number and hash of every row that was noted. Raises AnchorUnreadable."""
        return list(self.anchored().rows)

    def mend(self) -> int:
        """Take away a last line that was not written whole; returns how many bytes that were."""
        if not self._path.exists():
            return 0
        with self._opened() as file:
            return _cut_torn(file)

    def begin_anew(self, aside: Path, sequences: Mapping[str, int], newest: tuple[int, str], run_id: str) -> None:
        """Put the file aside and begin another that knows these sequence numbers and this row."""
        with on_disk("the audit anchor"):
            if self._path.exists():
                self._path.rename(aside)
        with self._opened() as file:
            text = "".join(f"sequence {provider} {number} {run_id}\n" for provider, number in sequences.items())
            _append(file, f"{newest[0]} {newest[1]} {run_id}\n{text}")

    def _lines(self) -> list[str]:
        try:
            with on_disk("the audit anchor"):
                data = self._path.read_bytes() if self._path.exists() else b""
            return data[: data.rfind(b"\n") + 1].decode("utf-8").splitlines()
        except UnicodeDecodeError:
            raise AnchorUnreadable(f"{self._path} holds what is no line of it") from None

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """The file, ours alone: whoever is killed meanwhile leaves a torn last line, which is taken away first."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with on_disk("the audit anchor"):
            file = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            finally:
                os.close(file)


def _append(file: int, text: str) -> None:
    """All of it, durably, or nothing: a full disk writes half a line and says so only in the count."""
    _cut_torn(file)
    size = os.fstat(file).st_size
    data = text.encode()
    try:
        written = os.write(file, data)
        while written < len(data):
            written += os.write(file, data[written:])
        os.fsync(file)
    except OSError:
        os.ftruncate(file, size)
        raise


def _last_line(file: int) -> str:
    lines = _tail(file).decode("utf-8", "replace").splitlines()
    return lines[-1] if lines else ""


def _cut_torn(file: int) -> int:
    tail = _tail(file)
    torn = len(tail) - (tail.rfind(b"\n") + 1)
    if torn:
        os.ftruncate(file, os.fstat(file).st_size - torn)
        os.fsync(file)
    return torn


def _tail(file: int) -> bytes:
    size = os.fstat(file).st_size
    return os.pread(file, _TAIL, max(0, size - _TAIL))
