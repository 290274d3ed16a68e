"""The drop folders for workbooks: `<template>/<uploader>/`, in the workspace and on an SFTP server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from itertools import product
from pathlib import Path
from uuid import uuid4

from adapters.channels.names import printable
from adapters.inboxes.drop_folder import DropFolder, reached
from adapters.inboxes.one_session import OneSession
from adapters.inboxes.sftp_orders import RemoteFolder
from formats.templates import NAMES
from jobs.causes import on_disk
from jobs.errors import MusterError, RemoteFileRefused, RemotePathRefused
from jobs.ports import Channel, Listing, Parcel, ReadFile, RemoteFile, Session, Spool
from jobs.upload import ANSWER_FOLDERS, Consent, UploadInbox

UNKNOWN_UPLOADER = "unknown"
"""Of a workbook that lies beside the uploaders' folders instead of in one."""

_ANY_NAME = r"[^/\x00]*"
_REMOTE = "sftp:"
_LONGEST_UPLOADER = 254  # as in the registry


class LocalDrop(DropFolder):
    """Implements `jobs.upload.UploadInbox` over one folder of the workspace."""

    consent = Consent.BY_SETTING

    def __init__(self, folder: Path, template: str, uploader: str) -> None:
        super().__init__(folder, _ANY_NAME, f"{template}/{uploader}")
        self._folder = folder
        self.template = template
        self.uploader = uploader

    def answer(self, folder: str, name: str, data: bytes) -> None:
        """Written beside its name, then renamed: nobody opens half an answer. Raises what `reached` does."""
        place = self._folder / folder
        part = place / f".{name}.part"
        with reached(f"write {printable(name)}"):
            place.mkdir(exist_ok=True)
            try:
                part.write_bytes(data)
                part.replace(place / name)
            finally:
                part.unlink(missing_ok=True)


class RemoteDrop(RemoteFolder):
    """Implements `jobs.upload.UploadInbox` over one folder of an SFTP server."""

    consent = Consent.BY_SETTING

    def __init__(self, channel: Channel, spool: Spool, folder: str, template: str, uploader: str) -> None:
        super().__init__(channel, spool, folder, _ANY_NAME, f"{_REMOTE}{template}/{uploader}")
        self.own_folders = [f"{folder}/{name}" for name in ANSWER_FOLDERS]
        self.template = template
        self.uploader = uploader

    def holds_files(self, session: Session) -> bool:
        """Raises RemotePathRefused for a folder that is there, and closed to us."""
        try:
            listing = self._listed(session)
        except RemotePathRefused as error:
            if isinstance(error.__cause__, PermissionError):
                raise
            return False
        return bool(listing.files or listing.refused)

    def answer(self, folder: str, name: str, data: bytes) -> None:
        with self._spool.file(".xlsx") as path, self._channel.open() as session:
            with on_disk("the spool"):
                path.write_bytes(data)
            session.remove(f"{self._folder}/{folder}", name)  # an earlier answer to the same upload, perhaps longer
            digest = hashlib.sha256(data).hexdigest()
            session.deliver(Parcel(path, digest, f"{self._folder}/{folder}", name, token=digest[:8]))


def make_drop_folders(root: Path, uploader: str) -> Path:
    """A drop folder for every template; returns a pattern of their paths for people."""
    for template in NAMES:
        (root / template / uploader).mkdir(parents=True, exist_ok=True)
    return root / "<template>" / uploader


