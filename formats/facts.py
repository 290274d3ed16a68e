"""What the findings of an upload say beside their code: what was read in the cell, and which other row has it.

Only what the submitter wrote, and never a secret.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Kind, RecordSchema, UniqueTogether

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
        if column.kind is Kind.CHOICE and len(column.choices) <= _SHOWN_CHOICES:
            listed = pc.binary_join_element_wise(read, f"; allowed: {', '.join(column.choices)}", "")
            read = pc.if_else(pc.equal(codes, "CELL_CHOICE"), listed, read)
        facts = pc.if_else(here, read, facts)
    return findings.set_column(findings.column_names.index("fact"), "fact", facts)


def with_other_rows(schema: RecordSchema, table: pa.Table, findings: pa.Table) -> pa.Table:
    """`findings` of rows that repeat each other, with the row that has the same."""
    facts = _flat(findings["fact"])
    for rule in schema.rules:
        if not isinstance(rule, UniqueTogether) or schema.column(rule.columns[0]).secret:
            continue
        here = pc.and_(pc.equal(findings["column"], rule.columns[0]), pc.equal(findings["code"], "ROW_DUPLICATE"))
        at = np.flatnonzero(pc.fill_null(_flat(here), False).to_numpy(zero_copy_only=False))
        if not len(at):
            continue
        rows = _flat(findings["row"]).take(pa.array(at))
        places = pc.index_in(rows, value_set=_flat(table["row"]))
        keys = [_flat(table[name]).take(places) for name in rule.columns]
        said = np.full(len(facts), None, dtype=object)
        said[at] = also_in(rows, pc.binary_join_element_wise(*keys, "\x1f"), _shortened(keys[0])).to_pylist()
        facts = pc.coalesce(pa.array(said, pa.string()), facts)
    return findings.set_column(findings.column_names.index("fact"), "fact", facts)


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
