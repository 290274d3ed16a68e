"""The heading of a sheet, held against the template's: all columns, their names, their order."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import pyarrow.compute as pc

from formats.schema import RecordSchema
from formats.workbook.grid import Grid
from formats.workbook.layout import ANSWER_COLUMNS, HEADING_ROW, column_letters


class HeadingFault(NamedTuple):
    """`column`: the template's column, if the fault is about one; `fact`: the cell and what stands in it."""

    code: str
    column: str | None
    fact: str


def spelled(heading: str) -> str:
    """A heading as it is compared: blanks collapsed, the star of a required column taken off."""
    return " ".join(heading.split()).rstrip("*").rstrip()


def headings(grid: Grid) -> list[str]:
    """The headings of the sheet, as compared, without trailing columns that are empty."""
    first = pc.equal(grid.rows, HEADING_ROW)
    row = grid.where(first)
    texts = [pc.utf8_normalize(row.text(at), form="NFKC").to_pylist() for at in range(grid.width)]
    found = [spelled(text[0]) if text else "" for text in texts]
    while found and not found[-1] and _is_empty(grid, len(found) - 1):
        found.pop()
    return found


def _is_empty(grid: Grid, column: int) -> bool:
    return not pc.any(pc.not_equal(pc.utf8_trim_whitespace(grid.text(column)), "")).as_py()


def heading_faults(schema: RecordSchema, found: Sequence[str]) -> list[HeadingFault]:
    """Every way in which the headings differ from the template's, from left to right.

    Behind the template's columns those of an answer may stand.
    """
    known = {
        spelled(name): at for at, column in enumerate(schema.columns) for name in (column.heading, *column.aliases)
    }
    columns = [known.get(name, -1 - at) for at, name in enumerate(found)]  # a negative number: none of ours
    expected = list(range(len(schema.columns)))
    faults: list[tuple[int, HeadingFault]] = []
    last = max((at for at, column in enumerate(columns) if column >= 0), default=-1)
    answer = {at for at, name in enumerate(found) if at > last and name in ANSWER_COLUMNS}
    seen: set[int] = set()
    for at, column in enumerate(columns):
        if column in seen:
            faults.append((at, _at(schema, "HEADING_TWICE", at, column, f"{found[at]!r} stands twice")))
        seen.add(column)
    for step, low, high, start, end in SequenceMatcher(None, expected, columns, autojunk=False).get_opcodes():
        if step != "equal":
            lacking = [column for column in expected[low:high] if column not in seen]
            strange = [at for at in range(start, end) if columns[at] < 0 and at not in answer]
            moved = [at for at in range(start, end) if columns[at] >= 0 and columns.count(columns[at]) == 1]
            faults += _differences(schema, found, start, lacking, strange)
            faults += [
                (at, _at(schema, "HEADING_ORDER", at, columns[at], f"{found[at]!r} belongs in {_cell(columns[at])}"))
                for at in moved
            ]
    return [fault for _, fault in sorted(faults, key=lambda placed: placed[0])]


def _differences(
    schema: RecordSchema, found: Sequence[str], start: int, lacking: list[int], strange: list[int]
) -> list[tuple[int, HeadingFault]]:
    """A strange heading where one is lacking is that one, renamed."""
    faults = []
    both = min(len(lacking), len(strange))
    for column, at in zip(lacking, strange, strict=False):
        wanted = schema.columns[column].heading
        faults.append((at, _at(schema, "HEADING_RENAMED", at, column, f"{_shown(found[at])} instead of {wanted!r}")))
    for column in lacking[both:]:
        wanted = schema.columns[column].heading
        faults.append((start, _at(schema, "HEADING_MISSING", column, column, f"{wanted!r} is missing")))
    for at in strange[both:]:
        faults.append((at, HeadingFault("HEADING_EXTRA", None, f"{_cell(at)}: {_shown(found[at])}")))
    return faults


def _at(schema: RecordSchema, code: str, at: int, column: int, text: str) -> HeadingFault:
    name = schema.columns[column].name if column >= 0 else None
    return HeadingFault(code, name, f"{_cell(at)}: {text}")


def _cell(column: int) -> str:
    return f"{column_letters(column)}{HEADING_ROW}"


def _shown(heading: str) -> str:
    return repr(heading[:80]) if heading else "no heading"
