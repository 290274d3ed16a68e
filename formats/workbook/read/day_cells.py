"""The cells of a column of days: real dates, serial numbers and texts become ISO."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Kind
from formats.template import CLEAR
from formats.workbook.layout import FIRST_DAY, LAST_DAY
from formats.workbook.read.column import Cells, Mask, mask_of
from formats.workbook.read.days import ISO_DAY, ISO_MOMENT, Day, from_serial, from_text
from formats.workbook.read.grid import Mark


def day_cells(cells: Cells, date1904: bool) -> None:
    """ISO days and moments in place of what they were written as; what is no day in any form stays."""
    datetimes = cells.marks == Mark.DATETIME
    if cells.column.kind is Kind.DATE:
        cells.refuse("EXCEL_TIME_IN_DATE", datetimes, cells.values)
    else:
        zoned = pc.binary_join_element_wise(cells.values, "Z", "")
        cells.values = pc.if_else(pa.array(datetimes), zoned, cells.values)
    cells.refuse("CELL_DAY", cells.marks == Mark.TIME, cells.values)
    numbers = np.isin(cells.marks, (Mark.NUMBER, Mark.ROUNDED))
    _convert(cells, numbers, lambda text: from_serial(_number(text), date1904), "EXCEL_SERIAL_DATE")
    form = ISO_DAY if cells.column.kind is Kind.DATE else f"{ISO_DAY}|{ISO_MOMENT}"
    known = mask_of(pc.match_substring_regex(cells.values, f"^(?:{form})$")) | mask_of(pc.equal(cells.values, CLEAR))
    _convert(cells, (cells.marks == Mark.TEXT) & ~known, from_text, "EXCEL_TEXT_DATE")
    _refuse_implausible(cells)


def _refuse_implausible(cells: Cells) -> None:
    """Days no business of ours has: 1905-07-18 is 2026 typed into a cell for dates, 1900-01-05 is 5."""
    first, last = FIRST_DAY.isoformat(), LAST_DAY.isoformat()
    days = pc.utf8_slice_codeunits(cells.values, 0, len(first))
    is_day = mask_of(pc.match_substring_regex(days, f"^{ISO_DAY}$"))
    outside = mask_of(pc.or_(pc.less(days, first), pc.greater(days, last)))
    cells.refuse("EXCEL_DATE_IMPLAUSIBLE", is_day & outside, cells.values)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _convert(cells: Cells, mask: Mask, read: Callable[[str], Day], warning: str) -> None:
    places = np.flatnonzero(mask & ~cells.bad & mask_of(pc.is_valid(cells.values)))
    if not len(places):
        return
    encoded = cells.values.take(pa.array(places)).dictionary_encode()
    days = [read(text) for text in encoded.dictionary.to_pylist()]
    which = encoded.indices.to_numpy()

    def where(flags: list[bool]) -> Mask:
        found = np.zeros(len(cells.values), dtype=bool)
        found[places] = np.array(flags, dtype=bool)[which]
        return found

    cells.refuse("EXCEL_DATE_UNCLEAR", where([day.unclear for day in days]), cells.values)
    if cells.column.kind is Kind.DATE:
        cells.refuse("EXCEL_TIME_IN_DATE", where([day.timed for day in days]), cells.values)
    nothing = where([day.moment is None for day in days])
    cells.refuse("CELL_DAY", nothing & ~cells.bad, cells.values)
    form = "%Y-%m-%d" if cells.column.kind is Kind.DATE else "%Y-%m-%dT%H:%M:%SZ"
    written = pa.array([day.moment and f"{day.moment:{form}}" for day in days], pa.string()).take(encoded.indices)
    converted = ~nothing & mask & ~cells.bad
    values = cells.values.to_pylist()
    for at, text in zip(places.tolist(), written.to_pylist(), strict=True):
        values[at] = text if text is not None else values[at]
    cells.values = pa.array(values, pa.string())
    cells.warn(warning, converted, cells.values)
