"""Read models for lists: the customers, order lines, and the answer files to a batch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from adapters.registry.registry import Transaction
from adapters.registry.tables import (
    batches,
    customer_organisations,
    customers,
    devices,
    files,
    lines,
    order_lines,
    orders,
)
from formats.identifiers import IDENTIFIER_COLUMNS
from jobs.states import LineState


def all_customers(tx: Transaction) -> list[dict[str, Any]]:
    """One record for each customer and provider, by account; provider None where a customer has none."""
    statement = (
        select(
            customers.c.account,
            customers.c.name,
            customer_organisations.c.provider,
            customer_organisations.c.organisation_id,
        )
        .select_from(
            customers.outerjoin(customer_organisations, customer_organisations.c.customer_id == customers.c.id)
        )
        .order_by(customers.c.account, customer_organisations.c.provider)
    )
    return [dict(row._mapping) for row in tx._db.execute(statement)]


def order_lines_of(
    tx: Transaction, state: LineState | None, provider: str, order: str, limit: int
) -> list[dict[str, Any]]:
    """The newest lines in a state, of a provider, of an order (each if given), in the order they came."""
    statement = (
        select(
            orders.c.order_number,
            order_lines.c.line_number,
            func.coalesce(*(devices.c[name] for name in IDENTIFIER_COLUMNS)).label("device"),
            orders.c.request_type,
            order_lines.c.state,
            order_lines.c.reason,
            batches.c.number.label("batch"),
            orders.c.provider,
            customers.c.account.label("customer"),
        )
        .select_from(
            order_lines.join(orders, orders.c.id == order_lines.c.order_id)
            .join(customers, customers.c.id == orders.c.customer_id)
            .join(devices, devices.c.id == order_lines.c.device_id)
            .outerjoin(lines, (lines.c.order_line_id == order_lines.c.id) & ~lines.c.released)
            .outerjoin(batches, batches.c.id == lines.c.batch_id)
        )
        .order_by(order_lines.c.id.desc())
        .limit(limit)
    )
    for column, value in (
        (order_lines.c.state, state),
        (orders.c.provider, provider),
        (orders.c.order_number, order),
    ):
        statement = statement.where(column == value) if value else statement
    return [dict(row._mapping) for row in tx._db.execute(statement)][::-1]


def answers_to(tx: Transaction, batch_id: int) -> list[dict[str, Any]]:
    """Answer files to the batch, oldest first."""
    statement = (
        select(files.c.name, files.c.state, files.c.reason, files.c.sequence, files.c.received_at, files.c.rows_read)
        .where(files.c.batch_id == batch_id)
        .order_by(files.c.id)
    )
    return [dict(row._mapping) for row in tx._db.execute(statement)]
