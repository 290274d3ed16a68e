"""What an instruction makes of its device when it succeeds."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, select

from adapters.registry.tables import order_lines, orders
from formats.enrolment import RequestType
from jobs.states import DeviceState

HOLDING = (RequestType.ORDER, RequestType.OVERRIDE)
"""Instructions after which an order holds the device."""


def effect() -> ColumnElement[Any]:
    """`DeviceState` after success of the line in `order_lines` of the order in `orders`.

    A void does the opposite of what it reverses.
    """
    return case(
        (orders.c.request_type.in_(HOLDING), DeviceState.ENROLLED),
        (orders.c.request_type == RequestType.RETURN, DeviceState.UNENROLLED),
        (_reversed() == RequestType.RETURN, DeviceState.ENROLLED),
        else_=DeviceState.UNENROLLED,
    )


def _reversed() -> ColumnElement[Any]:
    """Request type of the newest instruction of this order number on the device before the void."""
    line, order = order_lines.alias("reversed_line"), orders.alias("reversed_order")
    return (
        select(order.c.request_type)
        .select_from(line.join(order, order.c.id == line.c.order_id))
        .where(
            line.c.device_id == order_lines.c.device_id,
            line.c.id < order_lines.c.id,
            order.c.provider == orders.c.provider,
            order.c.order_number == orders.c.order_number,
            order.c.request_type != RequestType.VOID,
        )
        .order_by(line.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
