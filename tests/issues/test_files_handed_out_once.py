"""A server hands a file out once: orders and workbooks are kept and the run warns, as it does of answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.inboxes.uploads import RemoteDrops
from app.bootstrap import Muster
from jobs.job import Job
from jobs.runs import RunReport
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.odd_sftp import Odd, odd_server
from tests.support.orders import order_text
from tests.support.uploads import ADA


def app_with(desk: Desk, **exchange: Any) -> Muster:
    usual = desk.app
    return Muster(usual.workspace, usual.settings, replace(usual.exchange, **exchange), usual.registry)


@contextmanager
def mailbox(desk: Desk, tmp_path: Path) -> Iterator[tuple[Muster, bytes, str]]:
    """A one-time server with one order file: the application that reads it, its bytes, and its serial number."""
    (tmp_path / "orders" / "done").mkdir(parents=True)
    row = order_row(4_000_000 + next(desk.numbers))
    data = order_text([row]).encode()
    (tmp_path / "orders" / "orders.csv").write_bytes(data)
    with odd_server(tmp_path, Odd.READ_ONCE) as server:
        inbox = RemoteInbox(server.channel(), desk.app.exchange.spool, "orders", "orders/done", r".*\.csv")
        yield app_with(desk, inboxes=(inbox,)), data, row["serial_number"]


def codes(report: RunReport) -> list[str]:
    return [found.code for found in report.findings]


def test_an_order_file(desk: Desk, tmp_path: Path) -> None:
    with mailbox(desk, tmp_path) as (app, _, serial):
        report, _ = app.run(Job.ORDER_DISPATCH, actor="tests")
        assert codes(report) == ["FILE_GONE_AFTER_READING"]
        assert report.totals["rows passed"] == 1
        again, _ = app.run(Job.ORDER_DISPATCH, actor="tests")
    assert desk.states(serial) == ["WAITING"]
    assert codes(again) == []


def test_a_dry_run_keeps_what_it_got_in_the_archive(desk: Desk, tmp_path: Path) -> None:
    """It would be nowhere else: the finding says that it is there."""
    with mailbox(desk, tmp_path) as (app, data, _):
        report, _ = app.run(Job.ORDER_DISPATCH, actor="tests", dry_run=True)
    assert codes(report) == ["FILE_GONE_AFTER_READING"]
    assert desk.app.exchange.archive.read_plaintext(sha256(data).hexdigest()) == data


def test_a_workbook(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "locations" / ADA
    for made in ("done", "failed"):
        (folder / made).mkdir(parents=True)
    data = b"no workbook, but somebody's"
    (folder / "book.xlsx").write_bytes(data)
    with odd_server(tmp_path, Odd.READ_ONCE) as server:
        drops = RemoteDrops(server.channel(safe=lambda name: True), desk.app.exchange.spool, ".", (ADA,))
        app = app_with(desk, uploads=replace(desk.app.exchange.uploads, inboxes=drops))
        report, _ = app.run(Job.BULK_UPLOAD, actor="tests")
    assert "FILE_GONE_AFTER_READING" in codes(report)
    with desk.registry.view() as tx:
        (upload,) = tx.uploads.history(1)
    assert (upload.file_name, upload.sha256) == ("book.xlsx", sha256(data).hexdigest())
