"""Each delivery is on record: what came, when, under which name, whether or not its bytes were known."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from adapters.inboxes.drop_folder import DropFolder
from jobs.files import Arrival, Delivery, FileKind
from tests.issues.test_names_nobody_asked_for import run
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, Ledger
from tests.support.orders import order_text


def test_the_same_bytes_under_other_names(desk: Desk, tmp_path: Path) -> None:
    inbox = DropFolder(tmp_path, r".*\.csv")
    row = order_row(4_000_000 + next(desk.numbers))
    reports = []
    for name in ("first.csv", "second.csv", "second.csv"):
        (tmp_path / name).write_text(order_text([row]))
        os.utime(tmp_path / name, (1_790_000_000 + len(reports),) * 2)
        reports.append(run(desk, inbox))
    told = [[(file.name, file.state, list(file.other_names)) for file in report.files] for report in reports]
    again = ("first.csv", "known already", ["second.csv"])
    assert told == [[("first.csv", "DONE", [])], [again], [again]]
    with desk.registry.view() as tx:
        (device,) = tx.queries.find_devices([row["serial_number"]])
        (line,) = tx.queries.device_lines(device["id"])
        came = tx.files.deliveries(line["file_id"])
    assert [(delivery.place, delivery.name) for delivery in came] == [
        ("inbox", "first.csv"),
        ("inbox", "second.csv"),
        ("inbox", "second.csv"),
    ]


def test_one_delivery_seen_again_is_one(ledger: Ledger) -> None:
    """As of a file that stays where it is, or whose run was killed before it was removed."""
    arrival = Arrival(FileKind.ORDER_DISPATCH, "", "a.csv", "plain", "d" * 64, 1, "sftp:orders", 17)
    for hours in range(2):
        with ledger.registry.transaction() as tx:
            file = tx.files.claim(arrival, ledger.run.id, NOW + timedelta(hours=hours))
    with ledger.registry.view() as tx:
        assert tx.files.deliveries(file.id) == [Delivery("sftp:orders", "a.csv", NOW)]
