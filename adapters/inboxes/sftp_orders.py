"""Folders on an SFTP server, used like the local drop folder."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from adapters.inboxes.one_session import OneSession
from jobs.causes import on_disk
from jobs.ports import Channel, Listing, ReadFile, RemoteFile, Session, Spool


class RemoteFolder:
    """Implements `jobs.ports.Folder`: reading fetches through the spool, removing is up to `_put_away`.

    `pattern` is a regular expression that the whole file name must match, in upper or lower case.
    """

    own_folders: Sequence[str | None] = ()

    def __init__(self, channel: Channel, spool: Spool, folder: str, pattern: str, place: str = "") -> None:
        self.place = place or f"sftp:{folder}"
        self._channel = OneSession(channel)
        self._spool = spool
        self._folder = folder
        self._pattern = pattern

    def connected(self) -> AbstractContextManager[object]:
        return self._channel.held()

    def look(self) -> Listing:
        with self._channel.open() as session:
            return self._listed(session).matching(self._pattern)

    def _listed(self, session: Session) -> Listing:
        return session.list(self._folder).without(self._folder, self.own_folders)

    def take(self, file: RemoteFile) -> RemoteFile | None:
        if file.taken_as:
            return file
        with self._channel.open() as session:
            ours = session.take(self._folder, file.name)
        return None if ours is None else replace(file, taken_as=ours)

    def give_back(self, file: RemoteFile) -> None:
        with self._channel.open() as session:
            if session.stat(self._folder, file.name) is None:
                session.move(self._folder, file.lies_as, self._folder)

    def read(self, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        with self._spool.file() as landed, self._channel.open() as session:
            fetched = session.fetch(self._folder, file.lies_as, landed, limit, timed)
            with on_disk("the spool"):
                data = landed.read_bytes()
        return ReadFile(replace(file, size=fetched.size, mtime=fetched.mtime), data, timed, fetched.gone)

    def remove(self, read: ReadFile) -> bool:
        """Only who held the file open when it was taken can have changed it: size and time tell."""
        with self._channel.open() as session:
            there = session.stat(self._folder, read.file.lies_as)
            if there is None:
                return True
            if not read.file.is_unchanged(there, read.timed):
                return False
            self._put_away(session, read.file)
        return True

    def _put_away(self, session: Session, file: RemoteFile) -> None:
        session.remove(self._folder, file.lies_as)


class RemoteInbox(RemoteFolder):
    """Order files: those taken in are moved to the done folder.

    Without a done folder files stay under their names, and are known by their digest when they are read again.
    """

    def __init__(self, channel: Channel, spool: Spool, folder: str, done_folder: str | None, pattern: str) -> None:
        super().__init__(channel, spool, folder, pattern)
        self._done_folder = done_folder
        self.own_folders = (done_folder,)

    def take(self, file: RemoteFile) -> RemoteFile | None:
        return file if self._done_folder is None else super().take(file)

    def remove(self, read: ReadFile) -> bool:
        return True if self._done_folder is None else super().remove(read)

    def _put_away(self, session: Session, file: RemoteFile) -> None:
        if self._done_folder is not None:
            session.move(self._folder, file.lies_as, self._done_folder)
