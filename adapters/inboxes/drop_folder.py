"""Local drop folders, such as the one people put order files into."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapters.channels.folder import open_regular
from adapters.channels.names import PART, printable
from jobs.causes import cause, system_error
from jobs.errors import PathUnusable, RemoteFileRefused, RemotePathRefused
from jobs.ports import RemoteFile

_UNFINISHED = (PART, ".filepart", ".tmp")  # WinSCP uploads under `<name>.filepart`
_HIDDEN = (".", "~$")  # Excel keeps `~$<name>` beside a workbook while it is open


def is_finished(name: str) -> bool:
    """Neither hidden nor the name of a file that somebody is still writing."""
    return not name.startswith(_HIDDEN) and not name.lower().endswith(_UNFINISHED)


@contextmanager
def reached(doing: str) -> Iterator[None]:
    """A local folder is used: what can heal becomes DiskFull or StorageFailed, the rest RemotePathRefused."""
    try:
        yield
    except OSError as error:
        known = system_error(error, doing)
        if isinstance(known, PathUnusable):
            raise RemotePathRefused(f"{doing}: {cause(error)}") from error
        raise known from error


class DropFolder:
    """Implements `jobs.ports.Folder` over one folder; subfolders and links are not looked into.

    `pattern` is a regular expression that the whole file name must match.
    """

    def __init__(self, path: Path, pattern: str) -> None:
        self._path = path
        self._pattern = re.compile(pattern)

    def files(self) -> Sequence[RemoteFile]:
        """Regular files that match, by name. Raises what `reached` does."""
        found = []
        with reached(f"drop folder {self._path}"):
            for entry in self._path.iterdir():
                if self._wanted(entry.name) and (file := _regular(entry)):
                    found.append(file)
        return sorted(found, key=lambda file: file.name)

    def read(self, name: str, limit: int) -> bytes:
        """The whole file. Raises RemoteFileRefused: gone, no regular file, or over `limit` bytes."""
        with reached(f"read {printable(name)}"):
            try:
                with open_regular(self._file(name)) as stream:
                    data = stream.read(limit + 1)
            except FileNotFoundError:
                raise RemoteFileRefused(f"{printable(name)} is not there") from None
        if len(data) > limit:
            raise RemoteFileRefused(f"{printable(name)} holds more than {limit} bytes")
        return data

    def remove(self, name: str) -> None:
        """Remove the file; one that is gone already is no error."""
        with reached(f"remove {printable(name)}"):
            self._file(name).unlink(missing_ok=True)

    def _wanted(self, name: str) -> bool:
        return self._pattern.fullmatch(name) is not None and is_finished(name)

    def _file(self, name: str) -> Path:
        if "/" in name or "\0" in name or not self._wanted(name):
            raise RemoteFileRefused(f"{printable(name)} is no file of this drop folder")
        return self._path / name


def _regular(entry: Path) -> RemoteFile | None:
    try:
        facts = entry.lstat()
    except FileNotFoundError:
        return None
    return RemoteFile(entry.name, facts.st_size, int(facts.st_mtime)) if stat.S_ISREG(facts.st_mode) else None
