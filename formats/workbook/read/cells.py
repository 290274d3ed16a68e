"""The cells of one column: from what a spreadsheet program kept to the spelling the judge is given.

Where Excel damaged a value, or may have, the cell gets a finding and no value. Nothing is guessed
that could be read in two ways.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.cells import NOTHING, canonical
from formats.placeholders import is_placeholder
from formats.schema import Column, Kind
from formats.template import CLEAR, Rules
from formats.workbook.read.characters import refuse_characters, spelled, warn_of_changes
from formats.workbook.read.column import Cells, Mask, Report, mask_of
from formats.workbook.read.day_cells import day_cells
from formats.workbook.read.grid import FORMULA, Grid, Mark
from formats.workbook.read.numbers import NUMERIC, decimals_as_shown, refuse_damage

_DAYS = (Kind.DATE, Kind.MOMENT)
_OTHER = (*NUMERIC, *_DAYS, Kind.CHOICE)  # what remains are texts, where a formula or a number is damage
_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A", "#SPILL!", "#CALC!", "#GETTING_DATA")


def read_cells(
    column: Column, grid: Grid, at: int, rules: Rules, date1904: bool, report: Report
) -> tuple[pa.StringArray, Mask, Mask]:
    """The canonical cells of the grid's column `at`, where CLEAR was written, and where a cell has an error.

    Both of these are null.
    """
    marks, written = grid.marks(at), grid.text(at)
    values = spelled(column, written)
    bad = np.zeros(len(marks), dtype=bool)
    cells = Cells(column, values, marks & ~np.int8(FORMULA), bad, report, grid.shown(at))
    _refuse_odd(cells, (marks & FORMULA) != 0)
    cleared = _cleared(cells)
    if column.kind in _DAYS:
        day_cells(cells, date1904)
    else:
        refuse_damage(cells)
        decimals_as_shown(cells)
    cells.values = pc.if_else(pa.array(cells.bad | cleared), NOTHING, cells.values)
    cells.values = canonical(column.kind, _listed(cells, rules))
    _refuse_unlisted(cells, rules)
    dummies = is_placeholder(column, cells.values, rules.identifier_placeholders)
    cells.refuse("IDENTIFIER_PLACEHOLDER", mask_of(dummies), cells.values)
    warn_of_changes(cells, written, values)
    return pc.if_else(pa.array(cells.bad), NOTHING, cells.values), cleared & ~cells.bad, cells.bad


def _refuse_odd(cells: Cells, computed: Mask) -> None:
    """What no column takes, and formulas."""
    marks, blank = cells.marks, mask_of(pc.is_null(cells.values))
    cells.refuse("EXCEL_MERGED", marks == Mark.MERGED)
    cells.bad |= marks == Mark.COVERED  # said once, at the first cell of the range
    cells.bad |= np.isin(marks, (Mark.QUOTES, Mark.CELLS))  # said once, of the row
    cells.refuse("EXCEL_ERROR_CELL", marks == Mark.ERROR, cells.shown)
    cells.refuse("EXCEL_ERROR_CELL", mask_of(pc.is_in(cells.values, pa.array(_ERRORS))), cells.values)
    if cells.column.kind in _OTHER:
        cells.refuse("EXCEL_FORMULA", computed & blank)
        cells.warn("EXCEL_FORMULA_RESULT", computed, cells.values)
    else:
        cells.refuse("EXCEL_FORMULA", computed, cells.values)
    refuse_characters(cells)


def _cleared(cells: Cells) -> Mask:
    asked: Mask = mask_of(pc.equal(cells.values, CLEAR)) & (cells.marks == Mark.TEXT)
    if cells.column.required:
        cells.refuse("CELL_CLEAR_REFUSED", asked)
    return asked


def _listed(cells: Cells, rules: Rules) -> pa.StringArray:
    """Phone numbers with their country; words of a list as the list has them."""
    column = cells.column
    if column.kind is Kind.PHONE:
        return identifiers.international(_with_plus(cells.values, rules.country_code), rules.country_code)
    words = _words(column, rules)
    if not words:
        return cells.values
    listed = pa.array(words, pa.string())
    known = pc.is_in(cells.values, value_set=listed)
    place = pc.index_in(pc.utf8_lower(cells.values), value_set=pc.utf8_lower(spelled(column, listed)))
    return pc.if_else(known, cells.values, pc.coalesce(listed.take(place), cells.values))


def _with_plus(values: pa.StringArray, country_code: str) -> pa.StringArray:
    """Excel takes +919876543210 for a number and drops the plus: so long, it has its country already."""
    bare = pc.replace_substring_regex(values, r"[\s().-]", "")
    complete = pc.match_substring_regex(bare, f"^{re.escape(country_code.lstrip('+'))}[0-9]{{9,13}}$")
    return pc.if_else(pc.fill_null(complete, False), pc.binary_join_element_wise("+", bare, ""), values)


def _words(column: Column, rules: Rules) -> tuple[str, ...]:
    return column.choices if column.kind is Kind.CHOICE else rules.lists.get(column.offers, ())


def _refuse_unlisted(cells: Cells, rules: Rules) -> None:
    listed = rules.lists.get(cells.column.offers, ())
    if listed:
        known = pc.is_in(cells.values, value_set=pa.array(listed, pa.string()))
        cells.refuse("CELL_CHOICE", mask_of(pc.and_(pc.is_valid(cells.values), pc.invert(known))), cells.values)
