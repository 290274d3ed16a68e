"""Rows whose cells were refused: what the registry has against them, too, so that all comes in one round."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats.facts import with_facts
from formats.findings import CATALOGUE, Severity
from formats.template import ROW_FINDINGS, Rows
from jobs.registry import Transaction
from jobs.uploads.chunks import Desk, scope_faults, told
from jobs.uploads.orders import order_faults


def further_findings(tx: Transaction, desk: Desk, failed: Rows, found: pa.Table) -> pa.Table:
    """ROW_FINDINGS of the `failed` rows beside those `found` already; nothing is written.

    To be asked once the sound rows of the chunk are written: it is what the next round would say. A cell that was
    refused is empty, and nothing that rests on it is found; a row that was refused as a whole is left out.
    """
    refused = _errors(found)
    whole = refused.filter(pc.is_null(refused["column"]))["row"].combine_chunks()
    rows = failed.where(pc.invert(pc.is_in(failed.numbers, value_set=whole))).without(refused)
    if not len(rows):
        return ROW_FINDINGS.empty_table()
    known = tx.records.known(rows.table, desk.template.lookups)
    plan = desk.template.plan(rows, known, desk.rules)
    parts = [scope_faults(desk, rows, known, plan).findings, plan.findings]
    if plan.orders is not None:
        parts.append(order_faults(tx, plan.orders, desk.providers, rows))
    return with_facts(desk.template.schema, rows.table, told(desk, pa.concat_tables(parts).cast(ROW_FINDINGS)))


def _errors(findings: pa.Table) -> pa.Table:
    codes = [code for code, kind in CATALOGUE.items() if kind.severity is Severity.ERROR]
    return findings.filter(pc.is_in(findings["code"], value_set=pa.array(codes, pa.string())))
