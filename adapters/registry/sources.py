"""What uploads may look up: named sources, each a join of tables that shows one record per row.

An outer join below leads from a record to at most one other, so that it never shows a record twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Table, UniqueConstraint, and_, case, func, select

from adapters.registry.business_tables import (
    dmp_devices,
    fleet_freedom_providers,
    group_members,
    locations,
    product_leases,
    products,
    remoteye_registrations,
    sales,
    swaps,
)
from adapters.registry.effects import HOLDING
from adapters.registry.order_sources import ORDER_SOURCES
from adapters.registry.source import Source
from adapters.registry.tables import customers, devices, order_lines, orders
from jobs.states import LineState

_OPEN = (LineState.WAITING, LineState.SEALED, LineState.SENT)


def _own(table: Table) -> dict[str, ColumnElement[Any]]:
    return {column.name: column for column in table.columns}


def _keys(table: Table) -> tuple[frozenset[str], ...]:
    together = [item.columns.keys() for item in table.constraints if isinstance(item, UniqueConstraint)]
    return (frozenset({"id"}), *(frozenset(names) for names in together))


def _plain(table: Table) -> Source:
    return Source(table, _own(table), _keys(table))


def _products() -> Source:
    start = (
        products.outerjoin(sales, sales.c.product_id == products.c.id)
        .outerjoin(customers, customers.c.id == products.c.customer_id)
        .outerjoin(locations, locations.c.id == products.c.location_id)
    )
    sold = {name: column for name, column in _own(sales).items() if name not in ("id", "product_id")}
    joined = {
        "sale_id": sales.c.id,
        "customer_name": customers.c.name,
        "customer_account": customers.c.account,
        "city": locations.c.city,
    }
    keys = (*_keys(products), frozenset({"sale_id"}), frozenset({"phone"}))
    return Source(start, {**_own(products), **sold, **joined}, keys)


def _bound() -> Source:
    every = _products()
    parts = (frozenset({"motor_id"}), frozenset({"bms_id"}))
    return replace(every, keys=every.keys + parts, only=(~products.c.placeholder,))


def _shipped() -> Source:
    return replace(_products(), only=(products.c.placeholder,))


def _of_product(table: Table) -> Source:
    """What belongs to a vehicle, with the vehicle's frame id and customer."""
    start = table.join(products, products.c.id == table.c.product_id)
    columns = {"vin": products.c.vin, "customer_id": products.c.customer_id, **_own(table)}
    named = tuple(key - {"product_id"} | {"vin"} for key in _keys(table) if "product_id" in key)
    return Source(start, columns, _keys(table) + named)


def _of_customer(table: Table) -> Source:
    start = table.join(customers, customers.c.id == table.c.customer_id)
    named = {"customer_account": customers.c.account, "customer_name": customers.c.name}
    return Source(start, {**_own(table), **named}, _keys(table))


def _devices() -> Source:
    """Devices with the order that holds them or will, and the customer of the newest instruction on each."""
    line, order, waiting = (
        order_lines.alias("holding_line"),
        orders.alias("holding_order"),
        order_lines.alias("waiting"),
    )
    newest_open = (
        select(func.max(waiting.c.id))
        .select_from(waiting.join(orders, orders.c.id == waiting.c.order_id))
        .where(waiting.c.device_id == devices.c.id, waiting.c.state.in_(_OPEN), orders.c.request_type.in_(HOLDING))
        .scalar_subquery()
    )
    holding = func.coalesce(newest_open, case((devices.c.order_number.is_not(None), devices.c.decided_by)))
    start = (
        devices.outerjoin(line, and_(line.c.id == holding, line.c.device_id == devices.c.id))
        .outerjoin(order, order.c.id == line.c.order_id)
        .outerjoin(customers, customers.c.id == order.c.customer_id)
    )
    own = {name: column for name, column in _own(devices).items() if name != "decided_by"}
    held = {
        "provider": order.c.provider,
        "order_number": func.coalesce(devices.c.order_number, order.c.order_number),
        "customer_id": customers.c.id,
        "customer_account": customers.c.account,
        "owner_id": _newest_customer(),
    }
    return Source(start, {**own, **held}, _keys(devices))


def _newest_customer() -> ColumnElement[Any]:
    """Whose the newest instruction on the device is: nobody else's, whatever became of it."""
    line, order = order_lines.alias("newest_line"), orders.alias("newest_order")
    return (
        select(order.c.customer_id)
        .select_from(line.join(order, order.c.id == line.c.order_id))
        .where(line.c.device_id == devices.c.id)
        .order_by(line.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


SOURCES: Mapping[str, Source] = {
    "customers": _plain(customers),
    "locations": _plain(locations),
    "products": _products(),  # with their sale, customer and location
    "bound_products": _bound(),  # those with a real frame id: at most one has a motor or battery
    "shipped_products": _shipped(),  # those with a default frame id or none: several may have a part
    "product_leases": _of_product(product_leases),
    "group_members": _of_product(group_members),
    "swaps": _of_product(swaps),
    "dmp_devices": _of_customer(dmp_devices),
    "fleet_freedom_providers": _plain(fleet_freedom_providers),
    "remoteye_registrations": _of_customer(remoteye_registrations),
    "devices": _devices(),
    **ORDER_SOURCES,
}
"""By the name a `formats.template.Lookup` uses."""

WRITABLE: Mapping[str, Table] = {
    table.name: table
    for table in (
        customers,
        locations,
        products,
        sales,
        product_leases,
        group_members,
        swaps,
        dmp_devices,
        fleet_freedom_providers,
        remoteye_registrations,
    )
}
"""The tables a `formats.template.Write` may name, and refer to."""

OFFERS: Mapping[str, ColumnElement[Any]] = {
    "customers": customers.c.name,
    "locations": locations.c.city,
    "zones": locations.c.zone,
    "models": products.c.model,
    "battery_models": products.c.battery_model,
    "communication_types": products.c.communication_type,
    "device_models": devices.c.model,
    "manufacturers": devices.c.manufacturer,
    "hardware_types": dmp_devices.c.hardware_type,
    "device_types": remoteye_registrations.c.device_type,
    "ups_models": remoteye_registrations.c.ups_model,
}
"""Where the values come from that a workbook offers, by the name `formats.schema.Column.offers` uses."""
