"""Ports: what the use cases need from the world. Adapters implement them, tests fake them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Protocol

from formats.workbook.read.grid import Workbook
from jobs.providers import Keys, Provider


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC, whole seconds."""

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class RemoteFile:
    """One regular file in a folder. `name` is what its writer called it: data, never a path.

    `mtime` is 0 where nobody tells. `taken_as` is the name of ours under which it lies once we have taken it.
    """

    name: str
    size: int
    mtime: int
    taken_as: str = ""

    @property
    def lies_as(self) -> str:
        return self.taken_as or self.name

    def is_unchanged(self, later: RemoteFile | None, timed: bool = True) -> bool:
        """Whether a later look shows the same size and, if times tell anything there, the same time."""
        return later is not None and later.size == self.size and (not timed or later.mtime == self.mtime)


@dataclass(frozen=True)
class Listing:
    """A folder's content: usable files by name, and the printable names of what may not and what need not be used."""

    files: tuple[RemoteFile, ...]
    refused: tuple[str, ...]  # no safe file names, or no regular files
    unexpected: tuple[str, ...] = ()  # nobody asked for files of these names

    def without(self, folder: str, ours: Iterable[str | None]) -> Listing:
        """Without those folders of ours that lie in this one: a server that tells no types shows them as files."""
        names = {path.name for path in map(PurePosixPath, filter(None, ours)) if path.parent == PurePosixPath(folder)}
        return replace(self, files=tuple(file for file in self.files if file.name not in names))

    def matching(self, pattern: str) -> Listing:
        """Files whose whole names match, in upper or lower case; the others become unexpected."""
        wanted = re.compile(pattern, re.IGNORECASE | re.DOTALL)
        files = tuple(file for file in self.files if wanted.fullmatch(file.name))
        others = tuple(repr(file.name) for file in self.files if not wanted.fullmatch(file.name))
        return Listing(files, self.refused, self.unexpected + others)


@dataclass(frozen=True)
class Fetched:
    """A file that was downloaded whole, as it lay there before."""

    size: int
    mtime: int
    gone: bool  # afterwards the other side showed nothing of that name, or could not be asked


@dataclass(frozen=True)
class Delivery:
    """Proof that a file lies under its final name: facts for the evidence row."""

    name: str
    size: int
    mtime: int
    server_key: str  # fingerprint of the host key that answered, "" for a folder


@dataclass(frozen=True)
class Parcel:
    """What one attempt delivers: the bytes of this SHA-256, under this name in this folder.

    `token` makes the attempt's temporary name its own; `read_back` allows to read what lies under the final name.
    """

    source: Path
    sha256: str
    folder: str
    name: str
    token: str
    read_back: bool = False


class Final(StrEnum):
    """What lies under a final name."""

    ABSENT = "absent"
    OURS = "ours"  # read back: the very bytes
    OTHER = "other"  # another size, other bytes, or no file
    DOUBTFUL = "doubtful"  # our size, but it could not be read back


@dataclass(frozen=True)
class Sight:
    """What a look at the partner's folder shows: the final name, and whose temporary files (tokens) are there."""

    final: Final
    parts: frozenset[str] = frozenset()
    delivery: Delivery | None = None  # facts of what lies under the final name


class Session(Protocol):
    """An open channel. Folder arguments come from configuration, names from listings."""

    def list(self, folder: str) -> Listing: ...

    def stat(self, folder: str, name: str) -> RemoteFile | None:
        """The regular file of that name, or None if there is none."""

    def look(self, parcel: Parcel, tokens: Collection[str]) -> Sight:
        """What lies under the parcel's final name, and which of these attempts left their temporary files."""

    def discard(self, folder: str, name: str, token: str) -> None:
        """Remove the temporary file of a settled attempt, if it is there."""

    def deliver(self, parcel: Parcel, before_rename: Callable[[], object] | None = None) -> Delivery:
        """Check the digest, upload under a name of this attempt's own, compare sizes, rename, look.

        What `before_rename` raises stops it. Raises ArchiveDamaged before the first byte leaves, NameTaken when
        something lies under the final name already or appears there, TransferFailed when certainly nothing was
        delivered, and DeliveryUncertain when the file may have arrived and no look could prove the result.
        """

    def fetch(self, folder: str, name: str, target: Path, limit: int, timed: bool = True) -> Fetched:
        """Download to `target` (created, never overwritten), at most `limit` bytes.

        What still lies there afterwards must have the same size and, unless `timed` is False, the same time, else
        RemoteFileRefused; so is a file that the other side does not let us read. What came whole is kept, whatever
        became of it there.
        """

    def take(self, folder: str, name: str) -> str | None:
        """Rename to a name of ours in the same folder, for good and in one step; None if the file is gone.

        What comes under the old name from then on is another file, and is never touched by what is done with this one.
        """

    def move(self, folder: str, name: str, to_folder: str) -> None:
        """Rename into `to_folder`; a name that is taken there gets a numbered suffix."""

    def remove(self, folder: str, name: str) -> None: ...


