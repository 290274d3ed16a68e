"""Read models of one device's life outside its own instructions: registers, removals, rows that were refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Table, or_, select

from adapters.registry.business_tables import dmp_devices, fleet_freedom_providers, remoteye_registrations
from adapters.registry.tables import (
    customers,
    device_events,
    files,
    findings,
    order_lines,
    orders,
    refused_rows,
)

Record = dict[str, Any]

_REGISTERS: dict[str, tuple[Table, tuple[str, ...], tuple[str, ...]]] = {
    "DMP": (dmp_devices, ("imei",), ("name", "sim_owner", "hardware_type", "firmware")),
    "Fleet Freedom": (
        fleet_freedom_providers,
        ("reporting_id",),
        ("company", "reporting_id_kind", "kind"),
    ),
    "RemotEye": (
        remoteye_registrations,
        ("device_serial", "device_mac", "ups_serial"),
        ("device_type", "ups_model", "start_date", "end_date", "sales_order_no"),
    ),
}
"""Title, table, the columns that name a device, and what is shown besides; no person and no phone number is."""


def registered(db: Connection, identifiers: Sequence[str]) -> list[Record]:
    """Rows of the providers' registers that name one of these identifiers, with the account of the customer."""
    found: list[Record] = []
    for title, (table, named_by, shown) in _REGISTERS.items():
        columns: list[ColumnElement[Any]] = [table.c[name] for name in (*named_by, *shown)]
        source: FromClause = table
        if "customer_id" in table.c:
            columns.append(customers.c.account.label("customer"))
            source = table.join(customers, customers.c.id == table.c.customer_id)
        match = or_(*(table.c[name].in_(identifiers) for name in named_by))
        rows = db.execute(select(*columns).select_from(source).where(match).order_by(table.c.id))
        found += [{"register": title, **row._mapping} for row in rows]
    return found


def removals(db: Connection, device_id: int) -> list[Record]:
    """What instructions on other devices made of this one: an override that left it out, oldest first."""
    statement = (
        select(
            device_events.c.at,
            device_events.c.effect,
            orders.c.request_type,
            orders.c.order_number,
            orders.c.provider,
            files.c.name.label("file"),
        )
        .select_from(
            device_events.join(order_lines, order_lines.c.id == device_events.c.order_line_id)
            .join(orders, orders.c.id == order_lines.c.order_id)
            .outerjoin(files, files.c.id == device_events.c.file_id)
        )
        .where(device_events.c.device_id == device_id, order_lines.c.device_id != device_id)
        .order_by(device_events.c.id)
    )
    return [dict(row._mapping) for row in db.execute(statement)]


def refusals(db: Connection, digests: Sequence[str]) -> list[Record]:
    """Refused rows with one of these identifiers (`formats.traces`), one record for each finding, newest file first."""
    rows = select(refused_rows.c.file_id, refused_rows.c.row).where(refused_rows.c.digest.in_(digests)).distinct()
    refused = rows.subquery("refused")
    statement = (
        select(
            files.c.name.label("file"),
            files.c.received_at,
            findings.c.row,
            findings.c.column,
            findings.c.code,
            findings.c.run_id.label("run"),
        )
        .select_from(
            refused.join(files, files.c.id == refused.c.file_id).join(
                findings, (findings.c.file_id == refused.c.file_id) & (findings.c.row == refused.c.row)
            )
        )
        .order_by(files.c.id.desc(), findings.c.row, findings.c.id)
    )
    return [dict(row._mapping) for row in db.execute(statement)]
