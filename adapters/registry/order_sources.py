"""What uploads may look up of orders: the lines devices have in them, and the highest line number so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_, exists, func, literal, select

from adapters.registry.source import Source
from adapters.registry.tables import devices, order_lines, orders
from formats.enrolment import RequestType
from formats.identifiers import DEVICE_COLUMNS


def _lines(request_type: RequestType) -> Source:
    """Lines of this type by provider, order number and device; the newest one if the device has several."""
    start = order_lines.join(orders, orders.c.id == order_lines.c.order_id).join(
        devices, devices.c.id == order_lines.c.device_id
    )
    columns: dict[str, ColumnElement[Any]] = {
        "provider": orders.c.provider,
        "order_number": orders.c.order_number,
        "line_number": order_lines.c.line_number,
        **{name: devices.c[name] for name in DEVICE_COLUMNS},
    }
    keys = tuple(frozenset({"provider", "order_number", name}) for name in DEVICE_COLUMNS)
    return Source(start, columns, keys, (orders.c.request_type == request_type, ~_later_line(request_type)))


def _later_line(request_type: RequestType) -> ColumnElement[bool]:
    later, order = order_lines.alias("later_line"), orders.alias("order_of_later_line")
    return exists(
        select(literal(1))
        .select_from(later.join(order, order.c.id == later.c.order_id))
        .where(
            later.c.device_id == order_lines.c.device_id,
            later.c.id > order_lines.c.id,
            order.c.provider == orders.c.provider,
            order.c.order_number == orders.c.order_number,
            order.c.request_type == request_type,
        )
    )


def _placed_orders() -> Source:
    """Orders (OR) by provider and number; orders of several dates share their numbers."""
    same, newer = orders.alias("same_order"), orders.alias("newer_order")
    highest = (
        select(func.max(order_lines.c.line_number))
        .select_from(order_lines.join(same, same.c.id == order_lines.c.order_id))
        .where(_same_order(same))
        .scalar_subquery()
    )
    newest = ~exists(select(literal(1)).select_from(newer).where(_same_order(newer), newer.c.id > orders.c.id))
    placed = (
        select(orders.c.provider, orders.c.order_number, highest.label("highest_line"))
        .where(orders.c.request_type == RequestType.ORDER, newest)
        .subquery("placed_orders")
    )
    return Source(placed, dict(placed.columns.items()), (frozenset({"provider", "order_number"}),))


def _same_order(other: FromClause) -> ColumnElement[bool]:
    return and_(
        other.c.provider == orders.c.provider,
        other.c.order_number == orders.c.order_number,
        other.c.request_type == orders.c.request_type,
    )


def _return_orders() -> Source:
    """Return orders by their number alone: the provider may be known by the device only."""
    numbers = (
        select(orders.c.order_number, func.max(order_lines.c.line_number).label("highest_line"))
        .select_from(orders.join(order_lines, order_lines.c.order_id == orders.c.id))
        .where(orders.c.request_type == RequestType.RETURN)
        .group_by(orders.c.order_number)
        .subquery("return_orders")
    )
    return Source(numbers, dict(numbers.columns.items()), (frozenset({"order_number"}),))


ORDER_SOURCES: Mapping[str, Source] = {
    "ordered_lines": _lines(RequestType.ORDER),
    "returned_lines": _lines(RequestType.RETURN),
    "placed_orders": _placed_orders(),
    "return_orders": _return_orders(),
}
