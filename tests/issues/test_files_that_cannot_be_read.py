"""What cannot be read keeps the name people gave it, or has it back: nobody looks for `.taken-…`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.inboxes import drop_folder
from adapters.inboxes.drop_folder import DropFolder
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.spool import FileSpool
from jobs.context import Exchange
from jobs.errors import RemoteFileRefused
from jobs.ports import Folder, ReadFile, RemoteFile
from jobs.runs import Run
from jobs.stability import Steady
from jobs.taking import take
from jobs.work import Work
from tests.support.odd_sftp import odd_server

NAME = "orders.csv"
LIMIT = 8


@dataclass
class Inbox:
    """A folder, on this machine or on a server, and one attempt to take a file out of it."""

    path: Path
    folder: Folder

    def take(self, file: RemoteFile | None = None) -> tuple[ReadFile | None, list[str]]:
        """`file` is what a look showed; without, the first that is there."""
        work = Work("load_order_dispatch")
        run = cast(Run, SimpleNamespace(dry_run=False))
        steady = Steady(NAME, file or self.folder.look().files[0])
        return take(cast(Exchange, None), run, self.folder, steady, LIMIT, work), work.notes

    def names(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir() if path.name != "done")


@pytest.fixture(params=["local", "sftp"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inbox]:
    path = tmp_path / "orders"
    (path / "done").mkdir(parents=True)
    if request.param == "local":
        yield Inbox(path, DropFolder(path, r".*\.csv"))
        return
    with odd_server(tmp_path) as server:
        spool = FileSpool(tmp_path / "spool")
        yield Inbox(path, RemoteInbox(server.channel(), spool, "orders", "orders/done", r".*\.csv"))


def test_a_file_that_has_grown_too_large(inbox: Inbox) -> None:
    (inbox.path / NAME).write_bytes(b"small")
    (looked,) = inbox.folder.look().files
    (inbox.path / NAME).write_bytes(b"far too large")
    read, (said,) = inbox.take(looked)
    assert read is None
    assert f"/{NAME} waits: " in said
    assert inbox.names() == [NAME]
    _, (said,) = inbox.take()
    assert "stays where it is" in said
    assert inbox.names() == [NAME]


def test_one_that_an_earlier_run_took_has_its_name_back_too(inbox: Inbox) -> None:
    (inbox.path / NAME).write_bytes(b"far too large")
    assert inbox.folder.take(inbox.folder.look().files[0]) is not None
    assert inbox.names() != [NAME]
    inbox.take()
    assert inbox.names() == [NAME]


def test_a_name_that_is_used_again_is_left_alone(inbox: Inbox) -> None:
    (inbox.path / NAME).write_bytes(b"far too large")
    taken = inbox.folder.take(inbox.folder.look().files[0])
    (inbox.path / NAME).write_bytes(b"another")
    inbox.take(taken)
    assert (inbox.path / NAME).read_bytes() == b"another"
    assert len(inbox.names()) == 2
    assert {file.size for file in inbox.folder.look().files} == {7, 13}


def test_a_name_that_is_used_again_just_now_is_left_alone(tmp_path: Path) -> None:
    """A local rename would go over it."""
    (tmp_path / NAME).write_bytes(b"mine")
    folder = DropFolder(tmp_path, r".*\.csv")
    taken = folder.take(folder.look().files[0])
    assert taken is not None
    (tmp_path / NAME).symlink_to("elsewhere")
    folder.give_back(taken)
    assert (tmp_path / NAME).is_symlink()
    assert (tmp_path / taken.taken_as).read_bytes() == b"mine"


def test_a_file_we_may_not_read_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / NAME).write_bytes(b"mine")
    inbox = Inbox(tmp_path, DropFolder(tmp_path, r".*\.csv"))
    monkeypatch.setattr(drop_folder, "open_regular", closed)
    read, (said,) = inbox.take()
    assert read is None
    assert "waits: " in said
    assert inbox.names() == [NAME]


def test_a_file_that_went_away_is_nobodys(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    (inbox.path / NAME).write_bytes(b"mine")

    def gone(file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        (inbox.path / file.lies_as).unlink()
        raise RemoteFileRefused("it is not there")

    monkeypatch.setattr(inbox.folder, "read", gone)
    inbox.take()
    assert inbox.names() == []
