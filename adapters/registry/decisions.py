"""What decided a line: the outcome that was applied, or a decision of our own, newest first."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, exists, func, insert, select

from adapters.registry.tables import line_decisions, order_lines, outcomes
from jobs.states import LineState

_OPEN = (LineState.WAITING, LineState.SEALED, LineState.SENT)
_UNDECIDED = "OPEN"


def decide(connection: Connection, decided: Select[Any]) -> None:
    """Record why lines are what they are: order line id, state, reason."""
    connection.execute(insert(line_decisions).from_select(["order_line_id", "state", "reason"], decided))


def undecided(chosen: ColumnElement[bool]) -> Select[Any]:
    """The chosen lines without a decision, for `decide`."""
    known = exists().where(line_decisions.c.order_line_id == order_lines.c.id)
    return select(order_lines.c.id, order_lines.c.state, order_lines.c.reason).where(chosen, ~known)


def agreeing() -> Select[Any]:
    """How many lines are in the state their decision says, and open without one."""
    newest = (
        select(line_decisions.c.order_line_id, func.max(line_decisions.c.id).label("id"))
        .group_by(line_decisions.c.order_line_id)
        .subquery("newest")
    )
    applied = outcomes.alias("applied")
    source = (
        order_lines.outerjoin(newest, newest.c.order_line_id == order_lines.c.id)
        .outerjoin(line_decisions, line_decisions.c.id == newest.c.id)
        .outerjoin(applied, (applied.c.order_line_id == order_lines.c.id) & applied.c.applied)
    )
    said = func.coalesce(line_decisions.c.state, applied.c.line_state, _UNDECIDED)
    stands = case((order_lines.c.state.in_(_OPEN), _UNDECIDED), else_=order_lines.c.state)
    return select(func.count()).select_from(source).where(said == stands)
