"""Which instructions still stand, and what that says about an order number.

An instruction stands until a void of its order number reverses it, or an override of it leaves its
device out. Voids and overrides reach what stands, and an order number whose orders were all voided
may be used again.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, Subquery, Table, and_, case, exists, func, literal, or_, select

from adapters.registry.effects import HOLDING
from adapters.registry.tables import device_events, order_lines, orders
from adapters.registry.types import Moment
from formats.enrolment import RequestType
from jobs.states import DeviceState, LineState

OPEN = (LineState.WAITING, LineState.SEALED, LineState.SENT)
_EFFECTIVE = (LineState.ENROLLED, LineState.UNENROLLED, LineState.UNCHANGED)
_REVERSIBLE = (*OPEN, *_EFFECTIVE, LineState.REVIEW)


def stands(line: FromClause, order: FromClause) -> ColumnElement[bool]:
    """The line can be reversed, and no void has reversed it or is about to."""
    return and_(line.c.state.in_(_REVERSIBLE), ~_voided(line, order, (*OPEN, *_EFFECTIVE)), ~_left_out(line, order))


def holds(line: FromClause, order: FromClause) -> ColumnElement[bool]:
    """The line holds its device for its order, or will: it was not refused, reversed or left out."""
    return and_(order.c.request_type.in_(HOLDING), line.c.state != LineState.REVIEW, stands(line, order))


def order_numbers(stage: Table) -> Subquery:
    """One row per provider and order number of the stage that is known.

    `reachable`: a void or an override finds an instruction that stands. `taken`: by an order, so that no return may
    have it. `returned`: a device was returned from the order. `first_date` and `last_date`: of the orders (OR) that
    were not voided. `customer_id`: whose the newest instruction that stands is.
    """
    numbers = select(stage.c.provider, stage.c.order_number).distinct().subquery("numbers")
    voids = _last_voids(numbers)
    line, order = order_lines.alias("line"), orders.alias("order_of_line")
    reversible = line.c.state.in_(_REVERSIBLE)
    past = and_(
        voids.c.last_line > line.c.id,
        or_(~reversible, _voided(line, order, _EFFECTIVE), _left_out(line, order)),
    )
    known = case((and_(order.c.request_type == RequestType.ORDER, ~func.coalesce(past, False)), order.c.order_date))
    newest, whose = order_lines.alias("newest_line"), orders.alias("order_of_newest_line")
    found = (
        select(
            numbers.c.provider,
            numbers.c.order_number,
            _any(stands(line, order)).label("reachable"),
            _any(and_(reversible, order.c.request_type != RequestType.RETURN)).label("taken"),
            _any(and_(order.c.request_type.in_(HOLDING), stands(line, order), _returned(line, order))).label(
                "returned"
            ),
            func.min(known, type_=Moment).label("first_date"),
            func.max(known, type_=Moment).label("last_date"),
            func.max(case((stands(line, order), line.c.id))).label("newest_line"),
        )
        .select_from(
            numbers.join(order, _same_number(order, numbers))
            .join(line, line.c.order_id == order.c.id)
            .outerjoin(voids, _same_number(voids, numbers))
        )
        .where(order.c.request_type != RequestType.VOID)
        .group_by(numbers.c.provider, numbers.c.order_number)
        .subquery("found_numbers")
    )
    return (
        select(*(column for column in found.c if column.name != "newest_line"), whose.c.customer_id)
        .select_from(
            found.outerjoin(newest, newest.c.id == found.c.newest_line).outerjoin(
                whose, whose.c.id == newest.c.order_id
            )
        )
        .subquery("known_numbers")
    )


def _last_voids(numbers: Subquery) -> Subquery:
    """The newest line of a void that took effect, per order number."""
    return (
        select(numbers.c.provider, numbers.c.order_number, func.max(order_lines.c.id).label("last_line"))
        .select_from(
            numbers.join(orders, _same_number(orders, numbers)).join(order_lines, order_lines.c.order_id == orders.c.id)
        )
        .where(orders.c.request_type == RequestType.VOID, order_lines.c.state.in_(_EFFECTIVE))
        .group_by(numbers.c.provider, numbers.c.order_number)
        .subquery("last_voids")
    )


def _any(clause: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(case((clause, 1), else_=0))


def _same_number(left: FromClause, right: FromClause) -> ColumnElement[bool]:
    return and_(left.c.provider == right.c.provider, left.c.order_number == right.c.order_number)


def _voided(line: FromClause, order: FromClause, states: tuple[LineState, ...]) -> ColumnElement[bool]:
    """A later void of the order number has a line for the device in one of `states`."""
    void_line, void = order_lines.alias(), orders.alias()
    return exists(
        select(literal(1))
        .select_from(void_line.join(void, void.c.id == void_line.c.order_id))
        .where(
            void_line.c.device_id == line.c.device_id,
            void_line.c.id > line.c.id,
            void_line.c.state.in_(states),
            void.c.request_type == RequestType.VOID,
            _same_number(void, order),
        )
    )


def _left_out(line: FromClause, order: FromClause) -> ColumnElement[bool]:
    """A later override of the order number released the device."""
    override_line, override = order_lines.alias(), orders.alias()
    return exists(
        select(literal(1))
        .select_from(
            device_events.join(override_line, override_line.c.id == device_events.c.order_line_id).join(
                override, override.c.id == override_line.c.order_id
            )
        )
        .where(
            device_events.c.device_id == line.c.device_id,
            device_events.c.order_line_id > line.c.id,
            device_events.c.effect == DeviceState.UNENROLLED,
            override.c.request_type == RequestType.OVERRIDE,
            _same_number(override, order),
        )
    )


def _returned(line: FromClause, order: FromClause) -> ColumnElement[bool]:
    """The device was returned from this order, or its return is on its way; a return that was voided is none."""
    back_line, back = order_lines.alias(), orders.alias()
    return exists(
        select(literal(1))
        .select_from(back_line.join(back, back.c.id == back_line.c.order_id))
        .where(
            back_line.c.device_id == line.c.device_id,
            back_line.c.id > line.c.id,
            back_line.c.state.in_((*OPEN, LineState.UNENROLLED, LineState.UNCHANGED)),
            back.c.request_type == RequestType.RETURN,
            back.c.provider == order.c.provider,
            ~_voided(back_line, back, _EFFECTIVE),
            ~_held_elsewhere(line, order, back_line),
        )
        .correlate(line, order)
    )


def _held_elsewhere(line: FromClause, order: FromClause, until: FromClause) -> ColumnElement[bool]:
    """Between two instructions on the device another order came to hold it."""
    other_line, other = order_lines.alias(), orders.alias()
    return exists(
        select(literal(1))
        .select_from(other_line.join(other, other.c.id == other_line.c.order_id))
        .where(
            other_line.c.device_id == line.c.device_id,
            other_line.c.id > line.c.id,
            other_line.c.id < until.c.id,
            other_line.c.state.in_((*OPEN, *_EFFECTIVE)),
            other.c.request_type.in_(HOLDING),
            ~_same_number(other, order),
        )
        .correlate(line, order, until)  # two of them belong to a statement further out
    )
