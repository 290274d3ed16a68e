"""The heading of a sheet, held against the template's: all columns, their names, their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import pyarrow.compute as pc

from formats.schema import RecordSchema
from formats.workbook.layout import ANSWER_COLUMNS, HEADING_ROW, column_letters
from formats.workbook.read.grid import Grid

_LOOKED_THROUGH = 20  # rows in which headings are looked for that do not stand in the first one
_NOTHING: Mapping[int, str] = {}


class HeadingFault(NamedTuple):
    """`column`: the template's column, if the fault is about one; `fact`: the cell and what stands in it."""

    code: str
    column: str | None
    fact: str


def spelled(heading: str) -> str:
    """A heading as it is compared: blanks collapsed, the star of a required column taken off."""
    return " ".join(heading.split()).rstrip("*").rstrip()


def headings(grid: Grid, at_row: int = HEADING_ROW) -> list[str]:
    """The headings of the sheet, as compared, without trailing columns that are empty."""
    row = grid.where(pc.equal(grid.rows, at_row))
    texts = [pc.utf8_normalize(row.text(at), form="NFKC").to_pylist() for at in range(grid.width)]
    found = [spelled(text[0]) if text else "" for text in texts]
    while found and not found[-1] and _is_empty(grid, len(found) - 1):
        found.pop()
    return found


def _is_empty(grid: Grid, column: int) -> bool:
    return not pc.any(pc.not_equal(pc.utf8_trim_whitespace(grid.text(column)), "")).as_py()


def unnamed(grid: Grid, found: Sequence[str]) -> dict[int, str]:
    """By the column without a heading: the first cell below that holds something, "" where none does."""
    cells: dict[int, str] = {}
    for at in (at for at, name in enumerate(found) if not name):
        filled = grid.where(pc.not_equal(pc.utf8_trim_whitespace(grid.text(at)), ""))
        cells[at] = f"{column_letters(at)}{filled.rows[0]}" if len(filled.rows) else ""
    return cells


def headings_below(schema: RecordSchema, grid: Grid) -> int | None:
    """The row the headings stand in, if it is not the first one but one soon after it."""
    known = _known(schema)
    count = [
        sum(name in known for name in headings(grid, row)) for row in range(HEADING_ROW, HEADING_ROW + _LOOKED_THROUGH)
    ]
    best = max(count)
    return None if best * 2 < len(schema.columns) or best == count[0] else HEADING_ROW + count.index(best)


def _known(schema: RecordSchema) -> dict[str, int]:
    return {spelled(name): at for at, column in enumerate(schema.columns) for name in (column.heading, *column.aliases)}


def heading_faults(
    schema: RecordSchema, found: Sequence[str], below: Mapping[int, str] = _NOTHING
) -> list[HeadingFault]:
    """Every way in which the headings differ from the template's, from left to right.

    Behind the template's columns those of an answer may stand, and empty ones. `below`: see `unnamed`.
    """
    known = _known(schema)
    columns = [known.get(name, -1 - at) for at, name in enumerate(found)]  # a negative number: none of ours
    expected = list(range(len(schema.columns)))
    faults: list[tuple[int, HeadingFault]] = []
    last = max((at for at, column in enumerate(columns) if column >= 0), default=-1)
    ours = {*ANSWER_COLUMNS, *([""] if below else [])}
    answer = {at for at, name in enumerate(found) if at > last and name in ours and not below.get(at)}
    shown = [_shown(name, below.get(at)) for at, name in enumerate(found)]
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
            faults += _differences(schema, shown, start, lacking, strange)
            faults += [
                (at, _at(schema, "HEADING_ORDER", at, columns[at], f"{found[at]!r} belongs in {_cell(columns[at])}"))
                for at in moved
            ]
    return [fault for _, fault in sorted(faults, key=lambda placed: placed[0])]


def _differences(
    schema: RecordSchema, shown: Sequence[str], start: int, lacking: list[int], strange: list[int]
) -> list[tuple[int, HeadingFault]]:
    """A strange heading where one is lacking is that one, renamed."""
    faults = []
    both = min(len(lacking), len(strange))
    for column, at in zip(lacking, strange, strict=False):
        wanted = schema.columns[column].heading
        faults.append((at, _at(schema, "HEADING_RENAMED", at, column, f"{shown[at]} instead of {wanted!r}")))
    for column in lacking[both:]:
        wanted = schema.columns[column].heading
        faults.append((start, _at(schema, "HEADING_MISSING", column, column, f"{wanted!r} is missing")))
    for at in strange[both:]:
        faults.append((at, HeadingFault("HEADING_EXTRA", None, f"{_cell(at)}: {shown[at]}")))
    return faults


def _at(schema: RecordSchema, code: str, at: int, column: int, text: str) -> HeadingFault:
    """One that stands elsewhere than in the template has no column: a reader would look for it there."""
    elsewhere = column != at and code in ("HEADING_ORDER", "HEADING_TWICE")
    name = None if elsewhere or column < 0 else schema.columns[column].name
    return HeadingFault(code, name, f"{_cell(at)}: {text}")


def _cell(column: int) -> str:
    return f"{column_letters(column)}{HEADING_ROW}"


def _shown(heading: str, filled: str | None) -> str:
    """`filled`: the first cell below, of a column without a heading."""
    if heading:
        return repr(heading[:80])
    return f"no heading, but {filled} holds something" if filled else "no heading"
