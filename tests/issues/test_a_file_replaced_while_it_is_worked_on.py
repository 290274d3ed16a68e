"""What takes the place of a file that is being worked on is work of its own: it is read, never thrown away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.archive import FileArchive
from adapters.channels.names import is_peoples
from adapters.channels.sftp import SftpChannel
from adapters.inboxes.drop_folder import DropFolder
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.inboxes.uploads import RemoteDrops
from adapters.registry.tables import files
from adapters.settings import channel_key
from app.bootstrap import Muster
from jobs.errors import StateMoved
from jobs.job import Job
from jobs.ports import Channel
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import order_text
from tests.support.uploads import ADA

PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv"
MOMENT = 1_790_000_000


def put(path: Path, data: bytes, moment: int = MOMENT) -> None:
    """Saved elsewhere and renamed over what lies there, with a time of its own choice."""
    other = path.with_name(f".{path.name}.new")
    other.write_bytes(data)
    os.utime(other, (moment, moment))
    other.replace(path)


@contextmanager
def once(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], name: str = "keep_plaintext") -> Iterator[None]:
    """`act` happens right after the next file was read and archived, before anything is committed."""
    usual, acts = getattr(FileArchive, name), [act]

    def kept(self: FileArchive, given: Any) -> str:
        key: str = usual(self, given)
        while acts:
            acts.pop()()
        return key

    with monkeypatch.context() as patch:
        patch.setattr(FileArchive, name, kept)
        yield
    assert not acts


def orders(desk: Desk) -> tuple[bytes, list[str]]:
    """An order file of three rows, always of one size, and its serial numbers."""
    first = 1_000_000 + next(desk.numbers)
    rows = [order_row(first + number) for number in range(3)]
    return order_text(rows).encode(), [row["serial_number"] for row in rows]


class Inbox:
    """A folder orders come from, on this machine or on a server, and how it is emptied."""

    def __init__(self, desk: Desk, folder: Path, *watched: Any) -> None:
        self.desk, self.folder, self.watched = desk, folder, watched

    def run(self) -> Any:
        usual = self.desk.app
        exchange = replace(usual.exchange, inboxes=self.watched)
        app = Muster(usual.workspace, usual.settings, exchange, usual.registry)
        return app.run(Job.ORDER_DISPATCH, actor="tests")[0]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.name != "done")

    def loaded(self, *serials: str) -> bool:
        return all(self.desk.states(serial) == ["WAITING"] for serial in serials)


def channel_of(desk: Desk, safe: Any = is_peoples) -> Channel:
    sftp = desk.app.settings.provider("acme").sftp
    assert sftp is not None
    return SftpChannel(sftp, channel_key(sftp.credential, desk.app.workspace), safe)


@pytest.fixture(params=["local", "sftp"])
def inbox(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> Inbox:
    if request.param == "local":
        return Inbox(desk, tmp_path, DropFolder(tmp_path, PATTERN))
    folder = desk.simulator.files / f"in-{tmp_path.name}-{next(desk.numbers)}"
    (folder / "done").mkdir(parents=True)
    remote = RemoteInbox(channel_of(desk), desk.app.exchange.spool, folder.name, f"{folder.name}/done", PATTERN)
    return Inbox(desk, folder, remote)


@pytest.mark.parametrize("moment", [MOMENT, MOMENT + 60])
def test_another_order_file_of_the_same_size(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """At the same second, too: only its bytes tell it from the first."""
    (first, one), (second, other) = orders(inbox.desk), orders(inbox.desk)
    assert len(first) == len(second)
    path = inbox.folder / "orders.csv"
    put(path, first)
    with once(monkeypatch, lambda: put(path, second, moment)):
        inbox.run()
    assert inbox.loaded(*one)
    inbox.run()
    assert inbox.loaded(*other)
    assert inbox.left() == []


def test_lines_written_behind_our_back(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the file open goes on writing after it was taken and read."""
    (first, one), (second, other) = orders(inbox.desk), orders(inbox.desk)
    put(inbox.folder / "orders.csv", first)
    with (inbox.folder / "orders.csv").open("ab", buffering=0) as writer:
        more = b"".join(second.splitlines(keepends=True)[1:])
        with once(monkeypatch, lambda: writer.write(more)):
            inbox.run()
    assert inbox.loaded(*one)
    inbox.run()
    assert inbox.loaded(*other)
    assert inbox.left() == []


