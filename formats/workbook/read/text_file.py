"""CSV and TSV as a grid: every cell is the text it is, so that no zero is lost.

UTF-8 with or without a mark, UTF-16, Windows-1252; commas, semicolons, tabs. Row numbers are those a spreadsheet
program shows: a cell with line breaks is in one row, a `sep=` line in none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from formats.order_dispatch.delimited import lines_of, rows_of
from formats.workbook.read.grid import Grid, Mark, SheetName, Workbook, grid_schema
from formats.workbook.read.inspection import Fault, Refused, WorkbookLimits

_DELIMITERS = ",;\t"
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_START = 512
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
_OTHER_FILES = ("<", "%PDF", "{", "PK")
_SEPARATOR_LINE = re.compile(rf'"?sep=([{_DELIMITERS}])"?[{_DELIMITERS}]*', re.IGNORECASE)


def read_text_file(data: bytes, title: str, limits: WorkbookLimits) -> Workbook | None:
    """The file as the sheet `title`; None if it is no delimited text."""
    decoded = _decoded(data)
    if decoded is None:
        return None
    text, remarks = decoded
    lines = lines_of(text)
    told = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    lines = lines[1:] if told else lines
    delimiter = told[1] if told else max(_DELIMITERS, key=lines[0].count) if lines else ""
    if not lines or delimiter not in lines[0]:
        return None
    sheets = (SheetName(title, True, True),)
    try:
        grid = _grid(list(rows_of(lines, delimiter)), limits)
    except Refused as refusal:
        return Workbook(faults=(refusal.fault,))
    return Workbook((), sheets, sheet=title, grid=grid, remarks=remarks)


def _decoded(data: bytes) -> tuple[str, tuple[Fault, ...]] | None:
    for encoding in _encodings(data):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if _NO_TEXT.search(text[:_START]) or text.lstrip().startswith(_OTHER_FILES):
            return None
        return text.removeprefix("\ufeff"), (Fault("TEXT_ENCODING"),) if encoding == "cp1252" else ()
    return None


def _encodings(data: bytes) -> Sequence[str]:
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return (encoding,)
    start = data[:_START]
    for encoding, high in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if high.count(b"\x00") * 2 > len(high):
            return (encoding,)
    return "utf-8", "cp1252"


def _grid(rows: Sequence[list[str] | None], limits: WorkbookLimits) -> Grid:
    """Rows as wide as the first one; a row with more cells, or whose quotes are wrong, is marked. Raises Refused."""
    heading = rows[0]
    if heading is None:
        raise Refused("WORKBOOK_DAMAGED", "the quotes in row 1")
    width = len(heading)
    if width > limits.columns:
        raise Refused("WORKBOOK_TOO_WIDE", f"{width} columns")
    if len(rows) > limits.rows + 1:
        raise Refused("WORKBOOK_TOO_MANY_ROWS", f"{len(rows) - 1} rows, at most {limits.rows}")
    cells = [((row or []) + [""] * width)[:width] for row in rows]
    odd = _odd(rows, width)
    numbers = pa.array(range(1, len(rows) + 1), pa.int64())
    columns: list[pa.Array] = [numbers, pa.array(np.zeros(len(rows), dtype=bool))]
    for values in zip(*cells, strict=True):
        marks = np.fromiter((Mark.TEXT if value else Mark.EMPTY for value in values), np.int8, len(values))
        shown: list[str | None] = [None] * len(values)
        for at, (mark, fact) in odd.items():
            marks[at], shown[at] = mark, fact
        columns += [pa.array(values, pa.string()), pa.array(marks), pa.array(shown, pa.string())]
    return Grid(pa.table(columns, schema=grid_schema(width)), width)


def _odd(rows: Sequence[list[str] | None], width: int) -> dict[int, tuple[int, str | None]]:
    """By place: mark and fact of the rows that are not as wide as the first one, or whose quotes are wrong."""
    odd: dict[int, tuple[int, str | None]] = {}
    for at, row in enumerate(rows):
        if row is None:
            odd[at] = Mark.QUOTES, None
        elif len(row) > width and "".join(row[width:]).strip():
            odd[at] = Mark.CELLS, f"{len(row)} cells instead of {width}"
    return odd
