"""Read models for lists: the customers, and the answer files to a batch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from adapters.registry.registry import Transaction
from adapters.registry.tables import customer_organisations, customers, files


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


def answers_to(tx: Transaction, batch_id: int) -> list[dict[str, Any]]:
    """Answer files to the batch, oldest first."""
    statement = (
        select(files.c.name, files.c.state, files.c.reason, files.c.sequence, files.c.received_at, files.c.rows_read)
        .where(files.c.batch_id == batch_id)
        .order_by(files.c.id)
    )
    return [dict(row._mapping) for row in tx._db.execute(statement)]
