"""What the findings of an upload say beside their code: what was read in the cell, and which other row has it.

Only what the submitter wrote, and never a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.checks import columns_of as _columns
from formats.schema import PLAIN_TEXT, Kind, NotBefore, RecordSchema, RequiredWhen, UniqueTogether

_SHOWN = 60  # characters of a cell
_SHOWN_CHOICES = 12


def with_facts(schema: RecordSchema, table: pa.Table, findings: pa.Table) -> pa.Table:
    """`findings` (ROW_FINDINGS) with the cell that was read wherever a fact is missing.

    `table`: the schema's columns as text, and `row`.
    """
    places = _flat(pc.index_in(findings["row"], value_set=_flat(table["row"])))
    facts, lacking = _flat(findings["fact"]), _flat(pc.is_null(findings["fact"]))
    codes = _flat(findings["code"])
    for column in schema.columns:
        here = pc.and_(lacking, pc.fill_null(_flat(pc.equal(findings["column"], column.name)), False))
        if column.secret or not pc.any(here).as_py():
            continue
        cells = _flat(table[column.name]).take(places)
        read = _shortened(cells)
        too_long = pc.equal(codes, "CELL_LENGTH")
        sizes = pc.binary_join_element_wise(pc.utf8_length(cells).cast(pa.string()), " characters: ", read, "")
        read = pc.if_else(too_long, sizes, read)
        if column.pattern != PLAIN_TEXT:
            like = pc.binary_join_element_wise(read, f"; write it like {column.example}", "")
            read = pc.if_else(pc.equal(codes, "CELL_PATTERN"), like, read)
        if column.kind is Kind.CHOICE and len(column.choices) <= _SHOWN_CHOICES:
            listed = pc.binary_join_element_wise(read, f"; allowed: {', '.join(column.choices)}", "")
            read = pc.if_else(pc.equal(codes, "CELL_CHOICE"), listed, read)
        facts = pc.if_else(here, read, facts)
    return findings.set_column(findings.column_names.index("fact"), "fact", facts)


def with_rule_facts(schema: RecordSchema, table: pa.Table, findings: pa.Table) -> pa.Table:
    """`findings` of rules across columns or rows, with the other side of each: a row, a date, a choice."""
    facts = _flat(findings["fact"])
    for rule in schema.rules:
        tells = _TELLERS.get(type(rule))
        if tells is None or any(schema.column(name).secret for name in _columns(rule)):
            continue
        code, tell = tells
        first = _columns(rule)[0]
        here = pc.and_(pc.equal(findings["column"], first), pc.equal(findings["code"], code))
        at = np.flatnonzero(pc.fill_null(_flat(here), False).to_numpy(zero_copy_only=False))
        if len(at):
            rows = _flat(findings["row"]).take(pa.array(at))
            cells = table.take(pc.index_in(rows, value_set=_flat(table["row"]))).combine_chunks()
            said = np.full(len(facts), None, dtype=object)
            said[at] = tell(schema, rule, cells).to_pylist()
            facts = pc.coalesce(facts, pa.array(said, pa.string()))
    return findings.set_column(findings.column_names.index("fact"), "fact", facts)


def _repeated(schema: RecordSchema, rule: UniqueTogether, cells: pa.Table) -> pa.StringArray:
    keys = [_flat(cells[name]) for name in rule.columns]
    shown = [_shortened(key) for key in keys]
    if len(keys) > 1:
        headings = [f"{schema.column(name).heading} " for name in rule.columns]
        shown = [pc.binary_join_element_wise(head, key, "") for head, key in zip(headings, shown, strict=True)]
    key, value = (pc.binary_join_element_wise(*parts, sign) for parts, sign in ((keys, "\x1f"), (shown, ", ")))
    return also_in(_flat(cells["row"]), key, value)


def _too_early(_: RecordSchema, rule: NotBefore, cells: pa.Table) -> pa.StringArray:
    day, other = _flat(cells[rule.column]), _flat(cells[rule.other])
    said = pc.binary_join_element_wise(day, other, " is before ")
    return pc.if_else(pc.less(day, other), said, pa.scalar(None, pa.string()))


def _needed(schema: RecordSchema, rule: RequiredWhen, cells: pa.Table) -> pa.StringArray:
    why = _flat(cells[rule.when])
    said = pc.binary_join_element_wise(f"needed where {schema.column(rule.when).heading} is ", why, "")
    return pc.if_else(pc.is_in(why, value_set=pa.array(rule.values)), said, pa.scalar(None, pa.string()))


_TELLERS: Mapping[type, tuple[str, Callable[..., pa.StringArray]]] = {
    UniqueTogether: ("ROW_DUPLICATE", _repeated),
    NotBefore: ("DATE_ORDER", _too_early),
    RequiredWhen: ("CELL_EMPTY", _needed),
}


def also_in(rows: pa.Int64Array, keys: pa.StringArray, cells: pa.StringArray) -> pa.StringArray:
    """`MVH002654, also in row 4` for each of `rows`: the first other one with the same key, and how many more."""
    codes = keys.dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    numbers = rows.to_numpy()
    order = np.lexsort((numbers, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=codes[order][:1] - 1))
    sizes = np.diff(starts, append=len(order))
    first, second = numbers[order[starts]], numbers[order[np.minimum(starts + 1, len(order) - 1)]]
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.repeat(np.arange(len(starts)), sizes)
    other = np.where(numbers == first[group], second[group], first[group])
    more = pa.array(sizes[group] - 2)
    rest = pc.if_else(
        pc.greater(more, 0), pc.binary_join_element_wise(" and ", more.cast(pa.string()), " more", ""), ""
    )
    named = pc.binary_join_element_wise(cells, ", also in row ", pa.array(other).cast(pa.string()), rest, "")
    return pc.if_else(pc.greater_equal(more, 0), named, cells)


def _shortened(cells: pa.StringArray) -> pa.StringArray:
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(cells, 0, _SHOWN), "…", "")
    return pc.if_else(pc.greater(pc.utf8_length(cells), _SHOWN), cut, cells)


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
