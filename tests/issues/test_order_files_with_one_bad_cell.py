"""One bad cell condemned a whole order file.

A quote that is not closed, text behind a closed quote, or a cell of more than 131,072 characters ended the reading with
`FILE_UNREADABLE`, at the row where the reader happened to be, and no row of the file was taken. The row with the cell
is named, and every other row is read.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.order_dispatch.loading import Loaded, load

NAMES = ("order_number", "line_number", "request_type", "order_date", "customer_account", "provider")
NAMES += ("enrolment_requested", "delivery_number", "ship_date", "serial_number", "model", "asset_tag")
ROW: Mapping[str, str] = {name: ORDER_DISPATCH.column(name).example for name in NAMES}


def line(number: int, **cells: str) -> str:
    return ",".join({**ROW, "line_number": str(number), "serial_number": f"SN{number}", **cells}.values())


def load_lines(*lines: str) -> Loaded:
    return load("\n".join([",".join(NAMES), *lines, ""]).encode())


def found(loaded: Loaded) -> list[tuple[int, str]]:
    return sorted((item["row"], item["code"]) for item in loaded.findings.to_pylist())


def read(loaded: Loaded) -> list[int]:
    passed: list[int] = loaded.rows["row"].filter(loaded.passed).to_pylist()
    return passed


@pytest.mark.parametrize(
    "cell",
    ['"12 inch', '"Tab" LTE', '"', '"""', '"a""', '"a" "b"', 'x","', '"12 inch, black'],
)
@pytest.mark.parametrize("column", ["order_number", "serial_number", "model", "asset_tag"])
def test_the_row_where_it_began_is_named_and_the_others_are_read(cell: str, column: str) -> None:
    lines = [line(number) for number in range(1, 5)]
    loaded = load_lines(lines[0], line(9, **{column: cell}), *lines[1:])
    assert {row for row, _ in found(loaded)} == {3}
    assert (read(loaded), loaded.read) == ([2, 4, 5, 6], 5)


def test_an_open_quote_far_above_another_cell_in_quotes() -> None:
    lines = [line(number) for number in range(1, 2000)]
    lines[3] = line(4, model='"12 inch')
    lines[1749] = line(1750, model='"Tab, 10"')
    loaded = load_lines(*lines)
    assert found(loaded) == [(5, "ROW_QUOTES")]
    assert (len(read(loaded)), loaded.read) == (1998, 1999)
    assert loaded.rows["model"][1748].as_py() == "Tab, 10"


def test_two_open_quotes_in_one_column_are_two_rows() -> None:
    loaded = load_lines(line(1, model='"12 inch'), line(2), line(3, model='"'), line(4))
    assert found(loaded) == [(2, "ROW_QUOTES"), (4, "ROW_QUOTES")]
    assert read(loaded) == [3, 5]


def test_inch_marks_inside_a_cell_are_characters() -> None:
    loaded = load_lines(line(1, model='12" tablet'), line(2, model='"12"" tablet, ""new"""'))
    assert found(loaded) == []
    assert loaded.rows["model"].to_pylist() == ['12" tablet', '12" tablet, "new"']


def test_a_cell_over_several_lines_is_one_row_still() -> None:
    loaded = load_lines(line(1), line(2, model='"Tab\n"'), line(3, model='"a, b\nc"'), line(4, order_number='"SO-1\n"'))
    assert found(loaded) == [(4, "CELL_PATTERN")]
    assert loaded.rows["model"].to_pylist()[:2] == ["ED-10", "Tab"]
    assert read(loaded) == [2, 3, 5]


@pytest.mark.parametrize(
    ("column", "code"), [("model", "CELL_LENGTH"), ("serial_number", "SERIAL_INVALID"), ("order_number", "CELL_LENGTH")]
)
def test_a_very_long_cell_is_a_fault_of_its_row(column: str, code: str) -> None:
    loaded = load_lines(line(1), line(2, **{column: "xy" * 100_000}), line(3))
    assert found(loaded) == [(3, code)]
    assert read(loaded) == [2, 4]


CELL = st.text(st.sampled_from(list('a,"\n ;')), max_size=8) | st.sampled_from(['"a"', '"', '"a, b"', '"a\nb"'])


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(NAMES), CELL), max_size=12))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_every_row_is_read_or_named_and_a_sound_one_is_never_lost(rows: list[tuple[bool, str, str]]) -> None:
    """`rows`: sound, or one with anything in one of its cells."""
    lines = [line(number, **({} if sound else {column: cell})) for number, (sound, column, cell) in enumerate(rows, 1)]
    loaded = load_lines(line(90), *lines, line(91))
    passed = pc.sum(loaded.passed).as_py() or 0
    assert loaded.read == passed + len({row for row, _ in found(loaded)})
    serials = set(loaded.rows["serial_number"].to_pylist())
    sound = {f"SN{number}" for number, (is_sound, _, _) in enumerate(rows, 1) if is_sound}
    assert sound | {"SN90", "SN91"} <= serials
