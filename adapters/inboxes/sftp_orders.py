"""An SFTP folder of order files, used like the local drop folder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jobs.causes import on_disk
from jobs.ports import Channel, RemoteFile, Spool


class RemoteInbox:
    """Implements `jobs.ports.Folder`: reading fetches through the spool, removing moves to the done folder.

    Without a done folder files stay, and are known by their digest when they are read again."""

    def __init__(self, channel: Channel, spool: Spool, folder: str, done_folder: str | None, pattern: str) -> None:
        self._channel = channel
        self._spool = spool
        self._folder = folder
        self._done_folder = done_folder
        self._pattern = re.compile(pattern)

    def files(self) -> Sequence[RemoteFile]:
        with self._channel.open() as session:
            return [file for file in session.list(self._folder).files if self._pattern.fullmatch(file.name)]

    def read(self, name: str, limit: int) -> bytes:
        with self._spool.file() as landed, self._channel.open() as session:
            session.fetch(self._folder, name, landed, limit)
            with on_disk("the spool"):
                return landed.read_bytes()

    def remove(self, name: str) -> None:
        if self._done_folder is not None:
            with self._channel.open() as session:
                session.move(self._folder, name, self._done_folder)
