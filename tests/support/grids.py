"""Grids made by hand: what the reader of values would hand over."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import HealthCheck, settings

from formats.schema import AnyGiven, Column, Kind, RecordSchema, UniqueTogether
from formats.template import Effect, Known, Plan, Rows, Rules, Template
from formats.workbook.read.grid import Grid, Mark, SheetName, Workbook, grid_schema

CALM = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
"""For property tests: the same examples every time, however busy the machine."""

Cell = str | tuple[str, int] | tuple[str, int, str]


def column(name: str, heading: str, kind: Kind = Kind.TEXT, **more: object) -> Column:
    return Column(name, heading, f"{heading} of the sale", "x", kind, **more)  # type: ignore[arg-type]


SALES = RecordSchema(
    "sale",
    "Sales",
    (
        column("order_no", "Order number", Kind.SERIAL, required=True),
        column("imei", "IMEI", Kind.IMEI),
        column("meid", "MEID", Kind.MEID),
        column("sold", "Sold on", Kind.DATE, aliases=("Sale date",)),
        column("seen", "Last seen", Kind.MOMENT),
        column("price", "Price", Kind.DECIMAL),
        column("pieces", "Pieces", Kind.INTEGER),
        column("state", "State", Kind.CHOICE, choices=("New", "Used")),
        column("phone", "Phone", Kind.PHONE),
        column("pin", "PIN", min_length=6, max_length=6, secret=True),
        column("note", "Note", offers="notes"),
    ),
    (AnyGiven(("imei", "meid")), UniqueTogether(("order_no", "imei"))),
)
HEADINGS = [found.heading + (" *" if found.required else "") for found in SALES.columns]


def _no_plan(rows: Rows, known: Known, rules: Rules) -> Plan:
    return Plan(pa.table([]), pa.array([Effect.NEW] * len(rows), pa.string()))


TEMPLATE = Template("sale", 2, SALES, "Sales of devices.", _no_plan)


def grid(rows: Sequence[Sequence[Cell]], hidden: Sequence[int] = ()) -> Grid:
    """Row 1, 2, …: texts, texts with their marks, or these and what is shown instead."""
    width = max((len(cells) for cells in rows), default=0)
    numbers = list(range(1, len(rows) + 1))
    columns: list[pa.Array] = [
        pa.array(numbers, pa.int64()),
        pa.array([number in hidden for number in numbers], pa.bool_()),
    ]
    for at in range(width):
        pairs = [_pair(cells[at]) if at < len(cells) else ("", Mark.EMPTY, None) for cells in rows]
        columns.append(pa.array([text for text, _, _ in pairs], pa.string()))
        columns.append(pa.array([int(mark) for _, mark, _ in pairs], pa.int8()))
        columns.append(pa.array([shown for _, _, shown in pairs], pa.string()))
    return Grid(pa.table(columns, schema=grid_schema(width)), width)


def _pair(cell: Cell) -> tuple[str, int, str | None]:
    if isinstance(cell, tuple):
        return cell if len(cell) == 3 else (*cell, None)
    return cell, Mark.TEXT if cell else Mark.EMPTY, None


def book(found: Grid | None, *others: SheetName, template: str = "", sheet: str = "Sales") -> Workbook:
    return Workbook((), (SheetName("Sales", True, True), *others), template, False, sheet, found)
