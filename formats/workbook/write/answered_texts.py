"""The words of an answered workbook: what is wrong with a row, what to do, and the note at a cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import CATALOGUE, Severity
from formats.schema import RecordSchema
from formats.workbook.layout import column_letters
from formats.workbook.write.answered import AnsweredWorkbook, RowState
from formats.workbook.write.book import fit

RESULTS = {
    RowState.NEW: "Passed: new",
    RowState.CHANGED: "Passed: changed",
    RowState.UNCHANGED: "Passed: unchanged",
    RowState.FAILED: "Failed",
    RowState.SAMPLE: "Example, passed over",
    RowState.UNJUDGED: "Not checked",
}
DRY_RESULTS = RESULTS | {
    RowState.NEW: "Would pass: new",
    RowState.CHANGED: "Would pass: changed",
    RowState.UNCHANGED: "Would pass: unchanged",
    RowState.FAILED: "Would fail",
}
_WARNING = "Warning: "
_SHOWN = 200  # characters of a cell in its note


def results(states: npt.NDArray[np.int8], dry_run: bool) -> pa.StringArray:
    """The word in the Result column of each row."""
    words = DRY_RESULTS if dry_run else RESULTS
    return pa.array([words[state] for state in RowState], pa.string()).take(pa.array(states))


def what_is_wrong(schema: RecordSchema, findings: pa.Table, rows: pa.Array) -> pa.StringArray:
    """One text for each of `rows`, null without a finding: a line for each finding, with its cell and its facts."""
    letters = _mapped(findings["column"], {name: column_letters(index) for index, name in enumerate(schema.names)})
    headings = _mapped(findings["column"], {column.name: column.heading for column in schema.columns})
    numbers = _flat(findings["row"]).cast(pa.string())
    cell = pc.fill_null(pc.binary_join_element_wise(letters, numbers, " ", headings, ": ", ""), "")
    prefix = _mapped(findings["code"], {code: _prefix(code) for code in CATALOGUE})
    title = _mapped(findings["code"], {code: kind.title for code, kind in CATALOGUE.items()})
    fact = pc.fill_null(pc.binary_join_element_wise(" (", _flat(findings["fact"]), ")", ""), "")
    return _by_row(findings["row"], pc.binary_join_element_wise(prefix, cell, title, fact, ""), rows)


def what_to_do(findings: pa.Table, rows: pa.Array) -> pa.StringArray:
    """One text for each of `rows`, null without a finding: the remedies, each of them once."""
    remedies = _mapped(findings["code"], {code: kind.remedy for code, kind in CATALOGUE.items()})
    numbers, kinds = _flat(findings["row"]).to_numpy(), remedies.dictionary_encode().indices.to_numpy()
    _, first = np.unique(numbers * len(CATALOGUE) + kinds, return_index=True)
    once = pa.array(np.sort(first))
    return _by_row(findings["row"].take(once), remedies.take(once), rows)


def cell_notes(schema: RecordSchema, answer: AnsweredWorkbook, limit: int) -> Iterator[tuple[int, int, str]]:
    """Row, index of the column and note of each cell with findings, up to a number of them."""
    of_cells = answer.of_rows().filter(pc.is_in(answer.of_rows()["column"], value_set=pa.array(schema.names)))
    notes: dict[tuple[int, str], list[str]] = {}
    for item in of_cells.slice(0, limit).to_pylist():
        kind = CATALOGUE[item["code"]]
        fact = f" ({item['fact']})" if item["fact"] else ""
        notes.setdefault((item["row"], item["column"]), []).append(
            f"{_prefix(item['code'])}{kind.title}{fact}.\nDo: {kind.remedy}"
        )
    places = pc.index_in(pa.array([row for row, _ in notes], pa.int64()), value_set=answer.row_numbers)
    for ((row, name), lines), place in zip(notes.items(), places.to_pylist(), strict=True):
        read = "(not shown)" if schema.column(name).secret else answer.cells[name][place].as_py()
        shown = "(blank)" if read is None else fit(read, _SHOWN, "…")
        yield row, schema.names.index(name), "\n\n".join([f"Read: {shown}", *dict.fromkeys(lines)])


def _prefix(code: str) -> str:
    return _WARNING if CATALOGUE[code].severity is Severity.WARNING else ""


def _mapped(keys: pa.ChunkedArray, texts: Mapping[str, str]) -> pa.StringArray:
    """The text of each key, null where there is none."""
    found = pc.index_in(_flat(keys), value_set=pa.array(texts.keys(), pa.string()))
    return pa.array(texts.values(), pa.string()).take(found)


def _by_row(numbers: pa.ChunkedArray, texts: pa.StringArray, rows: pa.Array) -> pa.StringArray:
    """The texts of each row as one, a line each; `numbers` rise."""
    known, first = np.unique(_flat(numbers).to_numpy(), return_index=True)
    offsets = pa.array([*first, len(texts)], pa.int32())
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), "\n")
    return joined.take(pc.index_in(rows, value_set=pa.array(known, rows.type)))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
