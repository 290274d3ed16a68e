"""The heading of a staff workbook: strict, and every fault at its cell."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from formats.workbook.layout import ANSWER_COLUMNS
from formats.workbook.read.heading import heading_faults, headings, headings_below, unnamed
from tests.support.grids import CALM, HEADINGS, SALES, grid

PLAIN = [column.heading for column in SALES.columns]


def faults(found: list[str]) -> list[tuple[str, str | None, str]]:
    return [(fault.code, fault.column, fault.fact) for fault in heading_faults(SALES, found)]


def test_the_template_s_own_heading_is_right() -> None:
    assert faults(headings(grid([HEADINGS]))) == []


def test_stars_blanks_and_second_names_do_not_matter() -> None:
    found = [f"  {name.replace(' ', chr(0xA0) + ' ')}\n* " for name in PLAIN]
    found[3] = "Sale date"
    assert faults(headings(grid([found]))) == []


def test_spelling_matters_and_a_letter_that_only_looks_right_is_named() -> None:
    assert faults(["Order numbre", *PLAIN[1:]]) == [
        ("HEADING_RENAMED", "order_no", "A1: 'Order numbre' instead of 'Order number'")
    ]
    cyrillic = "\u041erder number"
    assert faults([cyrillic, *PLAIN[1:]]) == [
        (
            "HEADING_RENAMED",
            "order_no",
            f"A1: {cyrillic!r} with cyrillic capital letter o (U+041E) at 1 instead of 'Order number'",
        )
    ]


def test_a_renamed_heading_is_told_from_a_missing_and_an_extra_one() -> None:
    assert faults([*PLAIN[:2], "MEID number", *PLAIN[3:]]) == [
        ("HEADING_RENAMED", "meid", "C1: 'MEID number' instead of 'MEID'")
    ]
    assert faults([*PLAIN[:2], *PLAIN[3:]]) == [("HEADING_MISSING", "meid", "C1: 'MEID' is missing")]
    assert faults([*PLAIN[:2], "Colour", *PLAIN[2:]]) == [("HEADING_EXTRA", None, "C1: 'Colour'")]
    assert faults([*PLAIN[:2], "", *PLAIN[2:]]) == [("HEADING_EXTRA", None, "C1: no heading")]
    assert faults([*PLAIN[:-1]]) == [("HEADING_MISSING", "note", "K1: 'Note' is missing")]
    assert faults([*PLAIN, "Colour"]) == [("HEADING_EXTRA", None, "L1: 'Colour'")]


def test_a_heading_that_moved_is_told_where_it_belongs() -> None:
    found = [PLAIN[1], PLAIN[0], *PLAIN[2:]]
    assert [(code, fact) for code, _, fact in faults(found)] in (
        [("HEADING_ORDER", "A1: 'IMEI' belongs in B1")],
        [("HEADING_ORDER", "B1: 'Order number' belongs in A1")],
    )


def test_a_heading_that_stands_twice() -> None:
    assert faults([*PLAIN, "IMEI"]) == [("HEADING_TWICE", None, "L1: 'IMEI' stands twice")]
    assert ("HEADING_TWICE", None, "L1: 'Sale date' stands twice") in faults([*PLAIN, "Sale date"])


def test_all_faults_are_named_from_left_to_right() -> None:
    found = ["Order no", *PLAIN[1:4], "Colour", *PLAIN[4:8], *PLAIN[9:], "IMEI"]
    assert [(code, fact.partition(":")[0]) for code, _, fact in faults(found)] == [
        ("HEADING_RENAMED", "A1"),
        ("HEADING_EXTRA", "E1"),
        ("HEADING_MISSING", "I1"),
        ("HEADING_TWICE", "L1"),
    ]


def test_the_columns_of_an_answer_are_passed_over() -> None:
    assert faults(headings(grid([[*HEADINGS, *ANSWER_COLUMNS]]))) == []
    assert faults(headings(grid([[*HEADINGS, ANSWER_COLUMNS[1]]]))) == []
    answer = [*HEADINGS, *ANSWER_COLUMNS, ""]
    assert faults(headings(grid([answer, [""] * (len(answer) - 1) + ["x"]]))) == [
        ("HEADING_EXTRA", None, "O1: no heading")
    ]
    assert [code for code, _, _ in faults([ANSWER_COLUMNS[0], *PLAIN])] == ["HEADING_EXTRA"]


def test_columns_without_anything_are_no_columns() -> None:
    assert faults(headings(grid([[*HEADINGS, "", " "], ["x"] + [""] * 12]))) == []


@CALM
@given(
    st.lists(st.one_of(st.sampled_from([*PLAIN, "Sale date", "Colour", "", *ANSWER_COLUMNS]), st.text()), max_size=20)
)
def test_any_other_heading_has_a_fault_and_none_is_lost(found: list[str]) -> None:
    told = heading_faults(SALES, found)
    right = ["Sold on" if name == "Sale date" else name for name in found]
    while right and right[-1] in ANSWER_COLUMNS:
        right.pop()
    assert (not told) == (right == PLAIN)
    missing = {column.name for column in SALES.columns if column.heading not in right}
    assert {fault.column for fault in told if fault.code in {"HEADING_MISSING", "HEADING_RENAMED"}} == missing


def test_empty_columns_behind_the_template_s_do_not_matter() -> None:
    found = headings(grid([[*PLAIN, "", "", ""], ["A-1"]]))
    assert faults(found) == []
    rows = grid([[*PLAIN, "", "", "Colour"], ["A-1"]])
    assert [fault.fact for fault in heading_faults(SALES, headings(rows), unnamed(rows, headings(rows)))] == [
        "N1: 'Colour'"
    ]


def test_a_value_in_a_column_without_a_heading_is_named() -> None:
    rows = grid([[*PLAIN, "", ""], ["A-1"], ["A-2", *[""] * (len(PLAIN) - 1), "", "call back"]])
    found = headings(rows)
    assert [(fault.code, fault.fact) for fault in heading_faults(SALES, found, unnamed(rows, found))] == [
        ("HEADING_EXTRA", "M1: no heading, but M3 holds something")
    ]


def test_headings_that_do_not_stand_in_the_first_row_are_found() -> None:
    assert headings_below(SALES, grid([["Sales of May"], [""], HEADINGS, ["A-1"]])) == 3
    assert headings_below(SALES, grid([HEADINGS, HEADINGS])) is None
    assert headings_below(SALES, grid([["Something"], ["else", "IMEI"]])) is None
    assert headings_below(SALES, grid([["Something"]])) is None
