"""The drop folders for workbooks: `<template>/<uploader>/`, in the workspace and on an SFTP server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from uuid import uuid4

from adapters.channels.names import printable
from adapters.inbox import DropFolder
from adapters.remote_inbox import RemoteInbox
from formats.templates import NAMES
from jobs.errors import RemoteFileRefused, RemotePathRefused
from jobs.ports import Channel, RemoteFile, Session, Spool
from jobs.uploads import ANSWER_FOLDERS, Consent, UploadInbox, UploadInboxes

UNKNOWN_UPLOADER = "unknown"
"""Of a workbook that lies beside the uploaders' folders instead of in one."""

_ANY_NAME = r"[^/\x00]*"
_REMOTE = "sftp:"
_CLUTTER = frozenset({"desktop.ini", "thumbs.db"})


class LocalDrop(DropFolder):
    """Implements `jobs.uploads.UploadInbox` over one folder of the workspace."""

    consent = Consent.BY_SETTING

    def __init__(self, folder: Path, template: str, uploader: str) -> None:
        super().__init__(folder, _ANY_NAME)
        self._folder = folder
        self.template = template
        self.uploader = uploader
        self.place = f"{template}/{uploader}"

    def files(self) -> Sequence[RemoteFile]:
        return [file for file in super().files() if file.name.lower() not in _CLUTTER]

    def answer(self, folder: str, name: str, data: bytes) -> None:
        """Written beside its name, then renamed: nobody opens half an answer."""
        place = self._folder / folder
        place.mkdir(exist_ok=True)
        part = place / f".{name}.part"
        part.write_bytes(data)
        part.replace(place / name)


class RemoteDrop(RemoteInbox):
    """Implements `jobs.uploads.UploadInbox` over one folder of an SFTP server."""

    consent = Consent.BY_SETTING

    def __init__(self, channel: Channel, spool: Spool, folder: str, template: str, uploader: str) -> None:
        super().__init__(channel, spool, folder, None, _ANY_NAME)
        self.template = template
        self.uploader = uploader
        self.place = f"{_REMOTE}{template}/{uploader}"

    def holds_files(self, session: Session) -> bool:
        try:
            return bool(session.list(self._folder).files)
        except RemotePathRefused:
            return False

    def remove(self, name: str) -> None:
        with self._channel.open() as session:
            session.remove(self._folder, name)

    def answer(self, folder: str, name: str, data: bytes) -> None:
        with self._spool.file(".xlsx") as path, self._channel.open() as session:
            path.write_bytes(data)
            session.deliver(path, f"{self._folder}/{folder}", name)


def make_drop_folders(root: Path, uploader: str) -> Path:
    """A drop folder for every template; returns a pattern of their paths for people."""
    for template in NAMES:
        (root / template / uploader).mkdir(parents=True, exist_ok=True)
    return root / "<template>" / uploader


class LocalDrops:
    """Every drop folder below `root` there is now; a folder an administrator makes is watched from then on."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def all(self) -> Sequence[UploadInbox]:
        return list(self._found())

    def find(self, place: str) -> UploadInbox | None:
        return next((inbox for inbox in self._found() if inbox.place == place), None)

    def _found(self) -> Iterator[LocalDrop]:
        for template in NAMES:
            folder = self._root / template
            if not folder.is_dir():
                continue
            yield LocalDrop(folder, template, UNKNOWN_UPLOADER)
            for entry in sorted(folder.iterdir()):
                hidden = entry.name.startswith(".") or entry.name in ANSWER_FOLDERS
                if not hidden and entry.is_dir() and not entry.is_symlink():
                    yield LocalDrop(entry, template, entry.name)


class RemoteDrops:
    """The drop folders on an SFTP server. Folders that are not there are passed over."""

    def __init__(self, channel: Channel, spool: Spool, folder: str, uploaders: Sequence[str]) -> None:
        self._channel = channel
        self._spool = spool
        self._folder = folder
        self._uploaders = uploaders

    def all(self) -> Sequence[UploadInbox]:
        """Those that hold files; one connection looks into all of them."""
        with self._channel.open() as session:
            return [drop for drop in self._drops() if drop.holds_files(session)]

    def find(self, place: str) -> UploadInbox | None:
        return next((drop for drop in self._drops() if drop.place == place), None)

    def _drops(self) -> Iterator[RemoteDrop]:
        for template, uploader in product(NAMES, self._uploaders):
            folder = f"{self._folder}/{template}/{uploader}"
            yield RemoteDrop(self._channel, self._spool, folder, template, uploader)


class AllDrops:
    """Implements `jobs.uploads.UploadInboxes` over several kinds of drop folders."""

    def __init__(self, *parts: LocalDrops | RemoteDrops) -> None:
        self._parts = parts

    def all(self) -> Sequence[UploadInbox]:
        return [inbox for part in self._parts for inbox in part.all()]

    def find(self, place: str) -> UploadInbox | None:
        return next((found for part in self._parts if (found := part.find(place))), None)


class HandedIn:
    """A workbook that a person handed in: the one drop folder of its run.

    It keeps the answers that come to it; those to other uploads go where they belong.
    """

    def __init__(
        self, template: str, uploader: str, name: str, data: bytes, others: UploadInboxes, consent: Consent
    ) -> None:
        self.consent = consent
        self.template = template
        self.uploader = uploader
        self.place = f"handed in:{uuid4().hex}"
        self.name = name
        self.data = data
        self.answers: dict[str, bytes] = {}
        self._others = others
        self._taken = False

    def files(self) -> Sequence[RemoteFile]:
        return [] if self._taken else [RemoteFile(self.name, len(self.data), 0)]

    def read(self, name: str, limit: int) -> bytes:
        """Raises RemoteFileRefused over `limit` bytes."""
        if len(self.data) > limit:
            raise RemoteFileRefused(f"{printable(name)} holds more than {limit} bytes")
        return self.data

    def remove(self, name: str) -> None:
        self._taken = True

    def answer(self, folder: str, name: str, data: bytes) -> None:
        self.answers[name] = data

    def all(self) -> Sequence[UploadInbox]:
        return [self]

    def find(self, place: str) -> UploadInbox | None:
        return self if place == self.place else self._others.find(place)
