"""The cells of one sheet: text and mark of each, and the message in which they travel between processes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.workbook.read.inspection import Fault


class Mark(IntEnum):
    """What kind of cell a text was read from."""

    EMPTY = 0
    TEXT = 1
    NUMBER = 2  # exact: at most 15 digits
    ROUNDED = 3  # a number that needs more digits than a spreadsheet program keeps
    DATE = 4  # 2026-03-05
    DATETIME = 5  # 2026-03-05T14:30:00
    TIME = 6  # of day, or a length of time
    BOOL = 7  # TRUE, FALSE
    ERROR = 8
    MERGED = 9  # the first column of a merged range in its row
    COVERED = 10  # the columns behind it
    QUOTES = 11  # every cell of a row of text whose quotes are wrong
    CELLS = 12  # every cell of a row of text with more cells than the heading


FORMULA = 16
"""Added to the mark of a cell that is computed; without a stored result it is EMPTY."""

_BLANK = (Mark.EMPTY, Mark.TEXT, Mark.MERGED, Mark.COVERED)

Marks = npt.NDArray[np.int8]

_MESSAGE = b"muster.workbook"


@dataclass(frozen=True)
class Grid:
    """`table`: `row` (int64, from 1), `hidden` (bool), then `text0`, `mark0`, `shown0`, `text1`, … per column.

    `shown`: what a number shows where that is not its text, and the name of an error; else null.
    """

    table: pa.Table
    width: int
    hidden_columns: tuple[tuple[int, int], ...] = ()  # first and last, from 0

    def text(self, column: int) -> pa.StringArray:
        return _flat(self.table, f"text{column}")

    def marks(self, column: int) -> Marks:
        found: Marks = _flat(self.table, f"mark{column}").to_numpy()
        return found

    def shown(self, column: int) -> pa.StringArray:
        return _flat(self.table, f"shown{column}")

    @property
    def rows(self) -> pa.Int64Array:
        return _flat(self.table, "row")

    @property
    def hidden(self) -> pa.BooleanArray:
        return _flat(self.table, "hidden")

    def where(self, mask: pa.BooleanArray) -> Grid:
        return Grid(self.table.filter(mask).combine_chunks(), self.width, self.hidden_columns)


@dataclass(frozen=True)
class SheetName:
    """A worksheet of the workbook, in its order."""

    name: str
    visible: bool
    has_data: bool


@dataclass(frozen=True)
class Workbook:
    """What was read of a file: with `faults` it is refused, else `grid` holds the sheet that was chosen, if any."""

    faults: tuple[Fault, ...] = ()
    sheets: tuple[SheetName, ...] = ()
    template: str = ""  # the custom property `layout.TEMPLATE_PROPERTY`
    date1904: bool = False
    sheet: str = ""
    grid: Grid | None = field(default=None, repr=False)
    remarks: tuple[Fault, ...] = ()  # warnings about the file


def grid_schema(width: int) -> pa.Schema:
    fields = [pa.field("row", pa.int64(), nullable=False), pa.field("hidden", pa.bool_(), nullable=False)]
    for column in range(width):
        fields.append(pa.field(f"text{column}", pa.string(), nullable=False))
        fields.append(pa.field(f"mark{column}", pa.int8(), nullable=False))
        fields.append(pa.field(f"shown{column}", pa.string()))
    return pa.schema(fields)


def encode(workbook: Workbook) -> pa.Buffer:
    """The message: one Arrow IPC stream, with everything but the cells as JSON in its metadata."""
    grid = workbook.grid
    facts = {
        "faults": [[fault.code, fault.fact] for fault in workbook.faults],
        "remarks": [[fault.code, fault.fact] for fault in workbook.remarks],
        "sheets": [[sheet.name, sheet.visible, sheet.has_data] for sheet in workbook.sheets],
        "template": workbook.template,
        "date1904": workbook.date1904,
        "sheet": workbook.sheet,
        "width": grid.width if grid else None,
        "hidden_columns": grid.hidden_columns if grid else [],
    }
    table = grid.table if grid else grid_schema(0).empty_table()
    sink = pa.BufferOutputStream()
    schema = table.schema.with_metadata({_MESSAGE: json.dumps(facts).encode("ascii")})
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(table.cast(schema))
    return sink.getvalue()


def decode(message: bytes) -> Workbook:
    """The other way round. Raises ValueError if it is not what `encode` makes, whoever made it."""
    try:
        table = pa.ipc.open_stream(message).read_all()
        facts = json.loads((table.schema.metadata or {})[_MESSAGE])
        return _checked(table, facts)
    except (pa.ArrowException, OSError, MemoryError, OverflowError, LookupError, TypeError, AttributeError) as fault:
        raise ValueError("no message of a workbook reader") from fault


def _checked(table: pa.Table, facts: dict[str, Any]) -> Workbook:
    table = table.replace_schema_metadata(None)
    width = facts["width"]
    if not table.schema.equals(grid_schema(width or 0)):
        raise ValueError("other columns than the message says")
    table.validate(full=True)
    if any(table[cell.name].null_count for cell in table.schema if not cell.nullable):
        raise ValueError("a cell without text or mark")
    hidden = tuple((int(first), int(last)) for first, last in facts["hidden_columns"])
    return Workbook(
        tuple(Fault(str(code), str(fact)) for code, fact in facts["faults"]),
        tuple(SheetName(str(name), bool(visible), bool(data)) for name, visible, data in facts["sheets"]),
        str(facts["template"]),
        bool(facts["date1904"]),
        str(facts["sheet"]),
        None if width is None else Grid(table.combine_chunks(), width, hidden),
        tuple(Fault(str(code), str(fact)) for code, fact in facts["remarks"]),
    )


def _flat(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def filled(grid: Grid) -> pa.BooleanArray:
    """True for rows in which some cell holds more than blanks, or a formula."""
    some = np.zeros(grid.table.num_rows, dtype=bool)
    for column in range(grid.width):
        blank = pc.equal(pc.utf8_trim_whitespace(grid.text(column)), "").to_numpy(zero_copy_only=False)
        some |= ~blank | ~np.isin(grid.marks(column), _BLANK)
    return pa.array(some)
