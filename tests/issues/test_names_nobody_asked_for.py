"""People's names are taken; what nobody reads is said in each run and by doctor; what is unfinished is passed over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.folder import _FolderCalls
from adapters.channels.names import is_peoples
from adapters.channels.session import FileSession
from adapters.inboxes.drop_folder import DropFolder
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.settings.model import InboxSettings
from app.bootstrap import Muster
from app.doctor import Status, partners
from jobs.job import Job
from jobs.ports import Folder, Session
from jobs.runs import RunReport, RunStatus
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import order_text

PATTERN = InboxSettings().pattern
PEOPLES = ("ORDERS.CSV", "orders 2026-11-27.csv", "Bestellung-März.csv", "Bestellung-Ma\u0308rz.Txt", "заказ (2).Json")
UNREAD = ("orders.csv.gz", "orders.xlsx", "orders", "orders.csv~", "LISEZ-MOI.pdf")
SILENT = (
    ".orders.csv",
    "a.csv.part",
    "b.CSV.PART",
    "c.csv.tmp",
    "d.csv.FilePart",
    "~$orders.csv",
    ".DS_Store",
    "Thumbs.db",
)


class FolderChannel:
    """A server whose files lie in a folder of ours, and which takes people's names."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def open(self) -> Iterator[Session]:
        yield FileSession(_FolderCalls(self._path), is_peoples)


@pytest.fixture(params=["local", "remote"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    (tmp_path / "done").mkdir()
    if request.param == "local":
        return DropFolder(tmp_path, PATTERN)
    return RemoteInbox(FolderChannel(tmp_path), None, ".", "done", PATTERN)  # type: ignore[arg-type]  # nothing is read


def test_which_names_are_taken_said_or_passed_over(inbox: Folder, tmp_path: Path) -> None:
    for name in (*PEOPLES, *UNREAD, *SILENT):
        (tmp_path / name).write_bytes(b"x")
    listing = inbox.look()
    assert {file.name for file in listing.files} == set(PEOPLES)
    assert set(listing.unexpected) == {repr(name) for name in UNREAD}
    assert listing.refused == ()


def run(desk: Desk, *inboxes: Folder, **options: Any) -> RunReport:
    usual = desk.app
    exchange = replace(usual.exchange, inboxes=inboxes)
    return Muster(usual.workspace, usual.settings, exchange, usual.registry).run(
        Job.ORDER_DISPATCH, actor="tests", **options
    )[0]


def test_a_run_takes_peoples_names_and_says_the_others_once(desk: Desk, tmp_path: Path) -> None:
    rows = [order_row(2_000_000 + next(desk.numbers)) for _ in PEOPLES]
    for name, row in zip(PEOPLES, rows, strict=True):
        (tmp_path / name).write_text(order_text([row]))
    for name in (*UNREAD, *SILENT):
        (tmp_path / name).write_bytes(b"x")
    inbox = DropFolder(tmp_path, PATTERN)
    report = run(desk, inbox)
    assert {file.name for file in report.files} == set(PEOPLES)
    assert all(desk.states(row["serial_number"]) == ["WAITING"] for row in rows)
    found = {finding.code: finding.count for finding in report.findings}
    assert found == {"FILE_NAME_UNEXPECTED": len(UNREAD)}
    assert all(repr(name) in report.steps[0].message for name in UNREAD)
    assert not any(name in report.steps[0].message for name in SILENT)
    for again in (run(desk, inbox), run(desk, inbox, dry_run=True)):
        assert again.run.status is RunStatus.NOTHING
        assert [(item.code, item.count) for item in again.findings] == [("FILE_NAME_UNEXPECTED", len(UNREAD))]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted((*UNREAD, *SILENT))


def test_answers_in_capitals_are_taken_and_others_said(desk: Desk) -> None:
    row = order_row(2_000_000 + next(desk.numbers))
    batch = desk.batch(row)
    answer = device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")
    desk.forge.put(desk.forge.seal(desk.forge.text(batch, [answer])), "ANSWER.PGP")
    inbound = desk.simulator.from_provider
    others = ("answer.pgp.asc", "answer.gpg")
    for name in (*others, ".answer.pgp", "answer.pgp.TMP"):
        (inbound / name).write_bytes(b"x")
    report = desk.response()
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
    assert {finding.code: finding.count for finding in report.findings} == {"FILE_NAME_UNEXPECTED": 2}
    assert all(repr(name) in report.steps[0].message for name in others)
    for path in inbound.glob("*answer.*"):
        path.unlink()


def test_doctor_says_what_nobody_reads(desk: Desk) -> None:
    inbox = desk.installation.workspace.inbox
    (inbox / "orders.csv.gz").write_bytes(b"x")
    try:
        checks = list(partners.inbox(desk.app.workspace, desk.app.settings.inbox))
    finally:
        (inbox / "orders.csv.gz").unlink()
    assert [check.status for check in checks] == [Status.OK, Status.WARN]
    assert "'orders.csv.gz'" in checks[1].what