class ClosedDrop:
    """Stands where drop folders cannot be reached now: the others are handled, and the run says why these are not."""

    consent = Consent.BY_SETTING
    template = uploader = ""

    def __init__(self, place: str, error: MusterError) -> None:
        self.place = place
        self._error = error

    def connected(self) -> AbstractContextManager[object]:
        raise self._error

    def look(self) -> Listing:
        raise self._error

    def take(self, file: RemoteFile) -> RemoteFile | None:
        raise self._error

    def give_back(self, file: RemoteFile) -> None:
        raise self._error

    def read(self, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        raise self._error

    def remove(self, read: ReadFile) -> bool:
        raise self._error

    def answer(self, folder: str, name: str, data: bytes) -> None:
        raise self._error


class LocalDrops:
    """Every drop folder below `root` there is now; a folder an administrator makes is watched from then on."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def connected(self) -> AbstractContextManager[object]:
        return nullcontext()

    def all(self) -> Sequence[UploadInbox]:
        return list(self._found())

    def find(self, place: str) -> UploadInbox | None:
        return next((inbox for inbox in self._found() if inbox.place == place), None)

    def _found(self) -> Iterator[LocalDrop | ClosedDrop]:
        for template in NAMES:
            folder = self._root / template
            if not folder.is_dir():
                continue
            yield LocalDrop(folder, template, UNKNOWN_UPLOADER)
            try:
                with reached(f"drop folder {folder}"):
                    entries = sorted(folder.iterdir())
            except MusterError as error:
                yield ClosedDrop(template, error)
                continue
            yield from (_drop_of(entry, template) for entry in entries if _is_drop(entry))


def _is_drop(entry: Path) -> bool:
    hidden = entry.name.startswith(".") or entry.name in ANSWER_FOLDERS
    return not hidden and entry.is_dir() and not entry.is_symlink()


def _drop_of(entry: Path, template: str) -> LocalDrop | ClosedDrop:
    if entry.name.isprintable() and len(entry.name) <= _LONGEST_UPLOADER:
        return LocalDrop(entry, template, entry.name)
    return ClosedDrop(template, RemotePathRefused(f"the folder {printable(entry.name)} cannot be the name of anybody"))


class RemoteDrops:
    """The drop folders on an SFTP server. Folders that are not there are passed over."""

    def __init__(self, channel: Channel, spool: Spool, folder: str, uploaders: Sequence[str]) -> None:
        self._channel = OneSession(channel)
        self._spool = spool
        self._folder = folder
        self._uploaders = uploaders

    def connected(self) -> AbstractContextManager[object]:
        return self._channel.held()

    def all(self) -> Sequence[UploadInbox]:
        """Those that hold files; one connection looks into all of them."""
        try:
            with self._channel.open() as session:
                return list(self._holding_files(session))
        except MusterError as error:
            return [ClosedDrop(_REMOTE.rstrip(":"), error)]

    def find(self, place: str) -> UploadInbox | None:
        return next((drop for drop in self._drops() if drop.place == place), None)

    def _holding_files(self, session: Session) -> Iterator[RemoteDrop | ClosedDrop]:
        for drop in self._drops():
            try:
                if drop.holds_files(session):
                    yield drop
            except RemotePathRefused as error:
                yield ClosedDrop(drop.place, error)

    def _drops(self) -> Iterator[RemoteDrop]:
        for template, uploader in product(NAMES, self._uploaders):
            folder = f"{self._folder}/{template}/{uploader}"
            yield RemoteDrop(self._channel, self._spool, folder, template, uploader)


class AllDrops:
    """Implements `jobs.upload.UploadInboxes` over several kinds of drop folders."""

    def __init__(self, *parts: LocalDrops | RemoteDrops) -> None:
        self._parts = parts

    @contextmanager
    def connected(self) -> Iterator[None]:
        with ExitStack() as held:
            for part in self._parts:
                held.enter_context(part.connected())
            yield

    def all(self) -> Sequence[UploadInbox]:
        return [inbox for part in self._parts for inbox in part.all()]

    def find(self, place: str) -> UploadInbox | None:
        return next((found for part in self._parts if (found := part.find(place))), None)


class HandedIn:
    """A workbook that a person hands in: a drop folder for it alone, which no run looks into and no answer goes to."""

    def __init__(self, template: str, uploader: str, name: str, data: bytes, consent: Consent) -> None:
        self.consent = consent
        self.template = template
        self.uploader = uploader
        self.place = f"handed in:{uuid4().hex}"
        self.name = name
        self.data = data

    def connected(self) -> AbstractContextManager[object]:
        return nullcontext()

    def look(self) -> Listing:
        return Listing((RemoteFile(self.name, len(self.data), 0),), ())

    def take(self, file: RemoteFile) -> RemoteFile | None:
        return file

    def give_back(self, file: RemoteFile) -> None:
        """It keeps its name."""

    def read(self, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        """Raises RemoteFileRefused over `limit` bytes."""
        if len(self.data) > limit:
            raise RemoteFileRefused(f"{printable(file.name)} holds more than {limit} bytes")
        return ReadFile(file, self.data, timed)

    def remove(self, read: ReadFile) -> bool:
        """It lies nowhere."""
        return True

    def answer(self, folder: str, name: str, data: bytes) -> None:
        """Whoever handed it in asks for the answer (`jobs.uploads.answered_workbooks.answer_files`)."""
