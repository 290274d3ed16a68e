"""What an override means for devices it does not list: released, in doubt, or untouched (ADR 0004)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, func, insert, literal, select, update

from adapters.registry.decisions import decide
from adapters.registry.standing import OPEN
from adapters.registry.tables import device_events, devices, order_lines, orders, outcomes
from adapters.registry.types import Moment
from formats.enrolment import Level, RequestType
from jobs.states import DeviceState, LineState

_EFFECTIVE = (LineState.ENROLLED, LineState.UNENROLLED, LineState.UNCHANGED)


def release_left_out(connection: Connection, file_id: int, now: datetime) -> None:
    """An override that succeeded for all its devices un-enrols the devices it left out."""
    override = _settled(file_id)
    left_out = _held_before(override, override.c.effective == override.c.lines)
    effect = literal(DeviceState.UNENROLLED.value)
    columns = ["device_id", "order_line_id", "effect", "file_id", "at"]
    appended = select(left_out.c.device_id, left_out.c.last_line, effect, literal(file_id), literal(now, Moment))
    if connection.execute(insert(device_events).from_select(columns, appended)).rowcount:
        connection.execute(
            update(devices)
            .where(devices.c.id == left_out.c.device_id)
            .values(state=DeviceState.UNENROLLED, decided_by=left_out.c.last_line, order_number=None)
        )


def doubt_left_out(connection: Connection, file_id: int, reason: str) -> int:
    """Devices an override may have removed although it failed for some: what they were known by goes to review.

    Refused as a whole it has done nothing. Returns how many lines were moved.
    """
    override = _settled(file_id)
    partial = and_(override.c.effective < override.c.lines, override.c.refused < override.c.lines)
    in_doubt = _held_before(override, partial)
    chosen = and_(order_lines.c.id.in_(select(in_doubt.c.decided_by)), order_lines.c.state.in_(_EFFECTIVE))
    decide(connection, select(order_lines.c.id, literal(LineState.REVIEW.value), literal(reason)).where(chosen))
    moved = connection.execute(update(order_lines).where(chosen).values(state=LineState.REVIEW, reason=reason))
    return moved.rowcount


def _settled(file_id: int) -> Subquery:
    """Overrides that the file answered and that wait for nothing more, with counts of their lines.

    `refused`: rejected with the order or the file they stand in.
    """
    answered = (
        select(order_lines.c.order_id)
        .join(outcomes, outcomes.c.order_line_id == order_lines.c.id)
        .where(outcomes.c.file_id == file_id, outcomes.c.applied)
    )
    refused = and_(order_lines.c.state == LineState.REJECTED, outcomes.c.level.in_((Level.ORDER, Level.FILE)))
    return (
        select(
            orders.c.provider,
            orders.c.order_number,
            func.min(order_lines.c.id).label("first_line"),
            func.max(order_lines.c.id).label("last_line"),
            func.count().label("lines"),
            func.sum(case((order_lines.c.state.in_(_EFFECTIVE), 1), else_=0)).label("effective"),
            func.sum(case((refused, 1), else_=0)).label("refused"),
        )
        .select_from(
            order_lines.join(orders, orders.c.id == order_lines.c.order_id).outerjoin(
                outcomes, and_(outcomes.c.order_line_id == order_lines.c.id, outcomes.c.applied)
            )
        )
        .where(orders.c.request_type == RequestType.OVERRIDE, orders.c.id.in_(answered))
        .group_by(orders.c.id, orders.c.provider, orders.c.order_number)
        .having(func.max(case((order_lines.c.state.in_(OPEN), 1), else_=0)) == 0)
        .subquery("override")
    )


def _held_before(override: Subquery, chosen: ColumnElement[bool]) -> Subquery:
    """Devices the order held before the override, and still holds."""
    return (
        select(devices.c.id.label("device_id"), devices.c.decided_by, override.c.last_line)
        .select_from(
            devices.join(
                override,
                and_(
                    devices.c.provider == override.c.provider,
                    devices.c.order_number == override.c.order_number,
                    devices.c.state == DeviceState.ENROLLED,
                    devices.c.decided_by < override.c.first_line,
                ),
            )
        )
        .where(chosen)
        .subquery("held_before")
    )
