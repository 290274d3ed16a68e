"""What is known of a workbook before any value is read, and why one is refused as a whole."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True)
class WorkbookLimits:
    """What one workbook may cost. Sizes are bytes; `rows` and `columns` count those that hold a value."""

    packed: int = 64 * 2**20
    inflated: int = 768 * 2**20  # of all parts together
    ratio: int = 150  # of one part, inflated to packed, once it is larger than `small`
    small: int = 8 * 2**20
    parts: int = 1000
    rows: int = 200_000
    columns: int = 200
    spare_rows: int = 200_000  # empty ones that only carry a format
    odd_cells: int = 5_000_000  # formulas, error cells, and numbers with a format that tells
    ranges: int = 10_000  # merged ranges, array formulas


@dataclass(frozen=True)
class Fault:
    """Why a workbook is refused: a code of `formats.upload_findings` and what was met."""

    code: str
    fact: str = ""


class Refused(Exception):
    """The workbook is refused; the rest of it is not looked at."""

    def __init__(self, code: str, fact: str = "") -> None:
        super().__init__(code)
        self.fault = Fault(code, fact)


Range = tuple[int, int, int, int]
"""First row, first column, last row, last column; rows from 1, columns from 0."""

LAST_ROW = 1_048_576
COLUMN_BITS = 14
LAST_COLUMN = (1 << COLUMN_BITS) - 1


@dataclass
class SheetFacts:
    """One sheet. Cells are `key`s, eight bytes each, for there may be many."""

    name: str
    part: str
    visible: bool
    has_data: bool = False
    last_row: int = 0  # with a value
    formulas: array[int] = field(default_factory=lambda: array("q"))
    errors: array[int] = field(default_factory=lambda: array("q"))
    error_names: list[str] = field(default_factory=list)  # of each of `errors`, as `#REF!`
    formatted: array[int] = field(default_factory=lambda: array("q"))  # numbers whose format tells something
    styles: array[int] = field(default_factory=lambda: array("l"))  # of each of `formatted`
    hidden_rows: array[int] = field(default_factory=lambda: array("q"))
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)  # first and last, from 0
    array_formulas: list[Range] = field(default_factory=list)
    merged: list[Range] = field(default_factory=list)


@dataclass(frozen=True)
class Inspection:
    """The sheets in their order and what holds for the workbook; with `faults` it may not be read."""

    faults: tuple[Fault, ...] = ()
    sheets: tuple[SheetFacts, ...] = ()
    template: str = ""  # the custom property `layout.TEMPLATE_PROPERTY`
    date1904: bool = False
    forms: tuple[str, ...] = ()  # by style: the number format that tells more than the number; mostly empty


def key(row: int, column: int) -> int:
    """One number for a cell: row from 1, column from 0."""
    return row << COLUMN_BITS | column
