"""Order Dispatch as delimited text: one heading row, one row per order line, UTF-8.

The delimiter is the one a `sep=` line names, else it is read off the heading. A row that cannot be
taken apart is a finding at that row; a wrong heading condemns the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import compress
from operator import not_

import pyarrow as pa

from formats.findings import Finding
from formats.order_dispatch.delimited import lines_of, rows_of
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.raw import FileFault, RawRows

_DELIMITERS = ",;|\t"
_BOM = "\ufeff"
_SEPARATOR_LINE = re.compile(rf'"?sep=([{_DELIMITERS}])"?[{_DELIMITERS}]*', re.IGNORECASE)


def read(data: bytes) -> RawRows:
    """Rows of text cells; the heading is row 1, a `sep=` line above it is none. Raises FileFault."""
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise FileFault([Finding("FILE_ENCODING")]) from None
    lines = lines_of(text)
    told = _SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if told:
        lines = lines[1:]
    if not any(line.strip() for line in lines):
        raise FileFault([Finding("FILE_EMPTY")])
    rows = rows_of(lines, told[1] if told else max(_DELIMITERS, key=lines[0].count))
    heading = next(rows)
    if heading is None:
        raise FileFault([Finding("FILE_UNREADABLE", 1)])
    return _rows(_names(heading), len(heading), rows)


def _names(heading: list[str]) -> list[str]:
    """Column names in file order: our names or headings, in any case; optional ones may lack, blank ones at the end
    are none."""
    known = {column.name: column.name for column in ORDER_DISPATCH.columns}
    known |= {column.heading.lower(): column.name for column in ORDER_DISPATCH.columns}
    cells = [cell.strip().rstrip("*").strip().lower() for cell in heading]
    while cells and not cells[-1]:
        cells.pop()
    names = [known.get(cell, "") for cell in cells]
    faults = [Finding("FILE_HEADING", 1, f"column {index}") for index, name in enumerate(names, 1) if not name]
    faults += [Finding("FILE_HEADING", 1, name) for name in sorted({n for n in names if n and names.count(n) > 1})]
    faults += [
        Finding("FILE_HEADING", 1, column.name)
        for column in ORDER_DISPATCH.columns
        if column.required and column.name not in names
    ]
    if faults:
        raise FileFault(faults)
    return names


def _rows(names: list[str], headings: int, rows: Iterator[list[str] | None]) -> RawRows:
    """`headings`: cells of the heading row, with the blank ones at its end."""
    unreadable: list[Finding] = []
    numbers: list[int] = []
    cells: list[list[str]] = []
    for number, row in enumerate(rows, 2):
        if row is None:
            unreadable.append(Finding("ROW_QUOTES", number))
        elif _filled(row):
            numbers.append(number)
            cells.append(row)
    if not cells and not unreadable:
        raise FileFault([Finding("FILE_EMPTY")])
    width, size = len(names), _size(len(names), headings, cells)
    bad = [len(row) != size or (size > width and _filled(row[width:])) for row in cells]
    unreadable += [
        Finding("ROW_COLUMNS", number, facts={"cells": len(row), "expected": width})
        for number, row in zip(compress(numbers, bad), compress(cells, bad), strict=True)
    ]
    good = list(map(not_, bad))
    numbers, cells = list(compress(numbers, good)), list(compress(cells, good))
    columns = dict(zip(names, zip(*cells, strict=True), strict=False))
    nothing = [None] * len(cells)
    table = pa.table(
        [pa.array(columns.get(name, nothing), pa.string()) for name in ORDER_DISPATCH.names],
        schema=ORDER_DISPATCH.arrow(),
    )
    return RawRows(table, pa.array(numbers, pa.int64()), tuple(unreadable))


def _filled(row: list[str]) -> bool:
    return bool("".join(row).strip())


def _size(names: int, headings: int, rows: list[list[str]]) -> int:
    """Cells of a row: rows have the blank cells at the end of the heading, or all of them lack these.

    Not some of them: a row with a stray delimiter and an empty last cell would be read one cell off.
    """
    sizes = Counter(map(len, rows))
    return names if sizes[names] > sizes[headings] else headings
