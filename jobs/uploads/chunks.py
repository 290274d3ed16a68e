"""One chunk of an upload: what its rows come to, and the writes, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from formats.facts import with_facts
from formats.template import ROW_FINDINGS, Effect, Faults, Known, Plan, Rows, Rules, Template
from formats.upload_findings import NAMING_OTHERS
from jobs.registry import Transaction
from jobs.upload import Uploader
from jobs.uploads.orders import JudgedOrders, judge_orders, take_in


@dataclass(frozen=True)
class Desk:
    """What every chunk of one upload is judged by."""

    template: Template
    uploader: Uploader
    rules: Rules
    providers: Collection[str]
    file_id: int


@dataclass(frozen=True)
class Dealt:
    """`rows`: `row` and `effect` of every row of the chunk; `findings`: ROW_FINDINGS the chunk added."""

    rows: pa.Table
    findings: pa.Table


def deal(tx: Transaction, desk: Desk, chunk: Rows, passed: pa.BooleanArray) -> Dealt:
    """Plan and write the rows of `chunk` that `passed`; the others count as failed."""
    rows = chunk.where(passed)
    known = tx.records.known(rows.table, desk.template.lookups)
    plan = desk.template.plan(rows, known, desk.rules)
    scope = scope_faults(desk, rows, known, plan)
    orders = None if plan.orders is None else judge_orders(tx, plan.orders, desk.providers)
    findings = pa.concat_tables([scope.findings, plan.findings, *([orders.findings] if orders else [])])
    accepted = _accepted(rows, scope, plan, orders)
    for write in plan.writes:
        kept = write.rows.filter(pc.is_in(write.rows["row"], value_set=accepted))
        if kept.num_rows:
            tx.records.write(replace(write, rows=kept.drop_columns(["row"])))
    if orders is not None:
        take_in(tx, orders, accepted, desk.file_id)
    findings = with_facts(desk.template.schema, rows.table, told(desk, findings.cast(ROW_FINDINGS)))
    return Dealt(_effects(chunk, rows, plan, accepted, orders), findings)


def told(desk: Desk, findings: pa.Table) -> pa.Table:
    """An uploader of one customer does not learn which record of another has the part."""
    if desk.uploader.customer_id is None:
        return findings
    naming = pc.is_in(findings["code"], value_set=pa.array(NAMING_OTHERS, pa.string()))
    facts = pc.if_else(naming, pa.scalar(None, pa.string()), findings["fact"])
    return findings.set_column(findings.column_names.index("fact"), ROW_FINDINGS.field("fact"), facts)


def scope_faults(desk: Desk, rows: Rows, known: Known, plan: Plan) -> Faults:
    """C98: an uploader of one customer may touch only what is known to be that customer's, before the row and after."""
    faults = Faults(rows)
    own = desk.uploader.customer_id
    if own is None:
        return faults
    theirs = other = pa.repeat(False, len(rows))
    for path in (*desk.template.owners, *desk.template.touched):
        lookup, _, field = path.partition(".")
        is_own = _is(known[lookup].column(field), own)
        theirs = pc.or_(theirs, is_own) if path in desk.template.owners else theirs
        touched = _flat(pc.greater(known[lookup].column("matches"), 0))
        other = pc.or_(other, pc.and_not(touched, is_own))
    outside = pc.invert(theirs)
    if plan.owner is not None:
        outside = pc.or_(outside, pc.invert(_is(plan.owner, own)))
    outside = pc.and_not(outside, rows.is_unread(*_told_by(desk.template)))
    faults.add("SCOPE_FORBIDDEN", desk.template.schema.names[0], pc.or_(other, outside))
    return faults


def _told_by(template: Template) -> set[str]:
    """The columns that say whose a row is."""
    lookups = (template.lookups[path.partition(".")[0]] for path in template.owners)
    return {name for lookup in lookups for name in lookup.on.values()}


def _is(owners: pa.Array | pa.ChunkedArray, own: int) -> pa.BooleanArray:
    return pc.fill_null(pc.equal(_flat(owners), own), False)


def _flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _accepted(rows: Rows, scope: Faults, plan: Plan, orders: JudgedOrders | None) -> pa.Int64Array:
    failed = plan.failed
    if orders is not None:
        failed = pa.chunked_array([failed, orders.refused], pa.int64()).combine_chunks()
    sound = pc.and_(scope.passed, pc.invert(pc.is_in(rows.numbers, value_set=failed)))
    return rows.numbers.filter(sound)


def _effects(chunk: Rows, rows: Rows, plan: Plan, accepted: pa.Int64Array, orders: JudgedOrders | None) -> pa.Table:
    """The effect of every row of the chunk; an order that is known already changes nothing."""
    position = pc.index_in(chunk.numbers, value_set=rows.numbers)
    effects = plan.effects.take(position)
    if orders is not None:
        effects = pc.if_else(pc.is_in(chunk.numbers, value_set=orders.known), Effect.UNCHANGED.value, effects)
    sound = pc.is_in(chunk.numbers, value_set=accepted)
    return pa.table({"row": chunk.numbers, "effect": pc.if_else(sound, effects, Effect.FAILED.value)})
