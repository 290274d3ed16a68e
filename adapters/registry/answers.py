"""Applies an answer: outcomes appended, lines moved, devices folded, all set-based in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    Table,
    and_,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from adapters.registry.bulk import fetch, staged
from adapters.registry.covered import OUTCOMES, Added
from adapters.registry.effects import HOLDING, effect
from adapters.registry.overrides import doubt_left_out, release_left_out
from adapters.registry.tables import (
    device_events,
    devices,
    envelope_results,
    lines,
    order_lines,
    orders,
    outcomes,
    workflow_events,
)
from adapters.registry.types import Key, Moment
from jobs.resolution import LINES, Decision
from jobs.states import DeviceState, LineState

_EFFECTIVE = (LineState.ENROLLED, LineState.UNENROLLED, LineState.UNCHANGED)


class Answers:
    """Answers to batches."""

    def __init__(self, connection: Connection, added: list[Added]) -> None:
        self._db = connection
        self._added = added

    def lines_of(self, batch_id: int) -> pa.Table:
        """The live lines of a batch (`jobs.resolution.LINES`)."""
        statement = (
            select(
                order_lines.c.id,
                lines.c.device_key,
                orders.c.order_number,
                order_lines.c.delivery_number,
                orders.c.request_type,
                order_lines.c.state,
                effect(),
            )
            .select_from(
                lines.join(order_lines, order_lines.c.id == lines.c.order_line_id).join(
                    orders, orders.c.id == order_lines.c.order_id
                )
            )
            .where(lines.c.batch_id == batch_id, ~lines.c.released)
            .order_by(lines.c.line_number)
        )
        return fetch(self._db, statement, LINES)

    def apply(self, file_id: int, decisions: Sequence[Decision], now: datetime) -> int:
        """Apply decisions to lines that still wait (SENT). Returns how many lines were settled."""
        with staged(self._db, "decisions", _table(decisions)) as stage:
            _append_outcomes(self._db, stage, file_id, now)
            self._added.append(Added(OUTCOMES, file_id, now))
            settled = self._db.execute(
                update(order_lines)
                .where(
                    order_lines.c.id == stage.c.order_line_id,
                    order_lines.c.state == LineState.SENT,
                    stage.c.state.is_not(None),
                )
                .values(state=stage.c.state, reason=stage.c.provider_code)
            )
        _fold(self._db, file_id, now)
        release_left_out(self._db, file_id, now)
        return settled.rowcount

    def doubt_left_out(self, file_id: int, reason: str) -> int:
        """Put lines into review whose devices an override of the file may have removed. Returns how many."""
        return doubt_left_out(self._db, file_id, reason)

    def keep_envelope(self, file_id: int, batch_id: int, records: Sequence[Mapping[str, str | None]]) -> None:
        """Keep the results above the devices as they came."""
        if not records:
            return
        rows = [
            {
                "file_id": file_id,
                "batch_id": batch_id,
                "level": record["level"],
                "order_number": record["order_id"],
                "delivery_number": record["delivery_number"],
                "outcome": record["outcome"],
                "provider_code": record["provider_code"],
                "message": record["message"],
            }
            for record in records
        ]
        self._db.execute(insert(envelope_results), rows)

    def add_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Workflow events, in the transaction of the outcomes they tell of."""
        if events:
            self._db.execute(insert(workflow_events), [dict(event) for event in events])

    def waiting(self, batch_id: int) -> int:
        """Lines of the batch that still wait for their result."""
        statement = (
            select(func.count())
            .select_from(lines.join(order_lines, order_lines.c.id == lines.c.order_line_id))
            .where(
                lines.c.batch_id == batch_id,
                ~lines.c.released,
                order_lines.c.state.in_((LineState.SENT, LineState.SEALED)),
            )
        )
        return int(self._db.execute(statement).scalar_one())

    def settle_locally(self, line_ids: Sequence[int], now: datetime) -> None:
        """Lines found to hold already (UNCHANGED without being sent) count as decided for their devices."""
        if not line_ids:
            return
        effective = _effective(order_lines.c.id.in_(line_ids), null())
        _append_events(self._db, effective, now)


