"""The outside anchor of the audit trail: its newest row, noted at the end of each run in a file that only grows.

A hash chain does not show that its tail was cut off, nor that all of it was computed anew. This file does, as long as
whoever changes the one cannot write the other.
"""

from __future__ import annotations

import os
from pathlib import Path

from jobs.causes import on_disk
from jobs.errors import Setup

_LINE = 512  # bytes, more than any line has


class AnchorUnreadable(Setup):
    code = "AUDIT_ANCHOR_UNREADABLE"
    remedy = "Treat it as a security event: keep the file and the database, and compare both with copies"


class AuditAnchor:
    """Lines of `number hash run`: the newest row of the trail when that run ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, number: int, digest: str, run_id: str) -> None:
        """Append a line, durably; nothing if the last one says the same. Raises what `on_disk` does."""
        noted = f"{number} {digest} "
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with on_disk("the audit anchor"), os.fdopen(os.open(self._path, flags, 0o600), "r+b", buffering=0) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LINE))
            last = file.read().decode("utf-8", "replace").splitlines()[-1:]
            if not last or not last[0].startswith(noted):
                file.write(f"{noted}{run_id}\n".encode())
                os.fsync(file.fileno())

    def read(self) -> list[tuple[int, str]]:
        """Number and hash of every row that was noted. Raises AnchorUnreadable."""
        try:
            text = self._path.read_text(encoding="utf-8")
            parts = [line.split(" ") for line in text.splitlines()]
            return [(int(number), digest) for number, digest, _ in parts]
        except FileNotFoundError:
            return []
        except ValueError:
            raise AnchorUnreadable(f"{self._path} holds what is no line of it") from None