class Channel(Protocol):
    """A way bytes travel to and from one partner."""

    def open(self) -> AbstractContextManager[Session]:
        """Raises ChannelUnavailable, HostKeyRefused or LoginRefused."""


@dataclass(frozen=True)
class Opened:
    """A message that passed every check: its signer's primary fingerprint and signing time."""

    signer: str
    signed_at: datetime


class Cipher(Protocol):
    """OpenPGP: sign-then-encrypt in one message, file to file."""

    def protect(self, plaintext: bytes, target: Path, keys: Keys, today: date) -> None:
        """Sign with our key, encrypt to the newest valid recipient; `target` is 0600."""

    def open(self, source: Path, target: Path, keys: Keys, today: date, limit: int) -> Opened:
        """Verify and decrypt into `target`, which exists only if every check passed.

        Raises a MessageRefused, CipherUnavailable or KeyUnusable.
        """

    def protect_own(self, plaintext: bytes, target: Path) -> None:
        """Sign and encrypt to our own archive key."""

    def open_own(self, source: Path, target: Path, limit: int) -> None: ...


class Archive(Protocol):
    """Content-addressed, encrypted, append-only."""

    def keep(self, source: Path) -> str:
        """Keep ciphertext as it is; returns its key (SHA-256). Same bytes, same key."""

    def keep_plaintext(self, data: bytes) -> str:
        """Keep `data` encrypted to our archive key; the returned key is the SHA-256 of `data`."""

    def path(self, key: str) -> Path:
        """Where the kept file lies (read only). Raises NotFound."""

    def intact(self, key: str) -> bool:
        """Whether kept ciphertext still has the digest that is its key. Raises NotFound."""

    def kept(self) -> Sequence[str]:
        """The keys of everything that is kept, in their order."""

    def read_plaintext(self, key: str) -> bytes:
        """What `keep_plaintext` was given."""


class Spool(Protocol):
    """Private 0700 scratch space; files are 0600 and gone when the block ends."""

    def file(self, suffix: str = "") -> AbstractContextManager[Path]:
        """A fresh path that does not exist yet; removed on exit whatever happens."""

    def sweep(self) -> int:
        """Remove what an earlier, killed process left; returns how many files."""


class Anchor(Protocol):
    """What is noted outside the registry, so that a restored one is known."""

    def intend(self, provider: str, sequence: int, newest: tuple[int, str] | None, run_id: str) -> None:
        """Before the first byte of a batch leaves; `newest` is the end of the audit trail. Written whole, or raises."""


class Channels(Protocol):
    def channel(self, provider: Provider) -> Channel: ...


@dataclass(frozen=True)
class ReadFile:
    """A file as it was when it was read, and its bytes. `timed`: the time its server tells says when it changed."""

    file: RemoteFile
    data: bytes
    timed: bool = True
    gone: bool = False  # the server shows it no more: it hands files out once


class Folder(Protocol):
    """A drop folder, here or on a server, such as the order inbox."""

    @property
    def place(self) -> str:
        """Names it for people."""

    def connected(self) -> AbstractContextManager[object]:
        """One connection for whatever is done with the folder inside the block."""

    def look(self) -> Listing:
        """What lies in it, taken files included. Raises MusterError if it cannot be looked into."""

    def take(self, file: RemoteFile) -> RemoteFile | None:
        """Rename it to a name of ours: what comes under its own name from then on is another file.

        None if it is gone. A folder that files stay in takes none. One that a killed run took is taken already.
        """

    def give_back(self, file: RemoteFile) -> None:
        """Give a taken file its own name again, unless something lies there; then it stays taken."""

    def read(self, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        """The whole file. Raises RemoteFileRefused: gone, no regular file, over `limit` bytes, or changing."""

    def remove(self, read: ReadFile) -> bool:
        """Take it out of the folder; False if it was written to after it was read, and so is work again."""


class Workbooks(Protocol):
    """Staff's workbooks."""

    def read(self, data: bytes, sheet: str) -> Workbook:
        """The sheet named `sheet` (`layout.sheet_name`), or the one that must be meant; or why the file is refused.

        Never raises for what is in the file, and returns within a time of its own.
        """
