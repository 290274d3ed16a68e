"""The list of what a provider says it has: one order number on each line, or `order,serial`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO

_HEADINGS = {"order", "order number", "order_number"}
_DELIMITERS = ",;\t"


class SentListFault(Exception):
    """The list cannot be read; says why."""


@dataclass(frozen=True)
class SentList:
    """Order numbers of which all was sent, and (order number, identifier) pairs. All folded: case does not count."""

    orders: frozenset[str]
    devices: frozenset[tuple[str, str]]

    def names(self, order_number: str, identifiers: tuple[str, ...]) -> bool:
        """Whether the list says that this device of this order was sent."""
        order = fold(order_number)
        return order in self.orders or any((order, fold(item)) in self.devices for item in identifiers)

    @property
    def order_numbers(self) -> frozenset[str]:
        return self.orders | {order for order, _ in self.devices}


NOTHING_SENT = SentList(frozenset(), frozenset())


def fold(value: str) -> str:
    """As values are compared: too many alike is safe, a device missed is instructed twice."""
    return value.strip().casefold()


def read(data: bytes) -> SentList:
    """Raises SentListFault for a file that is no such list, or is empty."""
    try:
        text = data.decode("utf-8-sig")
        delimiter = next((mark for mark in _DELIMITERS if mark in text), _DELIMITERS[0])
        rows = [[cell.strip() for cell in row] for row in csv.reader(StringIO(text), delimiter=delimiter, strict=True)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise SentListFault("it is not text in UTF-8 with one order number on each line") from error
    if rows and rows[0] and fold(rows[0][0]) in _HEADINGS:
        rows[0] = []
    orders, devices = set(), set()
    for number, row in enumerate(rows, 1):
        if not any(row):
            continue
        order, serial, *more = [*row, ""]
        if not order or any(more):
            raise SentListFault(f"line {number} is not an order number, or an order number and a serial number")
        if serial:
            devices.add((fold(order), fold(serial)))
        else:
            orders.add(fold(order))
    if not (orders or devices):
        raise SentListFault("it names no order")
    return SentList(frozenset(orders), frozenset(devices))
