"""The cells of one column: from what a spreadsheet program kept to the spelling the judge is given.

Where Excel damaged a value, or may have, the cell gets a finding and no value. Nothing is guessed
that could be read in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.cells import NOTHING, canonical, trimmed
from formats.schema import Column, Kind
from formats.template import CLEAR, Rules
from formats.workbook.read.column import Cells, Mask, Report, mask_of
from formats.workbook.read.day_cells import day_cells
from formats.workbook.read.grid import FORMULA, Mark, Marks

_NUMERIC = (Kind.INTEGER, Kind.DECIMAL)
_DAYS = (Kind.DATE, Kind.MOMENT)
_OTHER = (*_NUMERIC, *_DAYS, Kind.CHOICE)  # what remains are texts, where a formula or a number is damage
_DIGITS = {Kind.IMEI: 15}
_IDENTIFIERS = (Kind.SERIAL, Kind.IMEI, Kind.MEID, Kind.MAC, Kind.VIN, Kind.PHONE)
_UNSEEN_KINDS = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_UNSEEN = "[" + "".join(rf"\p{{{kind}}}" for kind in _UNSEEN_KINDS) + "]"
_EXPONENT = r"^[0-9](?:[.,][0-9]+[Ee][+-]?|[Ee]\+)[0-9]{1,3}$"
_SHOWN_DIGITS = 15
_NAMES = {
    **{"\n": "a line break", "\r": "a line break", "\t": "a tab", "\u00ad": "a soft hyphen", "\ufeff": "a hidden mark"},
    **{"\u200b": "a blank without width", "\u202e": "a mark that turns the writing round"},
}
_ACTS = r"^(?:[=@]|[+-].*[+*/(|!=])"
"""A text that other programs would take for a formula; not a number with a sign."""


def read_cells(
    column: Column, text: pa.StringArray, marks: Marks, rules: Rules, date1904: bool, report: Report
) -> tuple[pa.StringArray, Mask, Mask]:
    """The canonical cells, where CLEAR was written, and where a cell has an error; both of these are null."""
    computed = (marks & FORMULA) != 0
    base = marks & ~np.int8(FORMULA)
    values = _plain_text(text)
    cells = Cells(column, values, base, np.zeros(len(marks), dtype=bool), report)
    _refuse_odd(cells, computed)
    cleared = _cleared(cells)
    if column.kind in _DAYS:
        day_cells(cells, date1904)
    else:
        _refuse_damage(cells)
        _numbers_as_shown(cells)
    cells.values = pc.if_else(pa.array(cells.bad | cleared), NOTHING, cells.values)
    cells.values = canonical(column.kind, _spelled(cells, rules))
    _refuse_unlisted(cells, rules)
    return pc.if_else(pa.array(cells.bad), NOTHING, cells.values), cleared & ~cells.bad, cells.bad


def _plain_text(text: pa.StringArray) -> pa.StringArray:
    if not pc.all(pc.string_is_ascii(text)).as_py():
        text = pc.utf8_normalize(text, form="NFKC")
    return trimmed(text)


def _refuse_odd(cells: Cells, computed: Mask) -> None:
    """What no column takes, and formulas."""
    marks, blank = cells.marks, mask_of(pc.is_null(cells.values))
    cells.refuse("EXCEL_MERGED", marks == Mark.MERGED)
    cells.bad |= marks == Mark.COVERED  # said once, at the first cell of the range
    cells.refuse("EXCEL_ERROR_CELL", marks == Mark.ERROR)
    if cells.column.kind in _OTHER:
        cells.refuse("EXCEL_FORMULA", computed & blank)
        cells.warn("EXCEL_FORMULA_RESULT", computed, cells.values)
    else:
        cells.refuse("EXCEL_FORMULA", computed, cells.values)
    unseen = mask_of(pc.match_substring_regex(cells.values, _UNSEEN))
    if unseen.any():
        cells.refuse("CELL_CHARACTERS", unseen, _named(cells.values, unseen))
    if cells.column.kind is Kind.TEXT and not cells.column.secret:
        acts = mask_of(pc.match_substring_regex(cells.values, _ACTS))
        cells.refuse("CELL_FORMULA_TEXT", acts & (marks == Mark.TEXT), cells.values)


def _named(values: pa.StringArray, mask: Mask) -> pa.StringArray:
    """`a line break (U+000A) at 5` for each cell of `mask`."""
    facts: list[str | None] = [None] * len(values)
    for at in np.flatnonzero(mask).tolist():
        text = values[at].as_py()
        place = next(index for index, sign in enumerate(text) if unicodedata.category(sign) in _UNSEEN_KINDS)
        code = f"U+{ord(text[place]):04X}"
        name = _NAMES.get(text[place])
        facts[at] = f"{f'{name} ({code})' if name else code} at {place + 1}"
    return pa.array(facts, pa.string())


def _cleared(cells: Cells) -> Mask:
    asked: Mask = mask_of(pc.equal(cells.values, CLEAR)) & (cells.marks == Mark.TEXT)
    if cells.column.required:
        cells.refuse("CELL_CLEAR_REFUSED", asked)
    return asked


def _refuse_damage(cells: Cells) -> None:
    column, marks = cells.column, cells.marks
    cells.refuse("EXCEL_DATE_MADE", np.isin(marks, (Mark.DATE, Mark.DATETIME, Mark.TIME)), cells.values)
    if column.kind in _IDENTIFIERS:
        broken = (marks == Mark.NUMBER) & mask_of(pc.match_substring(cells.values, "."))
        cells.refuse("EXCEL_VALUE_MADE", broken | (marks == Mark.BOOL), cells.values)
    rounded = marks == Mark.ROUNDED
    if column.kind is Kind.DECIMAL:  # 0.30000000000000004 is 0.3
        rounded = rounded & ~mask_of(pc.match_substring_regex(cells.values, r"^-?[0-9]{1,12}\.[0-9]+$"))
    cells.refuse("EXCEL_ROUNDED", rounded, cells.values)
    if column.kind is not Kind.CHOICE:
        exponent = mask_of(pc.match_substring_regex(cells.values, _EXPONENT)) & (marks == Mark.TEXT)
        cells.refuse("EXCEL_EXPONENT", exponent, cells.values)
    needed = _DIGITS.get(column.kind, column.min_length)
    if needed and column.kind not in _OTHER:
        short = mask_of(pc.less(pc.utf8_length(cells.values), needed)) & (marks == Mark.NUMBER)
        cells.refuse("EXCEL_ZEROS_LOST", short, cells.values)


def _numbers_as_shown(cells: Cells) -> None:
    """Decimals of more digits than Excel shows are what it shows."""
    longer = (cells.marks == Mark.ROUNDED) & ~cells.bad
    if longer.any():
        values = cells.values.to_pylist()
        for at in np.flatnonzero(longer).tolist():
            values[at] = format(Decimal(f"{float(values[at]):.{_SHOWN_DIGITS}g}"), "f")
        cells.values = pa.array(values, pa.string())


def _spelled(cells: Cells, rules: Rules) -> pa.StringArray:
    """Phone numbers with their country; words of a list as the list has them."""
    column = cells.column
    if column.kind is Kind.PHONE:
        return identifiers.international(_with_plus(cells.values, rules.country_code), rules.country_code)
    words = _words(column, rules)
    if not words:
        return cells.values
    known = pc.is_in(cells.values, value_set=pa.array(words, pa.string()))
    folded = [word.casefold() for word in words]
    place = pc.index_in(pc.utf8_lower(cells.values), value_set=pa.array(folded, pa.string()))
    return pc.if_else(known, cells.values, pc.coalesce(pa.array(words, pa.string()).take(place), cells.values))


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
