"""Rows of order files beyond the plain order: returns, overrides and voids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.support.installation import COLUMNS, order_row

LATER = "2026-03-03T09:00:00Z"


def order_text(rows: Sequence[Mapping[str, str]]) -> str:
    """An order file of these rows; columns that are not given are left empty."""
    lines = [",".join(COLUMNS), *(",".join(row.get(column, "") for column in COLUMNS) for row in rows)]
    return "\n".join(lines) + "\n"


def instruction(request_type: str, number: int, **values: str) -> dict[str, str]:
    """A later instruction about the device of `order_row(number)`."""
    return order_row(number, **{"request_type": request_type, "order_date": LATER, "ship_date": LATER} | values)


def void(order_number: str, **values: str) -> dict[str, str]:
    empty = dict.fromkeys(("delivery_number", "ship_date", "serial_number", "model"), "")
    return instruction("VD", 0, **empty | {"order_number": order_number} | values)
