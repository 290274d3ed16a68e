"""The file calls a session is made of, and what their errors mean."""

from __future__ import annotations

import errno
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from jobs.causes import cause
from jobs.errors import RemotePathRefused, RemoteUnsupported, Retry
from jobs.ports import RemoteFile

_NO_SIZE = 1 << 63  # from here on a size is a negative number that the other side did not mean


@dataclass(frozen=True)
class Facts:
    """What the other side says of one entry, links not followed; 0, or None for a size, where it says nothing."""

    mode: int
    size: int | None
    mtime: int

    @property
    def is_regular(self) -> bool:
        """A file. Servers on Windows, and others, tell no type (or no mode at all) but a size: that is one, too."""
        return self.size is not None and self.size < _NO_SIZE and stat.S_IFMT(self.mode) in (0, stat.S_IFREG)

    def file(self, name: str) -> RemoteFile | None:
        """The file these are the facts of, if it is one."""
        return RemoteFile(name, self.size or 0, self.mtime) if self.is_regular else None


class FileCalls(Protocol):
    """The file calls a session needs.

    They raise FileNotFoundError and PermissionError for what they say, TimeoutError or ConnectionError
    when no answer came, and any other OSError when the other side refused or failed (EOPNOTSUPP: it cannot do that).
    """

    server_key: str

    def facts(self, path: str) -> Facts | None:
        """None if there is nothing of that name."""

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]: ...

    def write(self, path: str, stream: BinaryIO) -> int:
        """Write a file, over an old one; returns the size the other side holds then."""

    def read(self, path: str, size: int) -> Generator[bytes]:
        """The first `size` bytes, or fewer when the file is shorter."""

    def rename(self, path: str, target: str) -> None:
        """Never over another file: then an OSError."""

    def take(self, path: str, target: str) -> None:
        """Rename in one step to a name that nobody else gives to a file."""

    def remove(self, path: str) -> None: ...


@contextmanager
def answered(doing: str, lost: type[Retry]) -> Iterator[None]:
    """Translate an OSError: a missing or closed folder needs a person, everything else is `lost`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise RemotePathRefused(f"{doing}: {cause(error)}") from error
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise RemoteUnsupported(f"{doing}: {cause(error)}") from error
        raise lost(f"{doing}: {cause(error)}") from error
