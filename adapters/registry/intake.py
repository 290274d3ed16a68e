"""Order lines into the registry: one join to judge them, a few set-based inserts to keep them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from adapters.registry.bulk import fetch, staged
from adapters.registry.effects import HOLDING
from adapters.registry.standing import OPEN, holds, order_numbers, stands
from adapters.registry.tables import customer_organisations, customers, devices, order_lines, orders
from adapters.registry.types import Moment
from formats.enrolment import RequestType
from formats.generic.layout import OVERRIDE_DELIVERY
from formats.identifiers import IDENTIFIER_COLUMNS
from jobs.intake import ENRICHMENT
from jobs.states import LineState


class Intake:
    """Order lines on their way in."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def enrich(self, rows: pa.Table) -> pa.Table:
        """`rows` (order dispatch columns + row) with what the registry knows: `jobs.intake.ENRICHMENT`."""
        with staged(self._db, "orders_known", rows) as stage:
            found = fetch(self._db, _enrichment(stage), ENRICHMENT)
        return found

    def insert_rows(self, rows: pa.Table, file_id: int) -> int:
        """Insert accepted rows (order dispatch columns, row, content_sha256); returns new lines.

        All rows have one request type, so that each new device stands in one row only.
        """
        with staged(self._db, "orders_in", rows) as stage:
            _complete_devices(self._db, stage)
            _insert_devices(self._db, stage)
            _insert_orders(self._db, stage)
            inserted = self._db.execute(insert(order_lines).from_select(_LINE_COLUMNS, _new_lines(stage, file_id)))
            voided = self._db.execute(insert(order_lines).from_select(_LINE_COLUMNS, _void_lines(stage, file_id)))
        return inserted.rowcount + voided.rowcount


_LINE_COLUMNS = [
    "order_id",
    "line_number",
    "device_id",
    "delivery_number",
    "ship_date",
    "asset_tag",
    "content_sha256",
    "file_id",
    "source_row",
    "state",
]


def _enrichment(stage: Table) -> Select[tuple[object, ...]]:
    by = {name: devices.alias(f"by_{name}") for name in IDENTIFIER_COLUMNS}
    device_id = func.coalesce(*(by[name].c.id for name in IDENTIFIER_COLUMNS))
    device = devices.alias("device")
    moment = cast(stage.c.order_date, Moment)
    known = orders.alias("known")
    source = stage.outerjoin(customers, customers.c.account == stage.c.customer_account)
    source = source.outerjoin(
        customer_organisations,
        and_(
            customer_organisations.c.customer_id == customers.c.id,
            customer_organisations.c.provider == stage.c.provider,
        ),
    )
    for name in IDENTIFIER_COLUMNS:
        source = source.outerjoin(by[name], by[name].c[name] == stage.c[name])
    source = source.outerjoin(device, device.c.id == device_id)
    source = source.outerjoin(
        known,
        and_(
            known.c.provider == stage.c.provider,
            known.c.order_number == stage.c.order_number,
            known.c.request_type == stage.c.request_type,
            known.c.order_date == moment,
        ),
    )
    numbers = order_numbers(stage)
    source = source.outerjoin(
        numbers, and_(numbers.c.provider == stage.c.provider, numbers.c.order_number == stage.c.order_number)
    )
    original = case((stage.c.request_type == RequestType.RETURN, numbers.c.taken), else_=numbers.c.reachable)
    known_line = (
        select(func.min(order_lines.c.content_sha256))
        .where(
            order_lines.c.order_id == known.c.id,
            or_(
                order_lines.c.line_number == cast(stage.c.line_number, BigInteger),
                stage.c.request_type == RequestType.VOID,
            ),
        )
        .scalar_subquery()
    )
    holding = _holding_order(device_id)
    return (
        select(
            stage.c.row,
            customers.c.id,
            customer_organisations.c.organisation_id,
            *(by[name].c.id for name in IDENTIFIER_COLUMNS),
            case((or_(*(device.c[name] != stage.c[name] for name in IDENTIFIER_COLUMNS)), 1), else_=0),
            device.c.state,
            case((_leaving(device_id), null()), else_=func.coalesce(device.c.order_number, holding)),
            _holding_date(device_id),
            _open_lines(device_id),
            known.c.customer_id,
            known.c.po_number,
            known_line,
            _other_date(numbers, moment),
            func.coalesce(original, 0),
            func.coalesce(numbers.c.returned, 0),
        )
        .select_from(source)
        .order_by(stage.c.row)
    )


