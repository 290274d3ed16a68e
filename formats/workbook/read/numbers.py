"""Numbers where they stand: in texts and identifiers, where a number is damage, and in columns of numbers.

What a cell shows is what the person saw (`Cells.shown`); where that is not what the cell holds, neither is stored.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Kind
from formats.workbook.read.characters import identifying
from formats.workbook.read.column import Cells, Mask, mask_of
from formats.workbook.read.grid import Mark

NUMERIC = (Kind.INTEGER, Kind.DECIMAL)
_NO_TEXTS = (*NUMERIC, Kind.DATE, Kind.MOMENT, Kind.CHOICE)
_DIGITS = {Kind.IMEI: 15}
_SPACED = (Kind.IMEI, Kind.MEID, Kind.MAC, Kind.PHONE)  # signs between their digits do not count
_SEPARATORS = r"[\s().+/:-]"
_EXPONENT = r"^[0-9](?:[.,][0-9]+[Ee][+-]?|[Ee]\+)[0-9]{1,3}$"
_EXPONENT_SHOWN = r"[0-9.,][Ee][+-]?[0-9]+$"
_ROUNDED_IMEI = "0{6}$"  # 3.56938E+14 made whole again
_SHOWN_DIGITS = 15


def refuse_damage(cells: Cells) -> None:
    """Numbers, days and truth values that Excel made of something else."""
    column, marks = cells.column, cells.marks
    cells.refuse("EXCEL_DATE_MADE", np.isin(marks, (Mark.DATE, Mark.DATETIME, Mark.TIME)), cells.values)
    _refuse_shown(cells)
    if identifying(column):
        broken = (marks == Mark.NUMBER) & mask_of(pc.match_substring(cells.values, "."))
        cells.refuse("EXCEL_VALUE_MADE", broken | (marks == Mark.BOOL), cells.values)
    rounded = marks == Mark.ROUNDED
    if column.kind is Kind.DECIMAL:  # 0.30000000000000004 is 0.3
        rounded = rounded & ~mask_of(pc.match_substring_regex(cells.values, r"^-?[0-9]{1,12}\.[0-9]+$"))
    if column.kind is Kind.IMEI:
        rounded |= (marks == Mark.NUMBER) & mask_of(pc.match_substring_regex(cells.values, _ROUNDED_IMEI))
    cells.refuse("EXCEL_ROUNDED", rounded, cells.values)
    if column.kind is not Kind.CHOICE:
        exponent = mask_of(pc.match_substring_regex(cells.values, _EXPONENT)) & (marks == Mark.TEXT)
        cells.refuse("EXCEL_EXPONENT", exponent, cells.values)
    needed = _DIGITS.get(column.kind, column.min_length)
    if needed and column.kind not in _NO_TEXTS:
        short = mask_of(pc.less(pc.utf8_length(cells.values), needed)) & (marks == Mark.NUMBER)
        cells.refuse("EXCEL_ZEROS_LOST", short, cells.values)


def decimals_as_shown(cells: Cells) -> None:
    """Decimals of more digits than Excel shows are what it shows."""
    longer = (cells.marks == Mark.ROUNDED) & ~cells.bad
    if longer.any():
        values = cells.values.to_pylist()
        for at in np.flatnonzero(longer).tolist():
            values[at] = format(Decimal(f"{float(values[at]):.{_SHOWN_DIGITS}g}"), "f")
        cells.values = pa.array(values, pa.string())


def _refuse_shown(cells: Cells) -> None:
    """Numbers that show something else than they hold."""
    other = mask_of(pc.is_valid(cells.shown)) & np.isin(cells.marks, (Mark.NUMBER, Mark.ROUNDED))
    if not other.any():
        return
    told = pc.binary_join_element_wise("shown as ", cells.shown, ", kept as ", cells.values, "")
    cells.refuse("EXCEL_PERCENT", other & mask_of(pc.match_substring(cells.shown, "%")), told)
    if cells.column.kind in NUMERIC:
        same, near = _compared(cells, other & ~cells.bad)
        cells.warn("EXCEL_SHOWN_SHORTER", near, told)
        cells.refuse("EXCEL_SHOWN_OTHERWISE", other & ~same & ~near, told)
        return
    if cells.column.kind in _SPACED:
        digits = pc.replace_substring_regex(cells.shown, _SEPARATORS, "")
        other = other & ~mask_of(pc.equal(digits, cells.values))
    exponent = other & mask_of(pc.match_substring_regex(cells.shown, _EXPONENT_SHOWN))
    cells.refuse("EXCEL_ROUNDED" if cells.column.kind is Kind.IMEI else "EXCEL_EXPONENT", exponent, told)
    zeros = mask_of(pc.equal(pc.replace_substring_regex(cells.shown, "^0+", ""), cells.values))
    cells.refuse("EXCEL_ZEROS_LOST", other & zeros, told)
    cells.refuse("EXCEL_SHOWN_OTHERWISE", other, told)


def _compared(cells: Cells, mask: Mask) -> tuple[Mask, Mask]:
    """Where the same number is shown, and where it is shown with fewer digits."""
    same, near = np.zeros(len(mask), dtype=bool), np.zeros(len(mask), dtype=bool)
    for at in np.flatnonzero(mask).tolist():
        shown = _number_in(cells.shown[at].as_py())
        if shown is None:
            continue
        number, step = shown
        distance = abs(number - Fraction(cells.values[at].as_py()))
        same[at] = distance == 0
        near[at] = 0 < distance <= step / 2
    return same, near


def _number_in(text: str) -> tuple[Fraction, Fraction] | None:
    """The number that is shown, and what its last digit counts; currencies and grouping fall away."""
    bare = "".join(sign for sign in text if sign.isdigit() or sign in ".-+E/()")
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    try:
        number = Decimal(bare)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    return (Fraction(number), Fraction(10) ** exponent) if isinstance(exponent, int) else None
