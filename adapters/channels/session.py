"""The session contract of `jobs.ports` over a handful of file calls: the same decisions for every channel."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from adapters.channels.calls import FileCalls, answered
from adapters.channels.delivering import deliver, look, part_of
from adapters.channels.names import (
    given_name,
    is_passed_over,
    is_safe,
    numbered,
    printable,
    remote_path,
    taken_name,
)
from jobs.causes import cause, on_disk
from jobs.errors import ChannelUnavailable, RemoteFileRefused, RemotePathRefused
from jobs.ports import Delivery, Fetched, Listing, Parcel, RemoteFile, Sight

_MOVE_TRIES = 1_000


class FileSession:
    """See `jobs.ports.Session`, whose errors it raises. `safe` says which names may be used."""

    def __init__(self, calls: FileCalls, safe: Callable[[str], bool] = is_safe) -> None:
        self._calls = calls
        self._safe = safe

    def list(self, folder: str) -> Listing:
        files: dict[str, RemoteFile] = {}
        refused = []
        with answered(f"list {folder}", ChannelUnavailable):
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
        with answered(f"stat {name}", ChannelUnavailable):
            facts = self._calls.facts(path)
        return facts.file(name) if facts else None

    def look(self, parcel: Parcel, tokens: Collection[str]) -> Sight:
        return look(self._calls, remote_path(parcel.folder, parcel.name, self._safe), parcel, tokens)

    def discard(self, folder: str, name: str, token: str) -> None:
        path = part_of(remote_path(folder, name, self._safe), token)
        with answered(f"discard a temporary file of {name}", ChannelUnavailable):
            if self._calls.facts(path) is not None:
                self._calls.remove(path)

    def deliver(self, parcel: Parcel, before_rename: Callable[[], object] | None = None) -> Delivery:
        return deliver(self._calls, remote_path(parcel.folder, parcel.name, self._safe), parcel, before_rename)

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
        with answered(f"take {name}", ChannelUnavailable):
            try:
                self._calls.take(path, posixpath.join(folder, ours))
            except FileNotFoundError:
                return None
        return ours

    def move(self, folder: str, name: str, to_folder: str) -> None:
        path = remote_path(folder, name, self._safe)
        with answered(f"move {name}", ChannelUnavailable):
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
        with answered(f"remove {name}", ChannelUnavailable):
            if self._calls.facts(path) is not None:
                self._calls.remove(path)

    def _seen_again(self, folder: str, name: str) -> RemoteFile | None:
        """The file after it was read, of which a server that hands a file out once shows nothing. No look, no news."""
        try:
            return self.stat(folder, name)
        except (ChannelUnavailable, RemotePathRefused):
            return None

    def _blocks(self, path: str, name: str, size: int) -> Generator[bytes]:
        with answered(f"fetch {name}", ChannelUnavailable):
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
