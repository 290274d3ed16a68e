"""A shared folder as a channel: the file calls of a session on a local file system."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.channels.calls import Facts
from adapters.channels.session import FileSession
from jobs.errors import ChannelUnavailable, RemoteFileRefused, RemotePathRefused
from jobs.ports import Session

_BLOCK = 1 << 20
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK}
# O_NONBLOCK: opening a FIFO would wait for a writer for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderChannel:
    """The channel to a partner with whom a folder is shared; `path` is what its folders are relative to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def open(self) -> Iterator[Session]:
        """Raises ChannelUnavailable when the folder is missing, as an unmounted share is."""
        if not self._path.is_dir():
            raise ChannelUnavailable(f"the shared folder {self._path} is not there")
        yield FileSession(_FolderCalls(self._path))


class _FolderCalls:
    """See `adapters.channels.calls.FileCalls`."""

    server_key = ""

    def __init__(self, base: Path) -> None:
        self._base = base

    def facts(self, path: str) -> Facts | None:
        return _facts(self._path(path))

    def entries(self, folder: str) -> Iterator[tuple[bytes, Facts]]:
        for entry in self._path(folder).iterdir():
            if facts := _facts(entry):
                yield os.fsencode(entry.name), facts

    def write(self, path: str, stream: BinaryIO) -> int:
        target = self._path(path)
        target.unlink(missing_ok=True)
        # The partner reads the file as a member of the shared folder's group.
        with os.fdopen(os.open(target, _CREATE, 0o640), "wb") as out:
            while block := stream.read(_BLOCK):
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
            return os.fstat(out.fileno()).st_size

    def read(self, path: str, size: int) -> Generator[bytes]:
        with open_regular(self._path(path)) as stream:
            while size and (block := stream.read(min(_BLOCK, size))):
                size -= len(block)
                yield block

    def rename(self, path: str, target: str) -> None:
        old, new = self._path(path), self._path(target)
        rename_beside(old, new)
        for folder in {old.parent, new.parent}:
            _sync(folder)

    def take(self, path: str, target: str) -> None:
        """`rename` of this class would remove what took the file's place between its two steps."""
        self._path(path).rename(self._path(target))

    def remove(self, path: str) -> None:
        self._path(path).unlink(missing_ok=True)

    def _path(self, path: str) -> Path:
        relative = Path(path)
        if relative.is_absolute() or ".." in relative.parts:
            raise RemotePathRefused(f"{path!r} leaves the shared folder")
        return self._base / relative


def rename_beside(old: Path, new: Path) -> None:
    """Rename, and never over another file: FileExistsError.

    `rename` overwrites, so the new name is made as a second link and the old one taken away.
    """
    try:
        new.hardlink_to(old)
    except FileExistsError:
        # NFS repeats a request whose answer was lost: the link that "exists" may be ours.
        if not old.samefile(new):
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if _facts(new) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from None
        # A file system without links (FAT, some CIFS): a file of that name that appears just now is lost.
        old.rename(new)
    old.unlink(missing_ok=True)


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading, never through a link.

    Raises RemoteFileRefused for anything that is not a regular file, FileNotFoundError for nothing.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RemoteFileRefused(f"{path.name!r} is a link") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RemoteFileRefused(f"{path.name!r} is not a regular file")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _facts(path: Path) -> Facts | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return Facts(found.st_mode, found.st_size, int(found.st_mtime))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
