"""Local drop folders, such as the one people put order files into."""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from adapters.channels.folder import open_regular, rename_beside
from adapters.channels.names import is_passed_over, printable
from jobs.causes import cause, system_error
from jobs.errors import PathUnusable, RemoteFileRefused, RemotePathRefused
from jobs.ports import Listing, ReadFile, RemoteFile

_TAKEN = ".taken-"


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

    `pattern` is a regular expression that the whole file name must match, in upper or lower case. A taken file lies
    in a hidden folder of its own, `.taken-<token>/<name>`: there is no name it could be too long for.
    """

    def __init__(self, path: Path, pattern: str, place: str = "inbox") -> None:
        self.place = place
        self._path = path
        self._pattern = re.compile(pattern, re.IGNORECASE | re.DOTALL)

    def connected(self) -> AbstractContextManager[object]:
        return nullcontext()

    def look(self) -> Listing:
        """Regular files that match, by name. Raises what `reached` does."""
        found, unexpected = [], []
        with reached(f"drop folder {self._path}"):
            for entry in self._entries():
                file = _regular(entry)
                if file is not None and self.is_wanted(entry.name):
                    found.append(replace(file, taken_as=self._taken_as(entry)))
                elif _is_strange(entry):
                    unexpected.append(printable(entry.name))
        return Listing(tuple(sorted(found, key=lambda file: (file.name, file.taken_as))), (), tuple(sorted(unexpected)))

    def take(self, file: RemoteFile) -> RemoteFile | None:
        """See `jobs.ports.Folder`. Raises what `reached` does."""
        if file.taken_as:
            return file
        source, place = self._lying(file), self._path / f"{_TAKEN}{secrets.token_hex(4)}"
        if _regular(source) is None:
            return None
        with reached(f"read {printable(file.name)}"), open_regular(source):
            pass  # what cannot be read is not taken: people find it where they put it
        with reached(f"take {printable(file.name)}"):
            place.mkdir(mode=0o700)
            try:
                source.rename(place / file.name)
            except OSError as error:
                place.rmdir()
                if isinstance(error, FileNotFoundError):
                    return None
                raise
        return replace(file, taken_as=self._taken_as(place / file.name))

    def give_back(self, file: RemoteFile) -> None:
        """See `jobs.ports.Folder`. Raises what `reached` does."""
        taken = self._lying(file)
        with reached(f"give back {printable(file.name)}"), suppress(FileNotFoundError, FileExistsError):
            rename_beside(taken, self._path / file.name)
        with suppress(OSError):
            taken.parent.rmdir()

    def read(self, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        """The whole file. Raises RemoteFileRefused: gone, no regular file, or over `limit` bytes."""
        path = self._lying(file)
        with reached(f"read {printable(file.name)}"):
            try:
                with open_regular(path) as stream:
                    data = stream.read(limit + 1)
            except FileNotFoundError:
                raise RemoteFileRefused(f"{printable(file.name)} is not there") from None
        if len(data) > limit:
            raise RemoteFileRefused(f"{printable(file.name)} holds more than {limit} bytes")
        found = _regular(path)
        return ReadFile(replace(file, size=len(data), mtime=found.mtime if found else file.mtime), data, timed)

    def remove(self, read: ReadFile) -> bool:
        """Remove the file if it still holds what was read; one that is gone already is no error."""
        path = self._lying(read.file)
        with reached(f"remove {printable(read.file.name)}"), suppress(FileNotFoundError):
            with open_regular(path) as stream:
                if stream.read(len(read.data) + 1) != read.data:
                    return False
            path.unlink()
        if read.file.taken_as:
            with suppress(OSError):  # something of somebody else's lies there, too
                path.parent.rmdir()
        return True

    def is_wanted(self, name: str) -> bool:
        return self._pattern.fullmatch(name) is not None and not is_passed_over(name)

    def _entries(self) -> Iterator[Path]:
        """The folder's entries; instead of the hidden folder of a taken file, that file."""
        for entry in self._path.iterdir():
            if entry.name.startswith(_TAKEN) and entry.is_dir() and not entry.is_symlink():
                yield from entry.iterdir()
                with suppress(OSError):  # it is empty where a run was killed before it took the file
                    entry.rmdir()
            else:
                yield entry

    def _taken_as(self, entry: Path) -> str:
        return "" if entry.parent == self._path else f"{entry.parent.name}/{entry.name}"

    def _lying(self, file: RemoteFile) -> Path:
        if "/" in file.name or "\0" in file.name or not self.is_wanted(file.name):
            raise RemoteFileRefused(f"{printable(file.name)} is no file of this drop folder")
        return self._path / file.lies_as


def _is_strange(entry: Path) -> bool:
    """Neither a folder nor anything that is still being written: somebody may wait for it to be read."""
    return not is_passed_over(entry.name) and (entry.is_symlink() or not entry.is_dir())


def _regular(entry: Path) -> RemoteFile | None:
    try:
        facts = entry.lstat()
    except FileNotFoundError:
        return None
    return RemoteFile(entry.name, facts.st_size, int(facts.st_mtime)) if stat.S_ISREG(facts.st_mode) else None
