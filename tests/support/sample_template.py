"""A template with a column of every sort, and answers to uploads of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from formats.rules import Rules
from formats.schema import AnyGiven, Column, Kind, NotBefore, RecordSchema, RequiredWhen, UniqueTogether
from formats.template import ROW_FINDINGS, Effect, Known, Plan, Rows, Template
from formats.workbook.write.answered import AnsweredWorkbook, cells_schema

HOSTILE = (
    "=cmd|'/c calc'!A1",
    '=HYPERLINK("https://example.com/a", "click")',
    "{=1+1}",
    "https://example.com/a",
    "mailto:a@example.com",
    "internal:Summary!A1",
    "@SUM(A1:A9)",
    "+1",
    "-1",
    "\t=1+1",
    "000123",
    "8944110068123456789",
    "1e5",
    "TRUE",
    "#REF!",
    "  both edges  ",
    "a\nb\r\nc",
    "_x0041_ _x000D_",
    "\x00\x07\x1b\x7f",
    "<b>&amp;\"'</b>]]>",
    "‮abc​é😀",
)
"""Texts that a spreadsheet program, or a careless writer, would make something else of."""

LISTS = {"models": tuple(f"Model {number:03d}, with a comma" for number in range(60)), "nothing": ()}

SCHEMA = RecordSchema(
    "sample_vehicles",
    "Sample Vehicles",
    (
        Column("vin", "VIN / Frame Id", "Frame id of the vehicle", "MVH002654", Kind.VIN, True),
        Column("imei", "IMEI", "IMEI of the control unit", "490154203237518", Kind.IMEI, True),
        Column("status", "Product Status", "What the vehicle is at", "SOLD", Kind.CHOICE, choices=("STOCK", "SOLD")),
        Column("model", "Model", "Model as the price list has it", "Model 001", required=True, offers="models"),
        Column("depot", "Depot", "Where it stands", "North", max_length=40, offers="nothing"),
        Column("sold_on", "Date of Sale", "Day of the invoice", "2026-03-05", Kind.DATE),
        Column("seen_on", "Date Seen", "Day it was last seen", "2026-03-06", Kind.DATE, True),
        Column("slots", "Slots", "Slots for batteries", "2", Kind.INTEGER),
        Column("price", "Price", "Price without tax", "1299.50", Kind.DECIMAL),
        Column("phone", "Customer Mobile Number", "Mobile number of the customer", "+919876543210", Kind.PHONE),
        Column("email", "E-mail", "Address of the customer", "asha@example.com", Kind.EMAIL),
        Column("password", "Password", "Password of the unit", "", max_length=50, secret=True),
        Column("note", "Remarks", "Anything else", "Handed over at the depot, with two keys", max_length=50_000),
    ),
    (
        UniqueTogether(("vin",)),
        AnyGiven(("phone", "email")),
        RequiredWhen("sold_on", "status", ("SOLD",)),
        NotBefore("seen_on", "sold_on"),
    ),
)


def _plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    return Plan(ROW_FINDINGS.empty_table(), pa.array([Effect.NEW.value] * len(rows), pa.string()))


SAMPLE = Template(
    name="sample_vehicles",
    version=3,
    schema=SCHEMA,
    purpose="Brings vehicles up to date, one row per vehicle. Vehicles that are not on record are added.",
    plan=_plan,
    hints=("A vehicle that is sold needs its day of sale.", "Use the frame id as it is punched into the frame."),
)

GOOD: dict[str, str | None] = {name: SCHEMA.column(name).example or None for name in SCHEMA.names}


def cells(rows: Sequence[tuple[int, dict[str, str | None]]]) -> pa.Table:
    """A sheet's cells: row number, and what differs from a good row."""
    records = [{"row": number, **GOOD, **changed} for number, changed in rows]
    return pa.Table.from_pylist(records, cells_schema(SCHEMA))


def findings(*found: tuple[int, str | None, str, str | None]) -> pa.Table:
    names = ROW_FINDINGS.names
    return pa.Table.from_pylist([dict(zip(names, item, strict=True)) for item in found], ROW_FINDINGS)


def answer(table: pa.Table, effects: Sequence[str | None], found: pa.Table, **changed: Any) -> AnsweredWorkbook:
    facts: dict[str, Any] = {
        "number": 17,
        "file_name": "vehicles march.xlsx",
        "uploader": "asha@example.com",
        "received_at": "5 Mar 2026, 14:30 IST",
        "finished_at": "5 Mar 2026, 14:31 IST",
        "status": "COMPLETED",
        "lists": LISTS,
    }
    return AnsweredWorkbook(cells=table, effects=pa.array(effects, pa.string()), findings=found, **(facts | changed))


def mixed_answer(**changed: Any) -> AnsweredWorkbook:
    """The sample row, one row of every result, a gap, warnings, and a row with hostile texts."""
    table = cells(
        [
            (2, {"vin": "EXAMPLE: MVH002654"}),
            (3, {}),
            (4, {"vin": "MVH002655", "password": "hunter2"}),
            (5, {"vin": "MVH002656", "sold_on": "5.3.2026"}),
            (7, {"vin": "MVH002657", "imei": "8.94411E+18", "status": "LOST", "password": "hunter3"}),
            (8, {"vin": "=1+1", "model": "@SUM(A1)", "note": "https://example.com", "phone": None, "email": None}),
            (9, {"vin": None, "imei": None}),
        ]
    )
    found = findings(
        (0, None, "SHEET_STRAY", "Tabelle2"),
        (5, "sold_on", "EXCEL_TEXT_DATE", "read as 2026-03-05"),
        (7, "imei", "EXCEL_EXPONENT", None),
        (7, "status", "CELL_CHOICE", "STOCK, SOLD"),
        (8, "vin", "VIN_INVALID", None),
        (8, None, "CELL_EMPTY", "phone or email"),
        (9, "vin", "CELL_EMPTY", None),
        (9, "imei", "CELL_EMPTY", None),
    )
    return answer(table, [None, "NEW", "CHANGED", "UNCHANGED", "FAILED", "FAILED", "FAILED"], found, **changed)


def refused_answer(**changed: Any) -> AnsweredWorkbook:
    found = findings(
        (1, "Colour", "HEADING_EXTRA", None),
        (1, "imei", "HEADING_MISSING", None),
        (0, None, "WORKBOOK_MACROS", "xl/vbaProject.bin"),
    )
    return answer(cells([]), [], found, status="FAILED", **changed)
