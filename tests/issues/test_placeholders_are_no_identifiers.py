"""What makers leave where an identifier is missing was taken for one: the first such row bound strangers together.

All zeros pass for an IMEI (their check digit is right), for a MAC address and for a serial number.
"""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from sqlalchemy import select

from adapters.registry.tables import devices
from formats.order_dispatch.loading import load
from formats.placeholders import PLACEHOLDERS, holds_placeholder
from formats.template import Rules
from formats.templates import template
from formats.workbook.layout import heading, sheet_name
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.reading import read_workbook
from formats.workbook.read.sheet import Sheet, judged, open_sheet
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.orders import order_text
from tests.support.template_rows import planned

ZERO_MAC = "00:00:00:00:00:00"
Found = list[tuple[int, str, str]]


def in_order_file(*rows: dict[str, str], more: tuple[str, ...] = ()) -> Found:
    found = load(order_text(rows).encode(), more).findings.to_pylist()
    return sorted((item["row"], item["column"], item["code"]) for item in found)


def in_workbook(name: str, cells: dict[str, str], rules: Rules) -> Found:
    """Findings of the template's sample row with these cells."""
    chosen = template(name)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([heading(column) for column in chosen.schema.columns])
    writer.writerow([cells.get(column.name, column.example) for column in chosen.schema.columns])
    book = read_workbook(text.getvalue().encode(), sheet_name(chosen.schema), WorkbookLimits())
    sheet = open_sheet(chosen, book, rules)
    assert isinstance(sheet, Sheet)
    return [(item["row"], item["column"], item["code"]) for item in judged(chosen.schema, sheet)[0].to_pylist()]


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("mac", ZERO_MAC),
        ("mac", "FF-FF-FF-FF-FF-FF"),
        ("mac", "0000.0000.0000"),
        ("imei", "000000000000000"),
        ("imei", "111111111111111"),
        ("imei", "N/A"),
        ("meid", "FFFFFFFFFFFFFF"),
        ("meid", "00000000000000"),
        ("serial_number", "0"),
        ("serial_number", "None"),
        ("serial_number", "To be filled by O.E.M."),
        ("serial_number", "System Serial Number"),
        ("serial_number", "Default string"),
        ("serial_number", "xxxxxxxx"),
        ("serial_number", "123456789"),
        ("serial_number", "--"),
        ("serial_number", "UNKNOWN"),
        ("serial_number", "tbd"),
    ],
)
def test_a_placeholder_is_the_fault_of_its_cell_both_ways_in(column: str, written: str) -> None:
    fault = [(2, column, "IDENTIFIER_PLACEHOLDER")]
    assert in_order_file(order_row(1, **{column: written})) == fault
    assert in_workbook("enrolment_order", {column: written}, Rules()) == fault


@pytest.mark.parametrize("written", ["S1", "11111", "ED0000000", "NONE1", "C02XK1AAJG5H", "SN000001", "строка", ""])
def test_what_somebody_may_have_numbered_is_none(written: str) -> None:
    assert holds_placeholder(pa.array([written or None], pa.string()), ()).to_pylist() == [False]


def test_two_rows_with_one_are_not_called_duplicates() -> None:
    rows = [order_row(number, mac=ZERO_MAC) for number in (1, 2)]
    assert in_order_file(*rows) == [(row, "mac", "IDENTIFIER_PLACEHOLDER") for row in (2, 3)]


def test_an_installation_adds_its_own() -> None:
    more = ("Lot 7",)
    assert in_order_file(order_row(1, serial_number="LOT-7")) == []
    assert in_order_file(order_row(1, serial_number="LOT-7"), more=more) == [
        (2, "serial_number", "IDENTIFIER_PLACEHOLDER")
    ]
    rules = Rules(identifier_placeholders=more)
    assert in_workbook("enrolment_order", {"serial_number": "lot7"}, rules) == [
        (2, "serial_number", "IDENTIFIER_PLACEHOLDER")
    ]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("device_return", "imei"),
        ("dmp_devices", "imei"),
        ("remoteye_registration", "device_mac"),
        ("vcu_swap", "new_vcu_id"),
        ("product_registration", "device_id"),
    ],
)
def test_every_template_with_identifiers(name: str, column: str) -> None:
    found = in_workbook(name, {column: "000000000000"}, Rules())
    assert (2, column, "IDENTIFIER_PLACEHOLDER") in found


def test_shipped_parts_may_have_dummies() -> None:
    assert in_workbook("product_registration", {"motor_id": "DUMMY", "bms_id": "N/A"}, Rules()) == []


def test_a_reporting_id_is_an_identifier() -> None:
    row = {"company": "42", "kind": "calamp", "reporting_id_verified": "Yes", "reporting_id": "000000000000000"}
    for kind in ("IMEI", "SERIAL"):
        found = planned(template("fleet_freedom_providers"), row | {"reporting_id_kind": kind}).findings
        assert found["code"].to_pylist() == ["IDENTIFIER_PLACEHOLDER"]


def test_strangers_are_not_bound_together(ledger: Ledger) -> None:
    """Two files, each with rows whose only other identifier is one that their makers left at zero."""
    for first in (1, 11):
        rows = [order_row(first, mac=ZERO_MAC), order_row(first + 1, imei="0" * 15), order_row(first + 2)]
        assert load(order_text(rows).encode()).passed.to_pylist() == [False, False, True]
        ledger.order(rows[2])
    with ledger.engine.connect() as connection:
        kept = connection.execute(select(devices.c.mac, devices.c.imei)).all()
    assert [tuple(row) for row in kept] == [(None, None)] * 2


def test_every_placeholder_of_the_list_is_found() -> None:
    listed = pa.array(sorted(PLACEHOLDERS), pa.string())
    assert all(holds_placeholder(listed, ()).to_pylist())
