"""What the templates share whose rows become order lines: columns, line numbers, Order Dispatch rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.identifiers import DEVICE_COLUMNS, DEVICE_LINKS, first_imei
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.schema import AnyGiven, Column, Kind, NotBefore, Rule, UniqueTogether
from formats.template import Known, Lookup, Rows
from formats.templates._parts import column, constant

_FIRST_SECOND = "T00:00:00Z"

DEVICE_RULES: tuple[Rule, ...] = (
    AnyGiven(DEVICE_COLUMNS),
    NotBefore("ship_date", "order_date"),
    *(UniqueTogether((name,)) for name in DEVICE_COLUMNS),
)
"""Of a row with one device: those of Order Dispatch, for one request type."""


def derived(name: str, **changes: object) -> Column:
    """A column of Order Dispatch as a template has it; a moment is a day there."""
    found = ORDER_DISPATCH.column(name)
    if found.kind is Kind.MOMENT:
        found = replace(found, kind=Kind.DATE, example=found.example[:10])
    return replace(found, **changes)  # type: ignore[arg-type]  # names and types of Column's own fields


def device_lookups(*fields: str) -> dict[str, Lookup]:
    """The device on record, by each identifier."""
    return {f"device_by_{by}": Lookup("devices", {kept: name}, fields) for by, (kept, name) in DEVICE_LINKS.items()}


DEVICE_OWNERS = tuple(f"device_by_{by}.owner_id" for by in DEVICE_LINKS)


def line_lookups(lines: str, *order: str) -> dict[str, Lookup]:
    """By each identifier: the line the device has in this order already. `lines`: the source; `order`: its key."""
    return {
        f"line_by_{by}": Lookup(lines, {**{key: key for key in order}, kept: name}, ("line_number",))
        for by, (kept, name) in DEVICE_LINKS.items()
    }


def line_numbers(rows: Rows, known: Known) -> pa.StringArray:
    """The number that is given; else the one the device has in the order already; else the next ones of the order.

    `known` has the lookups of `line_lookups`, and `order` with the highest line number so far.
    """
    held = pc.coalesce(*(column(known, f"line_by_{by}", "line_number") for by in DEVICE_LINKS))
    given = rows.cell("line_number").cast(pa.int64())
    fixed = pc.coalesce(given, held)
    orders = pc.fill_null(rows.cell("order_number"), "").dictionary_encode().indices.to_numpy(zero_copy_only=False)
    known_highest = pc.fill_null(column(known, "order", "highest_line"), 0)
    used = pc.max_element_wise(known_highest, pc.fill_null(given, 0)).to_numpy(zero_copy_only=False)
    highest = np.zeros(orders.max(initial=-1) + 1, dtype=np.int64)
    np.maximum.at(highest, orders, used)
    open_rows = np.flatnonzero(pc.is_null(fixed).to_numpy(zero_copy_only=False))
    following = np.zeros(len(rows), dtype=np.int64)
    following[open_rows] = highest[orders[open_rows]] + 1 + _rank_within(orders[open_rows])
    return pc.coalesce(fixed, pa.array(following)).cast(pa.string())


def _rank_within(groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """0, 1, 2 … for the members of each group, in their order."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(starts, np.diff(starts, append=len(groups)))
    return ranks


def moments(days: pa.StringArray) -> pa.StringArray:
    """The first second of each day, UTC."""
    return pc.binary_join_element_wise(days, _FIRST_SECOND, "")


def order_rows(rows: Rows, request_type: RequestType, values: Mapping[str, pa.Array]) -> pa.Table:
    """One Order Dispatch row per row; columns that are not in `values` come from the row or stay empty."""
    fixed = {"request_type": constant(rows, request_type.value), "enrolment_requested": constant(rows, "Y")}
    nothing = pa.nulls(len(rows), pa.string())
    own = {name: rows.cell(name) for name in ORDER_DISPATCH.names if name in rows.table.column_names}
    cells = {**dict.fromkeys(ORDER_DISPATCH.names, nothing), **own, **fixed, **values}
    return first_imei(pa.table([*cells.values(), rows.numbers], names=[*cells, "row"]))
