"""Claiming: which waiting lines may go out now, and moving them into a batch.

A line may go if no older instruction on its device, and no older instruction on its order
number, is still open. The unique index `uq_lines_claim` is the last word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    and_,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from adapters.registry.bulk import fetch, staged
from adapters.registry.decisions import decide
from adapters.registry.tables import (
    customer_organisations,
    devices,
    lines,
    order_lines,
    orders,
)
from formats.enrolment import RequestType
from formats.generic.layout import REQUEST_DETAIL
from formats.identifiers import IDENTIFIER_COLUMNS, SECOND_IMEI
from jobs.states import LineState

OPEN = (LineState.WAITING, LineState.SEALED, LineState.SENT)

ELIGIBLE: tuple[tuple[str, pa.DataType], ...] = (
    ("order_line_id", pa.int64()),
    ("order_id", pa.int64()),
    ("customer_id", pa.int64()),
    ("request_type", pa.string()),
    ("order_number", pa.string()),
    ("device_id", pa.int64()),
    ("device_state", pa.string()),
    ("device_order", pa.string()),
    ("device_provider", pa.string()),
    ("device_customer_id", pa.int64()),
    ("line_number", pa.int64()),
)
"""Of the device: the order that holds it, where that is and whose."""

_DECIDING, _HOLDER = order_lines.alias("deciding_line"), orders.alias("holder")
_HELD = and_(devices.c.order_number.is_not(None), _DECIDING.c.id == devices.c.decided_by)


class Claims:
    """Waiting lines on their way into batches."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def eligible_lines(self, provider: str, order_number: str | None) -> pa.Table:
        """Waiting lines whose turn has come (`ELIGIBLE`), oldest order first; whole overrides and voids only."""
        opened = _opened()
        is_turn = and_(
            opened.c.state == LineState.WAITING,
            opened.c.id == opened.c.first_of_device,
            opened.c.lowest_order == opened.c.highest_order,
        )
        turn = case((is_turn, 1), else_=0)
        turns = select(
            opened, turn.label("turn"), func.min(turn).over(partition_by=opened.c.order_id).label("all_turn")
        ).subquery("turns")
        partly = turns.c.request_type.not_in((RequestType.OVERRIDE, RequestType.VOID))
        statement = (
            select(
                turns.c.id,
                turns.c.order_id,
                turns.c.customer_id,
                turns.c.request_type,
                turns.c.order_number,
                turns.c.device_id,
                devices.c.state,
                devices.c.order_number,
                _HOLDER.c.provider,
                _HOLDER.c.customer_id,
                turns.c.line_number,
            )
            .select_from(
                turns.join(devices, devices.c.id == turns.c.device_id)
                .outerjoin(_DECIDING, _HELD)
                .outerjoin(_HOLDER, _HOLDER.c.id == _DECIDING.c.order_id)
            )
            .where(turns.c.provider == provider, turns.c.turn == 1, or_(partly, turns.c.all_turn == 1))
            .order_by(turns.c.order_id, turns.c.id)
        )
        if order_number is not None:
            statement = statement.where(turns.c.order_number == order_number)
        return fetch(self._db, statement, ELIGIBLE)

    def request_details(self, line_ids: Sequence[int]) -> pa.Table:
        """The request records of these order lines (D layout without record type and line number),

        with `order_line_id` and `device_id`, in the order of `line_ids`.
        """
        chosen = pa.table(
            {"position": pa.array(range(len(line_ids)), pa.int64()), "id": pa.array(line_ids, pa.int64())}
        )
        names = [name for name in REQUEST_DETAIL.names if name not in ("record_type", "line_number")]
        sources = {
            "order_id": orders.c.order_number,
            "request_type": orders.c.request_type,
            "order_date": orders.c.order_date,
            "customer_id": customer_organisations.c.organisation_id,
            "po_number": orders.c.po_number,
            "delivery_number": order_lines.c.delivery_number,
            "ship_date": order_lines.c.ship_date,
            **{name: devices.c[name] for name in (*IDENTIFIER_COLUMNS, "manufacturer", "model")},
            "asset_tag": order_lines.c.asset_tag,
            "extensions": _extensions(),
        }
        with staged(self._db, "chosen_lines", chosen) as stage:
            source = (
                stage.join(order_lines, order_lines.c.id == stage.c.id)
                .join(orders, orders.c.id == order_lines.c.order_id)
                .join(devices, devices.c.id == order_lines.c.device_id)
                .outerjoin(
                    customer_organisations,
                    and_(
                        customer_organisations.c.customer_id == orders.c.customer_id,
                        customer_organisations.c.provider == orders.c.provider,
                    ),
                )
            )
            statement = (
                select(*(sources[name] for name in names), order_lines.c.id, order_lines.c.device_id)
                .select_from(source)
                .order_by(stage.c.position)
            )
            schema = [(name, pa.string()) for name in names]
            found = fetch(self._db, statement, [*schema, ("order_line_id", pa.int64()), ("device_id", pa.int64())])
        return found

    def settle_unsent(self, settled: Mapping[int, tuple[LineState, str | None]]) -> int:
        """Waiting lines that end without being sent: order line id → state and reason. Returns how many moved."""
        if not settled:
            return 0
        table = pa.table(
            {
                "id": pa.array(settled, pa.int64()),
                "state": pa.array([str(state) for state, _ in settled.values()], pa.string()),
                "reason": pa.array([reason for _, reason in settled.values()], pa.string()),
            }
        )
        with staged(self._db, "unsent_lines", table) as stage:
            moved = self._db.execute(
                update(order_lines)
                .where(order_lines.c.id == stage.c.id, order_lines.c.state == LineState.WAITING)
                .values(state=stage.c.state, reason=stage.c.reason)
            )
            decide(self._db, select(stage.c.id, stage.c.state, stage.c.reason))
        return moved.rowcount

    def claim(self, batch_id: int, claimed: pa.Table) -> int:
        """Put lines (order_line_id, device_id, device_key) into the batch; returns how many were WAITING."""
        table = claimed.select(["order_line_id", "device_id", "device_key"])
        table = table.append_column("batch_id", pa.array([batch_id] * table.num_rows, pa.int64()))
        table = table.append_column("line_number", pa.array(range(1, table.num_rows + 1), pa.int64()))
        with staged(self._db, "claimed", table) as stage:
            columns = ["batch_id", "line_number", "order_line_id", "device_id", "device_key"]
            self._db.execute(insert(lines).from_select(columns, select(*(stage.c[name] for name in columns))))
            moved = self._db.execute(
                update(order_lines)
                .where(order_lines.c.id == stage.c.order_line_id, order_lines.c.state == LineState.WAITING)
                .values(state=LineState.SEALED)
            )
        return moved.rowcount


