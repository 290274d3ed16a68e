"""Order Dispatch as delimited text: one heading row, one row per order line, UTF-8.

The delimiter is read off the heading. A row with the wrong number of cells is a finding
at that row; a wrong heading condemns the file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pyarrow as pa

from formats.findings import Finding
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.raw import FileFault, RawRows

_DELIMITERS = ",;|\t"
_BOM = "\ufeff"


def read(data: bytes) -> RawRows:
    """Rows of text cells; the heading is row 1. Raises FileFault."""
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise FileFault([Finding("FILE_ENCODING")]) from None
    if not text.strip():
        raise FileFault([Finding("FILE_EMPTY")])
    heading_line = text.splitlines()[0]
    delimiter = max(_DELIMITERS, key=heading_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = _heading(next(reader))
        return _rows(names, reader)
    except csv.Error:
        raise FileFault([Finding("FILE_UNREADABLE", reader.line_num)]) from None


def _heading(cells: list[str]) -> list[str]:
    """Column names in file order: our names or headings, in any case, optional ones may lack."""
    known = {column.name: column.name for column in ORDER_DISPATCH.columns}
    known |= {column.heading.lower(): column.name for column in ORDER_DISPATCH.columns}
    names = [known.get(cell.strip().rstrip("*").strip().lower(), "") for cell in cells]
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


def _rows(names: list[str], reader: Iterator[list[str]]) -> RawRows:
    numbers: list[int] = []
    cells: list[list[str]] = []
    ragged: list[Finding] = []
    for number, row in enumerate(reader, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) == len(names):
            numbers.append(number)
            cells.append(row)
        else:
            ragged.append(Finding("ROW_COLUMNS", number, facts={"cells": len(row), "expected": len(names)}))
    if not cells and not ragged:
        raise FileFault([Finding("FILE_EMPTY")])
    columns = dict(zip(names, zip(*cells, strict=True), strict=True)) if cells else {}
    size = len(cells)
    table = pa.table(
        [pa.array(columns.get(name, [None] * size), pa.string()) for name in ORDER_DISPATCH.names],
        schema=ORDER_DISPATCH.arrow(),
    )
    return RawRows(table, pa.array(numbers, pa.int64()), tuple(ragged))
