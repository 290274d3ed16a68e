"""The session contract of `jobs.ports` over a handful of file calls: the same decisions for every channel."""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from adapters.channels.names import (
    PART,
    given_name,
    is_passed_over,
    is_safe,
    numbered,
    printable,
    remote_path,
    taken_name,
)
from jobs.causes import cause, on_disk
from jobs.errors import (
    ChannelUnavailable,
    DeliveryUncertain,
    NameTaken,
    RemoteFileRefused,
    RemotePathRefused,
    RemoteUnsupported,
    Retry,
    TransferFailed,
)
from jobs.ports import Delivery, Fetched, Listing, RemoteFile

_MOVE_TRIES = 1_000
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


class FileSession:
    """See `jobs.ports.Session`, whose errors it raises. `safe` says which names may be used."""

    def __init__(self, calls: FileCalls, safe: Callable[[str], bool] = is_safe) -> None:
        self._calls = calls
        self._safe = safe

    def list(self, folder: str) -> Listing:
        files: dict[str, RemoteFile] = {}
        refused = []
        with _answered(f"list {folder}", ChannelUnavailable):
            for raw, facts in self._calls.entries(folder):
                name = raw.decode("utf-8", "replace")
                given = given_name(name)
                is_taken = given != name
                if stat.S_ISDIR(facts.mode) or (is_passed_over(name) and not is_taken):
                    continue
                if self._safe(given) and name not in files and (file := facts.file(given)):
                    files[name] = replace(file, taken_as=name if is_taken else "")
                else:
                    refused.append(printable(raw))
        return Listing(tuple(files[name] for name in sorted(files)), tuple(sorted(refused)))

    def stat(self, folder: str, name: str) -> RemoteFile | None:
        path = remote_path(folder, name, self._safe)
        with _answered(f"stat {name}", ChannelUnavailable):
            facts = self._calls.facts(path)
        return facts.file(name) if facts else None

    def unfinished(self, folder: str, name: str) -> bool:
        path = remote_path(folder, name, self._safe) + PART
        with _answered(f"stat {name}{PART}", ChannelUnavailable):
            return self._calls.facts(path) is not None

    def deliver(
        self, source: Path, folder: str, name: str, before_rename: Callable[[], object] | None = None
    ) -> Delivery:
        final = remote_path(folder, name, self._safe)
        with on_disk("the archive"):
            opened = source.open("rb")
        with opened as stream:
            size = os.fstat(stream.fileno()).st_size
            with _answered(f"deliver {name}", TransferFailed):
                there = self._calls.facts(final)
                stored = size if there else self._calls.write(final + PART, stream)
        if stored != size:
            raise TransferFailed(f"{name}: {stored} of {size} bytes were stored")
        if there is None:
            if before_rename is not None:
                before_rename()
            there = self._rename_part(final, size)
        elif not there.is_regular or there.size != size:
            raise NameTaken(f"{name} exists with another size", size=size, there=there.size)
        return Delivery(name, size, there.mtime, self._calls.server_key)

    def fetch(self, folder: str, name: str, target: Path, limit: int, timed: bool = True) -> Fetched:
        path = remote_path(folder, name, self._safe)
        before = self.stat(folder, name)
        if before is None:
            raise RemoteFileRefused(f"{name} is not there, or not a regular file")
        if before.size > limit:
            raise RemoteFileRefused(f"{name} holds {before.size} bytes, the limit is {limit}")
        fetched = 0
        with new_file(target) as out, closing(self._blocks(path, name, before.size)) as blocks:
            for block in blocks:
                out.write(block)
                fetched += len(block)
            after = self._seen_again(folder, name)
            if fetched != before.size or (after is not None and not before.is_unchanged(after, timed)):
                raise RemoteFileRefused(f"{name} changed while fetched")
        return Fetched(before.size, before.mtime, gone=after is None)

    def take(self, folder: str, name: str) -> str | None:
        path = remote_path(folder, name, self._safe)
        ours = taken_name(name)
        with _answered(f"take {name}", ChannelUnavailable):
            try:
                self._calls.take(path, posixpath.join(folder, ours))
            except FileNotFoundError:
                return None
        return ours

    def move(self, folder: str, name: str, to_folder: str) -> None:
        path = remote_path(folder, name, self._safe)
        with _answered(f"move {name}", ChannelUnavailable):
            if self._calls.facts(path) is None:
                raise RemoteFileRefused(f"{name} is not there")
            for candidate in islice(numbered(given_name(name)), _MOVE_TRIES):
                target = posixpath.join(to_folder, candidate)
                if self._calls.facts(target) is None:
                    self._calls.rename(path, target)
                    return
        raise RemotePathRefused(f"{to_folder} holds too many files named {name}")

    def remove(self, folder: str, name: str) -> None:
        path = remote_path(folder, name, self._safe)
        with _answered(f"remove {name}", ChannelUnavailable):
            if self._calls.facts(path) is not None:
                self._calls.remove(path)

    def _rename_part(self, final: str, size: int) -> Facts:
        """Give the complete `.part` its final name; returns what lies there then.

        Crash window: from the moment the rename is asked for until the caller records the
        delivery, the file may lie under its final name, or the partner may have taken it
        already. Only a look at the other side tells; without one the delivery is uncertain.
        """
        refusal: OSError | None = None
        try:
            self._calls.rename(final + PART, final)
        except (TimeoutError, ConnectionError) as error:
            # The rename may still be under way: what a look shows now would be no proof.
            raise DeliveryUncertain(f"rename to {final}: {cause(error)}") from error
        except OSError as error:
            refusal = error
        try:
            there = self._calls.facts(final)
            part_left = refusal is not None and self._calls.facts(final + PART) is not None
        except OSError as error:
            raise DeliveryUncertain(f"look for {final} after the rename: {cause(error)}") from error
        if there and there.size == size and not part_left:
            return there
        if there is None and part_left:
            if refusal is not None and refusal.errno == errno.EOPNOTSUPP:
                raise RemoteUnsupported(f"rename to {final}: {cause(refusal)}") from refusal
            raise TransferFailed(f"rename to {final}: {cause(refusal)}") from refusal
        if there and there.size != size and part_left:
            raise NameTaken(f"{final} appeared with another size", size=size, there=there.size) from refusal
        raise DeliveryUncertain(f"{final} is gone or altered after the rename") from refusal

    def _seen_again(self, folder: str, name: str) -> RemoteFile | None:
        """The file after it was read, of which a server that hands a file out once shows nothing. No look, no news."""
        try:
            return self.stat(folder, name)
        except (ChannelUnavailable, RemotePathRefused):
            return None

    def _blocks(self, path: str, name: str, size: int) -> Generator[bytes]:
        with _answered(f"fetch {name}", ChannelUnavailable):
            try:
                yield from self._calls.read(path, size)
            except FileNotFoundError:
                raise RemoteFileRefused(f"{name} went away while fetched") from None
            except (TimeoutError, ConnectionError):
                raise
            except OSError as error:  # a locked file, a folder whose type the server did not tell: the others go on
                raise RemoteFileRefused(f"{name} cannot be read: {cause(error)}") from error


@contextmanager
def new_file(target: Path) -> Iterator[BinaryIO]:
    """Create `target` with mode 0600, never through a link and never over another file.

    Its bytes are on disk when the block ends; the file is gone again when the block raises.
    Raises FileExistsError, and what `jobs.causes.on_disk` makes of a disk that is full or broken.
    """
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with on_disk("the spool"), os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextmanager
def _answered(doing: str, lost: type[Retry]) -> Iterator[None]:
    """Translate an OSError: a missing or closed folder needs a person, everything else is `lost`."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        raise RemotePathRefused(f"{doing}: {cause(error)}") from error
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            raise RemoteUnsupported(f"{doing}: {cause(error)}") from error
        raise lost(f"{doing}: {cause(error)}") from error
