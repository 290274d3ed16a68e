"""What the registry knows about rows on their way in, as one statement (`jobs.intake.ENRICHMENT`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Subquery,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    null,
    or_,
    select,
)

from adapters.registry.effects import HOLDING
from adapters.registry.standing import OPEN, holds, order_numbers
from adapters.registry.tables import customer_organisations, customers, devices, order_lines, orders
from adapters.registry.types import Moment
from formats.enrolment import RequestType
from formats.identifiers import DEVICE_LINKS, IDENTIFIER_COLUMNS, SECOND_IMEI


def enrichment(stage: Table) -> Select[tuple[object, ...]]:
    """`stage` holds order dispatch columns and `row`; the answer stands in the order of `row`."""
    by = devices_by(stage)
    device_id = func.coalesce(*(device.c.id for device, _ in by.values()))
    device, known, numbers = devices.alias("device"), orders.alias("known"), order_numbers(stage)
    moment = cast(stage.c.order_date, Moment)
    source = _customers_of(stage)
    for linked, link in by.values():
        source = source.outerjoin(linked, link)
    source = source.outerjoin(device, device.c.id == device_id)
    source = source.outerjoin(
        known,
        and_(_same_number(known, stage), known.c.request_type == stage.c.request_type, known.c.order_date == moment),
    ).outerjoin(numbers, _same_number(numbers, stage))
    original = case((stage.c.request_type == RequestType.RETURN, numbers.c.taken), else_=numbers.c.reachable)
    holding, holder = order_lines.alias("holding_line"), orders.alias("holder")
    held = case((device.c.order_number.is_not(None), device.c.decided_by))
    source = source.outerjoin(holding, holding.c.id == func.coalesce(_newest_holding(device_id), held)).outerjoin(
        holder, holder.c.id == holding.c.order_id
    )
    return (
        select(
            stage.c.row,
            customers.c.id,
            customer_organisations.c.organisation_id,
            *(linked.c.id for linked, _ in by.values()),
            case((_differs(device, stage), 1), else_=0),
            device.c.state,
            case((_leaving(device_id), null()), else_=func.coalesce(device.c.order_number, holder.c.order_number)),
            holder.c.provider,
            holder.c.customer_id,
            _holding_date(device_id),
            _open_lines(device_id),
            known.c.customer_id,
            known.c.po_number,
            numbers.c.customer_id,
            _known_line(stage, known),
            _other_date(numbers, moment),
            func.coalesce(original, 0),
            func.coalesce(numbers.c.returned, 0),
        )
        .select_from(source)
        .order_by(stage.c.row)
    )


def devices_by(stage: Table) -> dict[str, tuple[FromClause, ColumnElement[bool]]]:
    """By each of `DEVICE_LINKS`: the devices under a name of their own, and which of them the row leads to."""
    found = {by: devices.alias(f"by_{by}") for by in DEVICE_LINKS}
    return {by: (found[by], found[by].c[kept] == stage.c[name]) for by, (kept, name) in DEVICE_LINKS.items()}


def _differs(device: FromClause, stage: Table) -> ColumnElement[bool]:
    """An identifier of the row is not the one on record; an IMEI is neither of the two, and has no place left."""
    first, second = stage.c.imei, stage.c[SECOND_IMEI]
    known_first, known_second = device.c.imei, device.c[SECOND_IMEI]
    both_ways = func.coalesce(known_second == first, second == known_first, literal(False))
    one_only = [device.c[name] != stage.c[name] for name in IDENTIFIER_COLUMNS if name != "imei"]
    return or_(
        *one_only,
        and_(known_first != first, not_(both_ways)),
        and_(known_first != second, known_second != second),
    )


def _customers_of(stage: Table) -> FromClause:
    return stage.outerjoin(customers, customers.c.account == stage.c.customer_account).outerjoin(
        customer_organisations,
        and_(
            customer_organisations.c.customer_id == customers.c.id,
            customer_organisations.c.provider == stage.c.provider,
        ),
    )


def _same_number(left: FromClause, right: FromClause) -> ColumnElement[bool]:
    return and_(left.c.provider == right.c.provider, left.c.order_number == right.c.order_number)


def _known_line(stage: Table, known: FromClause) -> ColumnElement[Any]:
    """Digest of the line as known; of any line of a void, whose lines are not those of its rows."""
    of_order = select(func.min(order_lines.c.content_sha256)).where(order_lines.c.order_id == known.c.id)
    of_line = of_order.where(order_lines.c.line_number == cast(stage.c.line_number, BigInteger))
    return case((stage.c.request_type == RequestType.VOID, of_order.scalar_subquery()), else_=of_line.scalar_subquery())


def _newest_holding(device_id: object):  # type: ignore[no-untyped-def]  # a scalar subquery
    """The newest open OR or OV line of the device."""
    return (
        select(func.max(order_lines.c.id))
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(
            order_lines.c.device_id == device_id,
            order_lines.c.state.in_(OPEN),
            orders.c.request_type.in_(HOLDING),
        )
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
