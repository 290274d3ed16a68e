"""The last workbook is kept: the same bytes are not read twice, and nothing else is taken for them."""

from __future__ import annotations

import pyarrow as pa

from adapters.workbooks.remembered import RememberedWorkbooks
from formats.workbook.read.grid import Grid, Workbook, grid_schema
from formats.workbook.read.inspection import Fault


class Reader:
    """Implements `jobs.ports.Workbooks`: what it gives holds the bytes; none for `bad`."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, str]] = []

    def read(self, data: bytes, sheet: str) -> Workbook:
        self.asked.append((data, sheet))
        if data == b"bad":
            return Workbook(faults=(Fault("WORKBOOK_UNREADABLE"),))
        table = pa.table([[1], [False], [data.decode()], pa.array([1], pa.int8()), [None]], schema=grid_schema(1))
        return Workbook(sheet=sheet, grid=Grid(table, 1))


def test_the_same_workbook_is_read_once() -> None:
    reader = Reader()
    remembered = RememberedWorkbooks(reader)
    first = remembered.read(b"one", "Sales")
    assert remembered.read(b"one", "Sales") is first
    assert reader.asked == [(b"one", "Sales")]


def test_other_bytes_and_other_sheets_are_read() -> None:
    reader = Reader()
    remembered = RememberedWorkbooks(reader)
    for data, sheet in ((b"one", "Sales"), (b"two", "Sales"), (b"two", "Leases"), (b"one", "Sales")):
        workbook = remembered.read(data, sheet)
        assert workbook.grid is not None
        assert (workbook.sheet, workbook.grid.text(0).to_pylist()) == (sheet, [data.decode()])
    assert len(reader.asked) == 4  # one at a time is kept


def test_a_refusal_is_not_kept() -> None:
    reader = Reader()
    remembered = RememberedWorkbooks(reader)
    assert remembered.read(b"bad", "Sales").faults == remembered.read(b"bad", "Sales").faults
    assert len(reader.asked) == 2


def test_what_is_too_large_is_not_kept() -> None:
    reader = Reader()
    remembered = RememberedWorkbooks(reader, most=8)
    remembered.read(b"one", "Sales")
    remembered.read(b"one", "Sales")
    assert len(reader.asked) == 2
