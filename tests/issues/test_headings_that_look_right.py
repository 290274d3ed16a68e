"""A heading with a blank without width refused the file as `'City' instead of 'City'`; other columns' order, too.

Blanks, line breaks, letter case and what nobody sees do not matter; columns are read by their headings, and said to be.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from formats.rules import Rules
from formats.templates import all_templates
from formats.workbook.read.heading import heading_faults, headings
from formats.workbook.read.sheet import RefusedSheet, Sheet, open_sheet
from formats.workbook.write.template_file import write_template
from tests.support.grids import HEADINGS, SALES, TEMPLATE, book, grid
from tests.unit.test_workbook_sheet import told

ROW = ["A-1", "353879234252633", "", "2026-03-05", "", "12.5", "3", "New"]


def opened(heading: list[str], *rows: list[str]) -> Sheet | RefusedSheet:
    return open_sheet(TEMPLATE, book(grid([heading, *rows])), Rules())


@pytest.mark.parametrize(
    "spelling",
    [
        lambda name: name + "\u200b",
        lambda name: "\ufeff" + name,
        lambda name: name.upper(),
        lambda name: name.lower().replace(" ", "\n"),
        lambda name: name.replace(" ", "\r\n  \u00a0"),
        lambda name: "\u2060".join(name),
        lambda name: name.replace("e", "\u00ade"),
        lambda name: f"{name.rstrip(' *')}*",
    ],
)
def test_what_cannot_be_seen_does_not_matter(spelling: object) -> None:
    assert callable(spelling)
    assert heading_faults(SALES, headings(grid([[spelling(name) for name in HEADINGS]]))) == []


def test_an_order_of_ones_own_is_understood_and_said() -> None:
    order = [3, 0, 1, 2, 5, 4, 7, 6, 8, 9, 10]
    row = [ROW[at] if at < len(ROW) else "" for at in order]
    found = opened([HEADINGS[at] for at in order], row)
    assert isinstance(found, Sheet)
    assert [found.table[name][0].as_py() for name in SALES.names[:8]] == [cell or None for cell in ROW]
    assert {code for _, _, code, _ in told(found.findings)} == {"HEADING_ORDER"}
    assert {row for row, *_ in told(found.findings)} == {1}


def test_hidden_columns_move_with_their_headings() -> None:
    cells = replace(grid([[HEADINGS[1], HEADINGS[0], *HEADINGS[2:]], [ROW[1], ROW[0]]]), hidden_columns=((0, 0),))
    found = open_sheet(TEMPLATE, book(cells), Rules())
    assert isinstance(found, Sheet)
    assert (1, "imei", "EXCEL_HIDDEN_COLUMN", "column B") in told(found.findings)


@pytest.mark.parametrize(
    ("heading", "code"),
    [
        (HEADINGS[1:], "HEADING_MISSING"),
        ([*HEADINGS, "Colour"], "HEADING_EXTRA"),
        ([*HEADINGS, "imei\u200b"], "HEADING_TWICE"),
        (["Order no", *HEADINGS[1:]], "HEADING_RENAMED"),
        ([*reversed(HEADINGS[1:]), "Order no"], "HEADING_MISSING"),
    ],
)
def test_what_is_missing_extra_doubled_or_renamed_is_refused(heading: list[str], code: str) -> None:
    found = opened(heading, ROW)
    assert isinstance(found, RefusedSheet)
    assert code in {item for _, _, item, _ in told(found.findings)}


def test_no_template_has_two_headings_that_are_one() -> None:
    for template in all_templates():
        for column in template.schema.columns:
            for name in (column.heading, *column.aliases):
                renamed = [item.heading if item is not column else name for item in template.schema.columns]
                assert heading_faults(template.schema, headings(grid([renamed]))) == [], (template.name, name)
        assert write_template(template, {}, Rules())
