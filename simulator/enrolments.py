"""What the simulated provider knows: orders, their lines, and who holds each device.

A `Book` is the part of it that one request touches. It is read at once, changed in
memory and written back at once, in the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    order_id TEXT PRIMARY KEY, kind TEXT NOT NULL, order_date TEXT NOT NULL,
    customer_id TEXT NOT NULL, po_number TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS order_lines (
    order_id TEXT NOT NULL, device_id TEXT NOT NULL, from_order TEXT, from_customer TEXT,
    PRIMARY KEY (order_id, device_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
    device_id TEXT PRIMARY KEY, order_id TEXT NOT NULL, customer_id TEXT NOT NULL
) WITHOUT ROWID;
"""


class Order(NamedTuple):
    """An order or a return as first received; `kind` is OR or RE."""

    order_id: str
    kind: str
    order_date: str
    customer_id: str
    po_number: str


class Holding(NamedTuple):
    """A device is enrolled for a customer under an order."""

    order_id: str
    customer_id: str


class Book:
    """Orders, lines and holdings of one request.

    A line of an order has no holding of its own; a line of a return keeps the holding
    that the return ended, so that a void can restore it.
    """

    def __init__(self, connection: sqlite3.Connection, order_ids: Iterable[str], device_ids: Iterable[str]) -> None:
        self._connection = connection
        self._orders: dict[str, Order] = {}
        self._lines: dict[str, dict[str, Holding | None]] = {}
        self._held: dict[str, Holding] = {}
        self._changed_orders: set[str] = set()
        self._changed_lines: set[tuple[str, str]] = set()
        self._changed_devices: set[str] = set()
        self._load(order_ids, device_ids)

    def order(self, order_id: str) -> Order | None:
        return self._orders.get(order_id)

    def holding(self, device_id: str) -> Holding | None:
        """Who holds the device now."""
        return self._held.get(device_id)

    def has_line(self, order_id: str, device_id: str) -> bool:
        return device_id in self._lines.get(order_id, {})

    def devices(self, order_id: str) -> set[str]:
        """The devices with a line on the order."""
        return set(self._lines.get(order_id, {}))

    def put_order(self, order: Order) -> None:
        self._orders[order.order_id] = order
        self._changed_orders.add(order.order_id)

    def enrol(self, device_id: str, holding: Holding) -> None:
        """The device is held under the order and has a line on it."""
        self._set_line(holding.order_id, device_id, None)
        self._held[device_id] = holding
        self._changed_devices.add(device_id)

    def release(self, device_id: str, order_id: str) -> None:
        """The order's line goes, and the device is free if it was held under that order."""
        self._lines.get(order_id, {}).pop(device_id, None)
        self._changed_lines.add((order_id, device_id))
        held = self._held.get(device_id)
        if held is not None and held.order_id == order_id:
            del self._held[device_id]
            self._changed_devices.add(device_id)

    def take_back(self, device_id: str, holding: Holding, return_id: str) -> None:
        """A return ends `holding`; its own line remembers it."""
        self.release(device_id, holding.order_id)
        self._set_line(return_id, device_id, holding)

    def restore(self, device_id: str, return_id: str) -> None:
        """A voided return gives the device back to the order it was taken from."""
        origin = self._lines[return_id][device_id]
        self.release(device_id, return_id)
        if origin is not None:
            self.enrol(device_id, origin)

    def forget(self, order_id: str) -> None:
        self._orders.pop(order_id, None)
        self._changed_orders.add(order_id)

    def save(self) -> None:
        """Write every change back: delete what changed, insert what is there now."""
        run = self._connection.executemany
        run("DELETE FROM orders WHERE order_id = ?", ((key,) for key in self._changed_orders))
        run(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?)",
            (self._orders[key] for key in self._changed_orders if key in self._orders),
        )
        run("DELETE FROM order_lines WHERE order_id = ? AND device_id = ?", self._changed_lines)
        run(
            "INSERT INTO order_lines VALUES (?, ?, ?, ?)",
            (
                (order_id, device_id, *(self._lines[order_id][device_id] or (None, None)))
                for order_id, device_id in self._changed_lines
                if self.has_line(order_id, device_id)
            ),
        )
        run("DELETE FROM held WHERE device_id = ?", ((key,) for key in self._changed_devices))
        run(
            "INSERT INTO held VALUES (?, ?, ?)",
            ((key, *self._held[key]) for key in self._changed_devices if key in self._held),
        )

    def _set_line(self, order_id: str, device_id: str, origin: Holding | None) -> None:
        self._lines.setdefault(order_id, {})[device_id] = origin
        self._changed_lines.add((order_id, device_id))

    def _load(self, order_ids: Iterable[str], device_ids: Iterable[str]) -> None:
        self._want(sorted(set(order_ids)))
        for row in self._connection.execute("SELECT orders.* FROM orders JOIN wanted ON key = order_id"):
            self._orders[row[0]] = Order(*row)
        lines = "SELECT order_lines.* FROM order_lines JOIN wanted ON key = order_id"
        for order_id, device_id, *origin in self._connection.execute(lines):
            self._lines.setdefault(order_id, {})[device_id] = Holding(*origin) if origin[0] else None
        on_orders = (device_id for lines in self._lines.values() for device_id in lines)
        self._want(sorted({*device_ids, *on_orders}))
        for device_id, *holding in self._connection.execute("SELECT held.* FROM held JOIN wanted ON key = device_id"):
            self._held[device_id] = Holding(*holding)

    def _want(self, keys: Sequence[str]) -> None:
        self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._connection.execute("DELETE FROM wanted")
        self._connection.executemany("INSERT INTO wanted VALUES (?)", ((key,) for key in keys))
