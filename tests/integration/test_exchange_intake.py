"""Order files of every kind: taken in once, judged row by row, set aside whole when they cannot be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.registry.tables import files, order_lines, quarantine
from jobs.runs import RunReport, RunStatus
from jobs.states import LineState
from tests.support.desk import Desk
from tests.support.installation import COLUMNS, order_row
from tests.support.orders import LATER, instruction, order_text, void

IMEI_1, IMEI_2 = "490154203237518", "356938035643809"


def codes(report: RunReport) -> dict[str, list[int]]:
    return {finding.code: list(finding.rows) for finding in report.findings}


def counts(report: RunReport) -> tuple[int, int, int, int]:
    """Rows read, passed, known already, failed."""
    (file,) = report.files
    return file.read, file.passed, file.duplicate, file.failed


def fresh(desk: Desk, **values: str) -> dict[str, str]:
    return order_row(next(desk.numbers), **values)


def lines(desk: Desk) -> int:
    return int(desk.rows(select(func.count()).select_from(order_lines))[0][0])


def enrol(desk: Desk, *rows: dict[str, str]) -> None:
    """As if the provider had enrolled what these rows ask for."""
    desk.dispatch(*rows)
    desk.exchange()
    assert {desk.states(row["serial_number"])[-1] for row in rows} == {"ENROLLED"}


def test_the_same_file_again(desk: Desk) -> None:
    text = order_text([fresh(desk), fresh(desk)])
    desk.drop(text, "first.csv")
    assert counts(desk.dispatch()) == (2, 2, 0, 0)
    before = desk.dump()
    desk.drop(text, "second.csv")
    report = desk.dispatch()
    assert report.totals == {"files known already": 1}
    assert [file.state for file in report.files] == ["known already"]
    after = desk.dump()
    assert len(after.pop("deliveries")) == len(before.pop("deliveries")) + 1  # each is on record
    assert after == before
    assert list(desk.installation.workspace.inbox.iterdir()) == []


def test_the_same_lines_in_another_file(desk: Desk) -> None:
    old, new = fresh(desk), fresh(desk)
    desk.dispatch(old)
    before = lines(desk)
    assert counts(desk.dispatch(new, old)) == (2, 1, 1, 0)
    assert lines(desk) == before + 1


def test_columns_in_another_order_and_spelling_are_the_same_lines(desk: Desk) -> None:
    row = fresh(desk, imei=IMEI_1)
    desk.dispatch(row)
    names = list(reversed(COLUMNS))
    cells = row | {"imei": "49-015420-323751-8", "request_type": "order", "enrolment_requested": "y"}
    text = (
        "\t".join(name.upper() for name in names) + "\r\n" + "\t".join(cells.get(name, "") for name in names) + "\r\n"
    )
    desk.drop(b"\xef\xbb\xbf" + text.encode(), "spelling.txt")
    assert counts(desk.dispatch()) == (1, 0, 1, 0)


def test_a_changed_line_and_a_changed_header(desk: Desk) -> None:
    row = fresh(desk, po_number="PO-1")
    desk.dispatch(row)
    changed = row | {"ship_date": LATER}
    other = row | {"line_number": "9", "serial_number": f"X{row['serial_number']}"}
    report = desk.dispatch(
        changed,
        other | {"po_number": "PO-2"},
        other | {"line_number": "8", "serial_number": "X2", "customer_account": "C-2"},
        other | {"line_number": "7", "serial_number": "X3", "order_date": "2026-02-01T00:00:00Z"},
    )
    assert counts(report) == (4, 0, 0, 4)
    found = codes(report)
    assert found.pop("ORDER_LINE_CHANGED") == [2]
    assert found == {"ORDER_HEADER_MISMATCH": [3, 4, 5]}


def test_rows_that_break_a_rule_do_not_stop_the_others(desk: Desk) -> None:
    good = fresh(desk)
    report = desk.dispatch(
        good,
        fresh(desk, imei="490154203237519"),
        fresh(desk, customer_account="C-9"),
        fresh(desk, provider="nobody"),
        fresh(desk, serial_number=""),
        fresh(desk, request_type="XX"),
        fresh(desk, ship_date="2026-02-01"),
        fresh(desk, order_date="2026-02-30T00:00:00Z"),
        fresh(desk, line_number="1.5"),
        instruction("RE", next(desk.numbers), order_number="RE-NEVER"),
        void("SO-NEVER"),
        instruction("OV", next(desk.numbers), order_number="SO-NEVER"),
    )
    assert report.run.status is RunStatus.PARTLY
    assert counts(report) == (12, 1, 0, 11)
    assert codes(report) == {
        "IMEI_INVALID": [3],
        "CUSTOMER_UNKNOWN": [4],
        "PROVIDER_UNKNOWN": [5],
        "CUSTOMER_NOT_AT_PROVIDER": [5],
        "DEVICE_UNIDENTIFIED": [6],
        "CELL_CHOICE": [7],
        "DATE_ORDER": [8],
        "CELL_DATE": [9],
        "CELL_INTEGER": [10],
        "RETURN_NOT_ENROLLED": [11],
        "ORDER_UNKNOWN": [12, 13],
    }
    assert desk.states(good["serial_number"]) == ["WAITING"]


def test_rules_of_devices_and_returns(desk: Desk) -> None:
    one, two = fresh(desk, imei=IMEI_2), fresh(desk)
    enrol(desk, one, two)
    number = int(one["serial_number"][2:])
    report = desk.dispatch(
        fresh(desk, serial_number=one["serial_number"]),
        fresh(desk, serial_number=two["serial_number"], imei=IMEI_2),
        instruction("RE", number, order_number=one["order_number"]),
        instruction("RE", int(two["serial_number"][2:]), order_number="RE-EARLY", order_date="2026-02-01T00:00:00Z"),
    )
    assert codes(report) == {
        "DEVICE_ON_OTHER_ORDER": [2, 3],
        "DEVICE_CONFLICT": [3],
        "RETURN_ORDER_NUMBER_REUSED": [4],
        "RETURN_BEFORE_ORDER": [5],
    }


def test_a_void_of_several_rows_is_one_void(desk: Desk) -> None:
    """An order system may write a row for each line of the order it voids."""
    one = fresh(desk)
    two = one | {"line_number": "9", "serial_number": f"Y{one['serial_number']}"}
    enrol(desk, one, two)
    rows = [void(one["order_number"], line_number=number) for number in "12"]
    read, passed, duplicate, failed = counts(desk.dispatch(*rows))
    assert (read, passed, duplicate + failed) == (2, 1, 1)
    assert desk.states(one["serial_number"]) == desk.states(two["serial_number"]) == ["ENROLLED", "WAITING"]
    assert counts(desk.dispatch(*rows, fresh(desk)))[1] == 1
    assert desk.states(one["serial_number"]) == ["ENROLLED", "WAITING"]


def document(**values: Any) -> bytes:
    head = {
        "interfaceCategory": "Sales Order",
        "interfaceType": "Sales Order Dispatch",
        "version": 1.2,
        "recordCount": 1,
    }
    return json.dumps(head | values).encode()


def json_order(row: dict[str, str]) -> dict[str, Any]:
    device = {"lineNumber": int(row["line_number"]), "serialNumber": row["serial_number"], "model": row["model"]}
    delivery = {"deliveryNumber": row["delivery_number"], "shipDate": row["ship_date"], "devices": [device]}
    return {
        "id": row["order_number"],
        "requestType": "ORDER",
        "orderDate": row["order_date"],
        "customerId": row["customer_account"],
        "deviceEnrolmentProviderId": row["provider"],
        "deliveries": [delivery],
    }


def test_json_and_text_are_the_same_lines(desk: Desk) -> None:
    row = fresh(desk)
    desk.drop(document(orders=[json_order(row)]), "orders.json")
    assert counts(desk.dispatch()) == (1, 1, 0, 0)
    assert counts(desk.dispatch(row)) == (1, 0, 1, 0)


UNREADABLE = {
    "empty.csv": (b"", "FILE_EMPTY"),
    "latin.csv": ("ordre,numéro\n1,é\n".encode("latin-1"), "FILE_ENCODING"),
    "heading.csv": (b"order_number,something\nSO-1,2\n", "FILE_HEADING"),
    "doubled.csv": (f"{','.join(COLUMNS)},imei\n".encode(), "FILE_HEADING"),
    "cut.json": (b'{"orders": [', "FILE_UNREADABLE"),
    "count.json": (document(recordCount=2, orders=[{}]), "FILE_RECORD_COUNT"),
    "version.json": (document(version=9, orders=[]), "FILE_HEADING"),
    "none.json": (document(recordCount=0, orders=[]), "FILE_EMPTY"),
    "digits.json": (b'{"a": ' + b"9" * 5000 + b"}", "FILE_UNREADABLE"),
    "deep.json": (b'{"a": ' + b"[" * 100_000, "FILE_UNREADABLE"),
    "surrogate.json": (document(orders=[{"id": "\ud800"}]), "FILE_UNREADABLE"),
}


def test_files_that_cannot_be_read_are_set_aside_whole(desk: Desk) -> None:
    good = fresh(desk)
    for name, (data, _) in UNREADABLE.items():
        desk.drop(data, name)
    desk.drop(order_text([good]), "z-good.csv")
    report = desk.dispatch()
    reasons = {file.name: file.reason.split(":")[0] for file in report.files if file.state == "QUARANTINED"}
    assert reasons == {name: code for name, (_, code) in UNREADABLE.items()}
    assert desk.states(good["serial_number"]) == ["WAITING"]
    held = select(files.c.name, files.c.sha256).join(quarantine).where(quarantine.c.state == "HELD")
    for name, digest in desk.rows(held):
        assert desk.app.exchange.archive.read_plaintext(digest) == UNREADABLE[name][0]
    assert list(desk.installation.workspace.inbox.iterdir()) == []


def test_hostile_cells_are_findings_and_stop_nothing(desk: Desk) -> None:
    """What one database takes and the other one chokes on."""
    good = fresh(desk)
    hostile = {
        "nul": fresh(desk, model="a\x00b"),
        "control": fresh(desk, po_number="a\x1bb"),
        "year": fresh(desk, order_date="0000-01-01T00:00:00Z", ship_date=""),
        "second": fresh(desk, ship_date="2026-03-02T23:59:60Z"),
        "digits": fresh(desk, line_number="9" * 19),
        "long": fresh(desk, po_number="x" * 101),
        "formula": fresh(desk, serial_number="=cmd|calc"),
        "unseen": fresh(desk, model="\u202eCBA"),
    }
    report = desk.dispatch(*hostile.values(), good)
    assert counts(report) == (9, 1, 0, 8)
    assert {row for rows in codes(report).values() for row in rows} == set(range(2, 10))
    exotic = fresh(desk, model="Ünïcode 漢字 🙂", po_number="'; DROP TABLE orders; --", line_number="9" * 18)
    assert counts(desk.dispatch(exotic)) == (1, 1, 0, 0)


def test_a_device_that_is_not_to_be_enrolled(desk: Desk) -> None:
    row = fresh(desk, enrolment_requested="N")
    desk.dispatch(row)
    assert desk.states(row["serial_number"]) == [LineState.NOT_REQUESTED]
    assert desk.request(order=row["order_number"]).run.status is RunStatus.NOTHING


def test_files_that_are_not_ours_stay(desk: Desk) -> None:
    inbox = desk.installation.workspace.inbox
    names = {".hidden.csv", "orders.csv.part", "notes.md", "~$book.csv"}
    for name in names:
        (inbox / name).write_text("x")
    assert desk.dispatch().run.status is RunStatus.NOTHING
    assert {path.name for path in inbox.iterdir()} == names
    for name in names:
        (inbox / name).unlink()


@pytest.mark.parametrize("name", ["a b.csv.gz", "ordér.pdf"])
def test_names_outside_the_pattern_stay(desk: Desk, name: str) -> None:
    path = desk.drop(order_text([fresh(desk)]), name)
    assert desk.dispatch().run.status is RunStatus.NOTHING
    path.unlink()
