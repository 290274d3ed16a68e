"""The values of one sheet, read with calamine into text and marks.

What a number was is kept to the digit: whole numbers below 10^15 as digits, others in the shortest
form that means the same number, never with an exponent.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, load_workbook

from formats.workbook.read.choice import chosen
from formats.workbook.read.grid import FORMULA, Grid, Mark, Marks, SheetName, Workbook, grid_schema
from formats.workbook.read.inspection import COLUMN_BITS, LAST_COLUMN, Refused, SheetFacts, WorkbookLimits
from formats.workbook.read.preflight import inspect
from formats.workbook.read.shown import shown_texts
from formats.workbook.read.text_file import read_text_file

_BLOCK = 16_384  # rows at a time: Python's objects are ten times the size of Arrow's
_WHOLE = 1e15
_EXACT_DIGITS = 15
_KINDS: dict[type, int] = {
    str: Mark.TEXT,
    float: Mark.NUMBER,
    int: Mark.NUMBER,
    bool: Mark.BOOL,
    date: Mark.DATE,
    datetime: Mark.DATETIME,
    time: Mark.TIME,
    timedelta: Mark.TIME,
}


def read_workbook(data: bytes, title: str, limits: WorkbookLimits) -> Workbook:
    """Inspect the workbook and read the sheet that `choice.chosen` takes for `title`; delimited text is one sheet.

    Aborts the process for some workbooks that get past the inspection: run it in a child only.
    """
    if len(data) <= limits.packed and (text := read_text_file(data, title, limits)):
        return text
    inspection = inspect(data, limits)
    sheets = tuple(SheetName(sheet.name, sheet.visible, sheet.has_data) for sheet in inspection.sheets)
    workbook = Workbook(inspection.faults, sheets, inspection.template, inspection.date1904)
    name = None if workbook.faults else chosen(sheets, title)
    if name is None:
        return workbook
    facts = next(sheet for sheet in inspection.sheets if sheet.name == name)
    try:
        grid = read_grid(data, facts, limits, inspection.forms)
    except Refused as refusal:
        return Workbook(faults=(refusal.fault,))
    return Workbook((), sheets, inspection.template, inspection.date1904, name, grid)


def read_grid(data: bytes, facts: SheetFacts, limits: WorkbookLimits, forms: Sequence[str] = ()) -> Grid:
    """All rows of a sheet down to its last value. `forms`: see `Inspection`. Raises Refused."""
    try:
        with load_workbook(io.BytesIO(data)) as workbook:
            sheet = workbook.get_sheet_by_name(facts.name)
            height, width = _extent(sheet, limits)
            blocks = [_block(rows, width) for rows in _blocks(sheet.iter_rows(), height)]
    except CalamineError as fault:
        raise Refused("WORKBOOK_DAMAGED") from fault
    cells = pa.concat_tables([_block_schema(width).empty_table(), *blocks]).combine_chunks()
    numbers = np.arange(1, cells.num_rows + 1)
    hidden = np.isin(numbers, np.frombuffer(facts.hidden_rows, dtype=np.int64))
    columns = [pa.array(numbers), pa.array(hidden)]
    marks = np.empty((width, cells.num_rows), dtype=np.int8)
    for at in range(width):
        marks[at] = cells.column(f"mark{at}").to_numpy()
    _overlay(marks, facts)
    texts = [cells.column(f"text{at}").combine_chunks() for at in range(width)]
    shown = shown_texts(texts, marks, facts, forms)
    for at in range(width):
        columns += [texts[at], pa.array(marks[at]), shown[at]]
    hidden_columns = tuple((first, last) for first, last in facts.hidden_columns if first < width)
    return Grid(pa.table(columns, schema=grid_schema(width)), width, hidden_columns)


def _extent(sheet: CalamineSheet, limits: WorkbookLimits) -> tuple[int, int]:
    """Rows and columns from the first cell of the sheet on. Raises Refused."""
    if sheet.end is None:
        return 0, 0
    height, width = sheet.end[0] + 1, sheet.end[1] + 1
    if height > limits.rows + 1:
        raise Refused("WORKBOOK_TOO_MANY_ROWS", f"{sheet.name}: {height - 1} rows, at most {limits.rows}")
    if width > limits.columns:
        raise Refused("WORKBOOK_TOO_WIDE", f"{sheet.name}: {width} columns")
    return height, width


def _blocks(rows: Iterator[list[Any]], height: int) -> Iterator[list[list[Any]]]:
    rows = islice(rows, height)
    while block := list(islice(rows, _BLOCK)):
        yield block


def _block(rows: list[list[Any]], width: int) -> pa.Table:
    columns: list[pa.Array] = []
    for values in zip(*rows, strict=True):
        columns += _column(values)
    return pa.table(columns, schema=_block_schema(width))


def _block_schema(width: int) -> pa.Schema:
    return pa.schema([cell for cell in grid_schema(width) if cell.name.startswith(("text", "mark"))])


def _column(values: tuple[Any, ...]) -> list[pa.Array]:
    marks = np.fromiter(map(_KINDS.__getitem__, map(type, values)), dtype=np.int8, count=len(values))
    texts: list[Any] = list(values)
    numbers = np.flatnonzero(marks == Mark.NUMBER)
    if len(numbers):
        _write_numbers(texts, marks, numbers)
    days = np.flatnonzero(marks == Mark.DATE)
    if len(days):
        _write_days(texts, days)
    for at in np.flatnonzero(marks > Mark.DATE).tolist():
        texts[at], marks[at] = _other(texts[at])
    text = pa.array(texts, pa.string())
    empty = (marks == Mark.TEXT) & (pa.compute.binary_length(text).to_numpy() == 0)
    marks[empty] = Mark.EMPTY
    return [text, pa.array(marks)]


def _write_numbers(texts: list[Any], marks: Marks, places: npt.NDArray[np.intp]) -> None:
    numbers = np.array([texts[at] for at in places.tolist()], dtype=np.float64)
    whole = (np.abs(numbers) < _WHOLE) & (numbers == np.floor(numbers))
    digits = iter(pa.array(numbers[whole].astype(np.int64)).cast(pa.string()).to_pylist())
    for at, number, is_whole in zip(places.tolist(), numbers.tolist(), whole.tolist(), strict=True):
        if is_whole:
            texts[at] = next(digits)
        else:
            texts[at], exact = plain(number)
            marks[at] = Mark.NUMBER if exact else Mark.ROUNDED


def _write_days(texts: list[Any], places: npt.NDArray[np.intp]) -> None:
    known = {day: day.isoformat() for day in {texts[at] for at in places.tolist()}}
    for at in places.tolist():
        texts[at] = known[texts[at]]


def plain(number: float) -> tuple[str, bool]:
    """The shortest text of the number without an exponent, and whether a spreadsheet program keeps all of it."""
    written = Decimal(repr(number))
    if not written.is_finite():
        return str(number), False
    exact = abs(number) < _WHOLE and len(written.normalize().as_tuple().digits) <= _EXACT_DIGITS
    return format(written.normalize(), "f"), exact


def _other(value: Any) -> tuple[str, int]:
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), Mark.BOOL
    if isinstance(value, datetime):
        rounded = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        if rounded.time() == time(0):
            return rounded.date().isoformat(), Mark.DATE
        return rounded.isoformat(), Mark.DATETIME
    return str(value), Mark.TIME


def _overlay(marks: Marks, facts: SheetFacts) -> None:
    """Formulas, error cells and merged ranges, which the value reader does not tell from others.

    `marks`: columns × rows, changed in place.
    """
    height = marks.shape[1]
    for cells, code in ((facts.errors, int(Mark.ERROR)), (facts.formulas, FORMULA)):
        found = np.frombuffer(cells, dtype=np.int64)
        rows, columns = found >> COLUMN_BITS, found & LAST_COLUMN
        inside = (rows <= height) & (columns < marks.shape[0])
        place = columns[inside], rows[inside] - 1
        marks[place] = marks[place] | FORMULA if code == FORMULA else code
    for top, left, bottom, right in facts.array_formulas:
        marks[left : right + 1, top - 1 : bottom] |= FORMULA
    for top, left, bottom, right in facts.merged:
        marks[left : right + 1, top - 1 : bottom] = Mark.COVERED
        marks[left : left + 1, top - 1 : bottom] = Mark.MERGED
