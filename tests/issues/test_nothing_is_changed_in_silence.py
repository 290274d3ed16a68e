"""Years became days of 1905, and signs other signs, without a word.

`12½ Mile` was stored as `121⁄2 Mile`, `Acme™` as `AcmeTM`, and a drop-down refused its own choice `West™`.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from formats.rules import Rules
from formats.texts import folded
from formats.workbook.read.grid import Mark
from tests.support.grids import CALM
from tests.unit.test_workbook_sheet import read

FREE = Rules()


@pytest.mark.parametrize(
    "text",
    ["12½ Mile", "10² Block", "Acme™", "Nº 5 GmbH", "№ 7", "… end", "ﬁve", "Flat 3⅔", "Müller", "Straße", "①", "㎏"],
)
def test_a_text_is_stored_as_it_was_written(text: str) -> None:
    assert read("note", text, FREE) == (text, [])


def test_what_looks_the_same_is_the_same() -> None:
    assert read("note", "Mu\u0308ller", FREE) == ("Müller", [])


@pytest.mark.parametrize(
    ("name", "text", "value", "what"),
    [
        ("note", "A\u00a0B", "A B", "no-break space (U+00A0) at 2"),
        ("note", "A\u202fB", "A B", "narrow no-break space (U+202F) at 2"),
        ("note", "Ｓｏｎｙ", "Sony", "fullwidth latin capital letter s (U+FF33) at 1"),
        ("order_no", "SN１", "SN1", "fullwidth digit one (U+FF11) at 3"),
        ("order_no", "SN²", "SN2", "superscript two (U+00B2) at 3"),
    ],
)
def test_what_the_reader_changes_is_a_warning(name: str, text: str, value: str, what: str) -> None:
    assert read(name, text, FREE) == (value, [("CELL_RESPELLED", f"read as {value}; {what}")])


@pytest.mark.parametrize("written", ["West™", "west™", " WEST™ "])
def test_a_list_takes_its_own_choice(written: str) -> None:
    assert read("note", written, Rules(lists={"notes": ("North ½", "West™", "Süd")})) == ("West™", [])


def test_both_sides_of_a_list_are_spelled_alike() -> None:
    assert read("note", "Süd A", Rules(lists={"notes": ("Su\u0308d\u00a0A",)})) == ("Su\u0308d\u00a0A", [])


@pytest.mark.parametrize(
    ("name", "cell", "fact"),
    [
        ("sold", ("1905-07-18", Mark.DATE), "1905-07-18"),
        ("sold", ("1900-01-05", Mark.DATE), "1900-01-05"),
        ("sold", ("2199-01-01", Mark.DATE), "2199-01-01"),
        ("sold", "1905-07-18", "1905-07-18"),
        ("sold", "18 Jul 1905", "1905-07-18"),
        ("seen", ("1905-07-18T12:00:00", Mark.DATETIME), "1905-07-18T12:00:00Z"),
        ("seen", "1905-07-18T12:00:00Z", "1905-07-18T12:00:00Z"),
    ],
)
def test_a_day_far_off_is_no_day(name: str, cell: str | tuple[str, int], fact: str) -> None:
    value, found = read(name, cell)
    assert value is None
    assert ("EXCEL_DATE_IMPLAUSIBLE", fact) in found


@CALM
@given(st.text(max_size=20))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)