def _holding_order(device_id: object):  # type: ignore[no-untyped-def]  # a scalar subquery
    """Number of the order with the newest open OR or OV line of the device."""
    return (
        select(orders.c.order_number)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(
            order_lines.c.device_id == device_id,
            order_lines.c.state.in_(OPEN),
            orders.c.request_type.in_(HOLDING),
        )
        .order_by(order_lines.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _leaving(device_id: object):  # type: ignore[no-untyped-def]  # a boolean clause
    """The device is on its way out of its order: a newer order may wait for that."""
    return exists(
        select(literal(1))
        .select_from(order_lines.join(orders, orders.c.id == order_lines.c.order_id))
        .where(
            order_lines.c.device_id == device_id,
            order_lines.c.state.in_(OPEN),
            orders.c.request_type.in_((RequestType.RETURN, RequestType.VOID)),
        )
    )


def _holding_date(device_id: object):  # type: ignore[no-untyped-def]  # a scalar subquery
    """Date of the newest OR or OV order of the device that holds it or will."""
    return (
        select(func.max(orders.c.order_date, type_=Moment))
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(order_lines.c.device_id == device_id, holds(order_lines, orders))
        .scalar_subquery()
    )


def _open_lines(device_id: object):  # type: ignore[no-untyped-def]  # a scalar subquery
    return (
        select(func.count())
        .select_from(order_lines)
        .where(order_lines.c.device_id == device_id, order_lines.c.state.in_(OPEN))
        .scalar_subquery()
    )


def _other_date(numbers: Subquery, moment: ColumnElement[Any]) -> ColumnElement[Any]:
    """Date of an OR order of the number that is not the row's."""
    return case(
        (numbers.c.first_date != moment, numbers.c.first_date), (numbers.c.last_date != moment, numbers.c.last_date)
    )


def _complete_devices(connection: Connection, stage: Table) -> None:
    """Fill in identifiers a known device lacked, one identifier at a time (each is indexed)."""
    for known, missing in permutations(IDENTIFIER_COLUMNS, 2):
        connection.execute(
            update(devices)
            .where(devices.c[known] == stage.c[known], devices.c[missing].is_(None), stage.c[missing].is_not(None))
            .values({missing: stage.c[missing]})
        )


def _insert_devices(connection: Connection, stage: Table) -> None:
    """One new device per row whose identifiers are all unknown; the judge saw to it that no two rows share one."""
    unknown = [
        ~exists(select(literal(1)).select_from(devices).where(devices.c[name] == stage.c[name]))
        for name in IDENTIFIER_COLUMNS
    ]
    given = func.coalesce(*(stage.c[name] for name in IDENTIFIER_COLUMNS))
    columns = [*IDENTIFIER_COLUMNS, "manufacturer", "model"]
    connection.execute(
        insert(devices).from_select(
            columns, select(*(stage.c[name] for name in columns)).where(given.is_not(None), *unknown)
        )
    )


def _insert_orders(connection: Connection, stage: Table) -> None:
    moment = cast(stage.c.order_date, Moment)
    key = [stage.c.provider, stage.c.order_number, stage.c.request_type, stage.c.order_date]
    first = select(func.min(stage.c.row)).group_by(*key)
    absent = ~exists(
        select(literal(1))
        .select_from(orders)
        .where(
            orders.c.provider == stage.c.provider,
            orders.c.order_number == stage.c.order_number,
            orders.c.request_type == stage.c.request_type,
            orders.c.order_date == moment,
        )
    )
    connection.execute(
        insert(orders).from_select(
            ["provider", "order_number", "request_type", "order_date", "customer_id", "po_number"],
            select(
                stage.c.provider,
                stage.c.order_number,
                stage.c.request_type,
                moment,
                customers.c.id,
                stage.c.po_number,
            )
            .select_from(stage.join(customers, customers.c.account == stage.c.customer_account))
            .where(stage.c.row.in_(first), absent)
            .order_by(stage.c.row),
        )
    )


def _order_of(stage: Table):  # type: ignore[no-untyped-def]  # a join clause
    return and_(
        orders.c.provider == stage.c.provider,
        orders.c.order_number == stage.c.order_number,
        orders.c.request_type == stage.c.request_type,
        orders.c.order_date == cast(stage.c.order_date, Moment),
    )


def _new_lines(stage: Table, file_id: int) -> Select[tuple[object, ...]]:
    by = {name: devices.alias(f"by_{name}") for name in IDENTIFIER_COLUMNS}
    source = stage.join(orders, _order_of(stage))
    for name in IDENTIFIER_COLUMNS:
        source = source.outerjoin(by[name], by[name].c[name] == stage.c[name])
    return (
        select(
            orders.c.id,
            cast(stage.c.line_number, BigInteger),
            func.coalesce(*(by[name].c.id for name in IDENTIFIER_COLUMNS)),
            case((stage.c.request_type == RequestType.OVERRIDE, OVERRIDE_DELIVERY), else_=stage.c.delivery_number),
            cast(stage.c.ship_date, Moment),
            stage.c.asset_tag,
            stage.c.content_sha256,
            literal(file_id),
            stage.c.row,
            case((stage.c.enrolment_requested == "Y", LineState.WAITING), else_=LineState.NOT_REQUESTED),
        )
        .select_from(source)
        .where(stage.c.request_type != RequestType.VOID)
        .order_by(stage.c.row)
    )


def _void_lines(stage: Table, file_id: int) -> Select[tuple[object, ...]]:
    """A void row becomes one line per device of the order it reverses."""
    original = orders.alias("original")
    reached = order_lines.alias("reached")
    source = (
        stage.join(orders, _order_of(stage))
        .join(
            original,
            and_(
                original.c.provider == stage.c.provider,
                original.c.order_number == stage.c.order_number,
                original.c.request_type != RequestType.VOID,
            ),
        )
        .join(reached, and_(reached.c.order_id == original.c.id, stands(reached, original)))
    )
    members = (
        select(
            orders.c.id.label("order_id"),
            reached.c.device_id,
            func.min(stage.c.content_sha256).label("content_sha256"),
            func.min(stage.c.row).label("row"),
        )
        .select_from(source)
        .where(stage.c.request_type == RequestType.VOID)
        .group_by(orders.c.id, reached.c.device_id)
        .subquery("members")
    )
    position = func.row_number().over(partition_by=members.c.order_id, order_by=members.c.device_id)
    return select(
        members.c.order_id,
        position,
        members.c.device_id,
        null(),
        null(),
        null(),
        members.c.content_sha256,
        literal(file_id),
        members.c.row,
        literal(LineState.WAITING),
    ).order_by(members.c.row, members.c.device_id)