def _opened() -> Subquery:
    """Every line that is still open, with the oldest one of its device and the orders of its number up to it."""
    # order ids do not tell the age: a new line may belong to an order that is older than an open void of it
    up_to_here: dict[str, Any] = {
        "partition_by": (orders.c.provider, orders.c.order_number),
        "order_by": order_lines.c.id,
    }
    return (
        select(
            order_lines.c.id,
            order_lines.c.order_id,
            order_lines.c.device_id,
            order_lines.c.state,
            order_lines.c.line_number,
            orders.c.provider,
            orders.c.customer_id,
            orders.c.request_type,
            orders.c.order_number,
            func.min(order_lines.c.id).over(partition_by=order_lines.c.device_id).label("first_of_device"),
            func.min(orders.c.id).over(**up_to_here).label("lowest_order"),
            func.max(orders.c.id).over(**up_to_here).label("highest_order"),
        )
        .select_from(order_lines.join(orders, orders.c.id == order_lines.c.order_id))
        .where(order_lines.c.state.in_(OPEN))
        .subquery("opened")
    )


def _extensions() -> ColumnElement[Any]:
    """The map of a record's further values: the second IMEI of its device, if it has one."""
    second = devices.c[SECOND_IMEI]
    return case(
        (second.is_not(None), literal('{"imei2":"').concat(second).concat('"}')), else_=order_lines.c.extensions
    )
