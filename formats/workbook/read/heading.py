"""The heading of a sheet, held against the template's: all columns, their names, their order.

Blanks, line breaks, letter case and characters nobody sees do not matter, nor does the order.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import RecordSchema
from formats.texts import character
from formats.workbook.layout import ANSWER_COLUMNS, HEADING_ROW, column_letters
from formats.workbook.read.grid import Grid, grid_schema

_LOOKED_THROUGH = 20  # rows in which headings are looked for that do not stand in the first one
_UNSEEN = ("Cc", "Cf", "Co", "Cs")
_NOTHING: Mapping[int, str] = {}


class HeadingFault(NamedTuple):
    """`column`: the template's column, if the fault is about one; `fact`: the cell and what stands in it."""

    code: str
    column: str | None
    fact: str


def spelled(heading: str) -> str:
    """A heading as it is shown: blanks collapsed, nothing invisible, the star of a required column taken off."""
    plain = unicodedata.normalize("NFKC", heading)
    seen = "".join(sign for sign in plain if unicodedata.category(sign) not in _UNSEEN or sign.isspace())
    return " ".join(seen.split()).rstrip("*").rstrip()


def _key(heading: str) -> str:
    """A heading as it is compared."""
    return spelled(heading).casefold()


def headings(grid: Grid, at_row: int = HEADING_ROW) -> list[str]:
    """The headings of the sheet, as `spelled`, without trailing columns that are empty."""
    row = grid.where(pc.equal(grid.rows, at_row))
    texts = [row.text(at).to_pylist() for at in range(grid.width)]
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
        sum(_key(name) in known for name in headings(grid, row))
        for row in range(HEADING_ROW, HEADING_ROW + _LOOKED_THROUGH)
    ]
    best = max(count)
    return None if best * 2 < len(schema.columns) or best == count[0] else HEADING_ROW + count.index(best)


def _known(schema: RecordSchema) -> dict[str, int]:
    return {_key(name): at for at, column in enumerate(schema.columns) for name in (column.heading, *column.aliases)}


def in_order(schema: RecordSchema, grid: Grid) -> Grid:
    """The template's columns alone, in its order; the heading is a right one."""
    known = _known(schema)
    places = {known[_key(name)]: at for at, name in enumerate(headings(grid)) if _key(name) in known}
    order = [places[column] for column in range(len(schema.columns))]
    if order == list(range(len(order))):
        return grid
    hidden = [column for column, at in enumerate(order) if any(low <= at <= high for low, high in grid.hidden_columns)]
    cells = [array for at in order for array in (grid.text(at), pa.array(grid.marks(at)), grid.shown(at))]
    table = pa.table([grid.rows, grid.hidden, *cells], schema=grid_schema(len(order)))
    return Grid(table, len(order), tuple((column, column) for column in hidden))


def heading_faults(
    schema: RecordSchema, found: Sequence[str], below: Mapping[int, str] = _NOTHING
) -> list[HeadingFault]:
    """Every way in which the headings differ from the template's, from left to right; another order is a warning.

    Behind the template's columns those of an answer may stand, and empty ones. `below`: see `unnamed`.
    """
    known = _known(schema)
    columns = [known.get(_key(name), -1 - at) for at, name in enumerate(found)]  # a negative number: none of ours
    expected = list(range(len(schema.columns)))
    faults: list[tuple[int, HeadingFault]] = []
    last = max((at for at, column in enumerate(columns) if column >= 0), default=-1)
    ours = {*map(_key, ANSWER_COLUMNS), *([""] if below else [])}
    answer = {at for at, name in enumerate(found) if at > last and _key(name) in ours and not below.get(at)}
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
        odd = next((at for at, sign in enumerate(heading) if not sign.isascii()), None)
        note = "" if odd is None else f" with {character(heading[odd])} at {odd + 1}"
        return repr(heading[:80]) + note
    return f"no heading, but {filled} holds something" if filled else "no heading"