def _table(decisions: Sequence[Decision]) -> pa.Table:
    text = pa.string()
    return pa.table(
        {
            "order_line_id": pa.array([item.order_line_id for item in decisions], pa.int64()),
            "level": pa.array([str(item.level) for item in decisions], text),
            "outcome": pa.array([str(item.outcome) for item in decisions], text),
            "state": pa.array([None if item.state is None else str(item.state) for item in decisions], text),
            "provider_code": pa.array([item.provider_code for item in decisions], text),
            "message": pa.array([item.message for item in decisions], text),
        }
    )


def _append_outcomes(connection: Connection, stage: Table, file_id: int, now: datetime) -> None:
    decides = and_(order_lines.c.state == LineState.SENT, stage.c.state.is_not(None))
    connection.execute(
        insert(outcomes).from_select(
            ["file_id", "order_line_id", "level", "outcome", "line_state", "applied", "provider_code", "message", "at"],
            select(
                literal(file_id),
                stage.c.order_line_id,
                stage.c.level,
                stage.c.outcome,
                func.coalesce(stage.c.state, order_lines.c.state),
                decides,
                stage.c.provider_code,
                stage.c.message,
                literal(now, Moment),
            ).select_from(stage.join(order_lines, order_lines.c.id == stage.c.order_line_id)),
        )
    )


def _fold(connection: Connection, file_id: int, now: datetime) -> None:
    """Device state follows the newest instruction; a late answer changes nothing newer."""
    applied = select(outcomes.c.order_line_id).where(outcomes.c.file_id == file_id, outcomes.c.applied)
    _append_events(connection, _effective(order_lines.c.id.in_(applied), literal(file_id)), now)


def _effective(chosen: ColumnElement[bool], file_id: ColumnElement[Any]) -> Subquery:
    """Chosen lines that had an effect: device, instruction, effect, and the order that holds the device."""
    return (
        select(
            order_lines.c.device_id,
            order_lines.c.id.label("order_line_id"),
            effect().label("effect"),
            cast(file_id, Key).label("file_id"),
            orders.c.provider,
            orders.c.order_number,
            orders.c.request_type,
        )
        .select_from(order_lines.join(orders, orders.c.id == order_lines.c.order_id))
        .where(chosen, order_lines.c.state.in_(_EFFECTIVE))
        .subquery("effective")
    )


def _append_events(connection: Connection, effective: Subquery, now: datetime) -> None:
    connection.execute(
        insert(device_events).from_select(
            ["device_id", "order_line_id", "effect", "file_id", "at"],
            select(
                effective.c.device_id,
                effective.c.order_line_id,
                effective.c.effect,
                effective.c.file_id,
                literal(now, Moment),
            ),
        )
    )
    holder = case(
        (effective.c.effect == DeviceState.UNENROLLED, null()),
        (effective.c.request_type.in_(HOLDING), effective.c.order_number),
        else_=_last_holder(effective.c.device_id, effective.c.provider),
    )
    connection.execute(
        update(devices)
        .where(devices.c.id == effective.c.device_id, devices.c.decided_by < effective.c.order_line_id)
        .values(
            state=effective.c.effect,
            decided_by=effective.c.order_line_id,
            provider=effective.c.provider,
            order_number=holder,
        )
    )


def _last_holder(device_id: ColumnElement[Any], provider: ColumnElement[Any]) -> ColumnElement[Any]:
    """The order at the provider that held the device before a return that is now voided."""
    event, line, order = device_events.alias("held_event"), order_lines.alias("held_line"), orders.alias("held_order")
    return (
        select(order.c.order_number)
        .select_from(event.join(line, line.c.id == event.c.order_line_id).join(order, order.c.id == line.c.order_id))
        .where(
            event.c.device_id == device_id,
            event.c.effect == DeviceState.ENROLLED,
            order.c.request_type.in_(HOLDING),
            order.c.provider == provider,
        )
        .order_by(line.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