@pytest.mark.parametrize("what", ["link", "folder"])
def test_something_that_is_no_file_in_its_place(inbox: Inbox, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    first, serials = orders(inbox.desk)
    path = inbox.folder / "orders.csv"
    put(path, first)

    def replaced() -> None:
        path.unlink(missing_ok=True)
        path.symlink_to("elsewhere.csv") if what == "link" else path.mkdir()

    with once(monkeypatch, replaced):
        inbox.run()
    inbox.run()
    assert inbox.loaded(*serials)
    assert inbox.left() == ["orders.csv"]
    assert path.is_symlink() if what == "link" else path.is_dir()


def test_a_run_that_ends_between_taking_and_committing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The taken file is found by the next run, beside a new one that came under the same name."""
    (first, one), (second, other) = orders(inbox.desk), orders(inbox.desk)
    path = inbox.folder / "orders.csv"
    put(path, first)

    def ended() -> None:
        put(path, second)
        raise StateMoved("the run ends here")

    with once(monkeypatch, ended), pytest.raises(StateMoved):
        inbox.run()
    inbox.run()
    assert inbox.loaded(*one, *other)
    assert inbox.left() == []


def test_two_inboxes_on_one_folder(inbox: Inbox) -> None:
    first, serials = orders(inbox.desk)
    put(inbox.folder / "orders.csv", first)
    inbox.watched *= 2
    report = inbox.run()
    assert [file.passed for file in report.files] == [3]
    assert inbox.loaded(*serials)


def test_every_file_of_one_name_is_kept_in_the_done_folder(desk: Desk, tmp_path: Path) -> None:
    folder = desk.simulator.files / f"kept-{tmp_path.name}"
    (folder / "done").mkdir(parents=True)
    remote = RemoteInbox(channel_of(desk), desk.app.exchange.spool, folder.name, f"{folder.name}/done", PATTERN)
    inbox = Inbox(desk, folder, remote)
    (first, _), (second, _) = orders(desk), orders(desk)
    for data in (first, second):
        put(folder / "orders.csv", data)
        inbox.run()
    kept = {path.name: path.read_bytes() for path in (folder / "done").iterdir()}
    assert kept == {"orders.csv": first, "orders.1.csv": second}


def test_another_workbook_of_the_same_size(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a drop folder of an SFTP server, where nothing but size and time is told."""
    folder = desk.simulator.files / tmp_path.name / "locations" / ADA
    for made in ("done", "failed"):
        (folder / made).mkdir(parents=True)
    drops = RemoteDrops(channel_of(desk), desk.app.exchange.spool, tmp_path.name, (ADA,))
    ports = replace(desk.app.exchange.uploads, inboxes=drops)
    exchange = replace(desk.app.exchange, uploads=ports)
    app = Muster(desk.app.workspace, desk.app.settings, exchange, desk.app.registry)
    first, second = b"no workbook: first", b"no workbook: other"
    put(folder / "book.xlsx", first)
    with once(monkeypatch, lambda: put(folder / "book.xlsx", second)):
        app.run(Job.BULK_UPLOAD, actor="tests")
    app.run(Job.BULK_UPLOAD, actor="tests")
    with desk.registry.view() as tx:
        newest, before = tx.uploads.history(2)
    assert [before.sha256, newest.sha256] == [sha256(first).hexdigest(), sha256(second).hexdigest()]
    assert sorted(path.name for path in folder.iterdir()) == ["done", "failed"]


def answers_of_one_size(desk: Desk) -> tuple[list[bytes], list[str]]:
    """Two answers of as many bytes as each other, each to a batch of its own, and their serial numbers."""
    sizes: dict[int, bytes] = {}
    sealed, serials = [], []
    for _ in range(2):
        row = order_row(1_000_000 + next(desk.numbers))
        batch = desk.batch(row)
        text = desk.forge.text(batch, [device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")])
        sealed.append(text)
        serials.append(row["serial_number"])
    first = desk.forge.seal(sealed[0])
    for _ in range(60):
        second = desk.forge.seal(sealed[1])
        sizes[len(second)] = second
        first = desk.forge.seal(sealed[0])
        if len(first) in sizes:
            return [first, sizes[len(first)]], serials
    raise AssertionError("no two answers of one size")


@pytest.mark.parametrize("moment", [MOMENT, MOMENT + 60])
def test_another_answer_of_the_same_size(desk: Desk, moment: int) -> None:
    """The provider uses a name again while the first answer is applied."""
    (first, second), serials = answers_of_one_size(desk)
    place = desk.simulator.from_provider / "answer.pgp"
    put(place, first)
    run = desk.app.begin(Job.RESPONSE, provider="acme", actor="tests")
    for step in ("device_enrolment_adaptor", "load_from_generic_format"):
        desk.app.step(run.id, step)
    put(place, second, moment)
    desk.app.step(run.id, "device_enrolment_response")
    desk.app.finish(run.id)
    desk.response()
    assert [desk.states(serial) for serial in serials] == [["ENROLLED"]] * 2
    assert not place.exists()
    assert desk.rows(select(func.count()).where(files.c.name == "answer.pgp", files.c.state == "DONE")) == [(2,)]
    with desk.engine.begin() as connection:  # the next parameter uses the name again
        connection.execute(files.update().where(files.c.name == "answer.pgp").values(name=f"answer-{moment}.pgp"))
