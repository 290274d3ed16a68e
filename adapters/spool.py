"""Private scratch space: one locked folder per file, removed with all that lies in it.

The lock, not the process number, tells a live file from one that a killed process left: numbers
are used again, in containers at once. The number is in the name for people.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.causes import on_disk

_LOCK = ".lock"


class FileSpool:
    """Implements `jobs.ports.Spool` in the folder `root`, which is created 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._what = f"the spool {root}"
        with on_disk(self._what):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root.chmod(0o700)

    @contextmanager
    def file(self, suffix: str = "") -> Iterator[Path]:
        """A path that does not exist, `<root>/<process>-<random>/file<suffix>`; its folder is removed on exit.

        Raises ValueError for a suffix with a path separator; DiskFull, StorageFailed, PathUnusable.
        """
        if os.sep in suffix:
            raise ValueError("a suffix is no path")
        with on_disk(self._what):
            folder, lock = self._new_folder()
        try:
            yield folder / f"file{suffix}"
        finally:
            try:
                with on_disk(self._what), _locked(self._root):
                    shutil.rmtree(folder)
            finally:
                os.close(lock)

    def sweep(self) -> int:
        """Remove what ended processes left; returns how many files."""
        with on_disk(self._what), _locked(self._root):
            return sum(_remove_left_over(entry) for entry in self._root.iterdir() if entry.name != _LOCK)

    def _new_folder(self) -> tuple[Path, int]:
        """A folder and its lock; nothing is left where one of them cannot be made."""
        with _locked(self._root):  # a sweep must not see the folder before its lock
            folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=self._root))
            try:
                return folder, _take(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                folder.rmdir()
                raise


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_left_over(entry: Path) -> int:
    if entry.is_symlink() or not entry.is_dir():
        entry.unlink()
        return 1
    try:
        lock = _take(entry, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    try:
        files = sum(1 for path in entry.rglob("*") if path.name != _LOCK and not path.is_dir())
        shutil.rmtree(entry)
        return files
    finally:
        os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = _take(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


def _take(folder: Path, operation: int) -> int:
    """Lock `folder`; closing the returned descriptor releases it. Raises BlockingIOError."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
