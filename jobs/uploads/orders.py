"""Order lines that come from a workbook: judged and taken in like the rows of an order file.

One row of the workbook may ask for several order lines (a swap is a return and an order): it is
accepted with all of them or with none.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats.enrolment import RequestType
from formats.findings import FINDINGS_SCHEMA
from formats.judge import judge
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.template import ROW_FINDINGS, Rows
from jobs.intake import RESTS_ON, content_digests, judge_rows
from jobs.registry import Transaction

_PASSES = (RequestType.RETURN, RequestType.ORDER)


@dataclass(frozen=True)
class JudgedOrders:
    """`refused` and `known`: workbook rows; `lines`: what would be new, with `content_sha256`, one table per type."""

    findings: pa.Table
    refused: pa.Int64Array
    known: pa.Int64Array
    lines: tuple[pa.Table, ...]


def judge_orders(tx: Transaction, orders: pa.Table, providers: Collection[str]) -> JudgedOrders:
    """`orders`: the Order Dispatch columns and `row`."""
    verdict = judge(ORDER_DISPATCH, orders.drop_columns(["row"]), _flat(orders, "row"))
    sound = orders.filter(verdict.passed)
    findings = [verdict.findings]
    refused = [_flat(orders, "row").filter(pc.invert(verdict.passed))]
    known: list[pa.Int64Array] = []
    lines: list[pa.Table] = []
    for request_type in _PASSES:
        rows = sound.filter(pc.equal(sound["request_type"], request_type)).combine_chunks()
        if rows.num_rows == 0:
            continue
        digests = content_digests(rows)
        judged = judge_rows(rows, tx.intake.enrich(rows), digests, providers)
        numbers = _flat(rows, "row")
        known.append(numbers.filter(judged.duplicate))
        refused.append(numbers.filter(pc.invert(pc.or_(judged.accepted, judged.duplicate))))
        lines.append(rows.append_column("content_sha256", digests).filter(judged.accepted))
        findings.append(judged.findings)
    fresh = [_flat(table, "row") for table in lines]
    return JudgedOrders(
        _with_fact(pa.concat_tables(findings)), _joined(refused), _without(_joined(known), _joined(fresh)), tuple(lines)
    )


def order_faults(tx: Transaction, orders: pa.Table, providers: Collection[str], rows: Rows) -> pa.Table:
    """What the registry has against orders of rows that failed (ROW_FINDINGS), as far as their cells were read.

    Of a line that is on record nothing is said: once its cells are read it may be the very one.
    """
    parts = [FINDINGS_SCHEMA.empty_table()]
    for request_type in _PASSES:
        asked = orders.filter(pc.equal(orders["request_type"], request_type)).combine_chunks()
        if asked.num_rows == 0:
            continue
        known = tx.intake.enrich(asked)
        fresh = asked["row"].filter(pc.is_null(known["known_line_sha256"]))
        found = judge_rows(asked, known, content_digests(asked), providers).findings
        parts.append(found.filter(pc.is_in(found["row"], value_set=fresh.combine_chunks())))
    return _with_fact(_readable(pa.concat_tables(parts), rows))


def _readable(findings: pa.Table, rows: Rows) -> pa.Table:
    """Findings that rest on no cell that was refused. Of a column the template has not, any cell may be the source."""
    kept = [findings.slice(0, 0)]
    for column, code in set(zip(findings["column"].to_pylist(), findings["code"].to_pylist(), strict=True)):
        names = {column, *RESTS_ON.get(code, ())}
        theirs = set(rows.cleared.column_names)
        unread = rows.is_unread(*(names if names <= theirs else theirs))
        these = findings.filter(pc.and_(pc.equal(findings["column"], column), pc.equal(findings["code"], code)))
        kept.append(these.filter(pc.invert(pc.is_in(these["row"], value_set=rows.numbers.filter(unread)))))
    return pa.concat_tables(kept)


def take_in(tx: Transaction, judged: JudgedOrders, accepted: pa.Int64Array, file_id: int) -> None:
    """Insert the lines of the accepted rows."""
    for lines in judged.lines:
        kept = lines.filter(pc.is_in(lines["row"], value_set=accepted)).combine_chunks()
        if kept.num_rows:
            tx.intake.insert_rows(kept, file_id)


def _flat(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).combine_chunks()


def _joined(parts: list[pa.Int64Array]) -> pa.Int64Array:
    return pa.chunked_array(parts, pa.int64()).combine_chunks().unique()


def _without(left: pa.Int64Array, right: pa.Int64Array) -> pa.Int64Array:
    return left.filter(pc.invert(pc.is_in(left, value_set=right)))


def _with_fact(findings: pa.Table) -> pa.Table:
    return findings.append_column("fact", pa.nulls(findings.num_rows, pa.string())).cast(ROW_FINDINGS)
