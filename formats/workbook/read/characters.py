"""The characters of a column's texts: brought to one spelling, and named where they cannot be meant.

Whatever the spelling changes so that a person would see it is told at the cell.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats import texts
from formats.cells import trimmed
from formats.checks import IDENTIFIER_KINDS
from formats.schema import PLAIN_TEXT, Column, Kind
from formats.workbook.read.column import Cells, Mask, mask_of
from formats.workbook.read.grid import Mark

_UNSEEN_KINDS = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_UNSEEN = "[" + "".join(rf"\p{{{kind}}}" for kind in _UNSEEN_KINDS) + "]"
_NAMES = {
    **{"\n": "a line break", "\r": "a line break", "\t": "a tab", "\u00ad": "a soft hyphen", "\ufeff": "a hidden mark"},
    **{"\u200b": "a blank without width", "\u202e": "a mark that turns the writing round"},
}
_ACTS = r"^(?:[=@]|[+-].*[+*/(|!=])"
"""A text that other programs would take for a formula; not a number with a sign."""

_DIALLED = r"^\+[0-9][0-9 ().-]*$"
"""A telephone number with its trunk zero in brackets is no formula."""


def identifying(column: Column) -> bool:
    """Whether the column's texts stand for things: all that is looked up character by character."""
    return column.kind in IDENTIFIER_KINDS or (column.kind is Kind.TEXT and column.pattern != PLAIN_TEXT)


def spelled(column: Column, values: pa.StringArray) -> pa.StringArray:
    """Trimmed, and in the one spelling of `formats.texts`; a secret is what was typed."""
    if column.secret:
        return trimmed(values)
    return trimmed((texts.identifier_texts if identifying(column) else texts.plain_texts)(values))


def refuse_characters(cells: Cells) -> None:
    """Characters nobody sees, in an identifier any that no keyboard writes, and texts that act."""
    unseen = mask_of(pc.match_substring_regex(cells.values, _UNSEEN))
    cells.refuse("CELL_CHARACTERS", unseen, _named(cells.values, unseen, _is_unseen, _unseen_name))
    column = cells.column
    if identifying(column):
        foreign = mask_of(pc.invert(pc.string_is_ascii(cells.values)))
        cells.refuse("CELL_CHARACTERS", foreign, _named(cells.values, foreign, _is_foreign, texts.character))
    if column.kind is Kind.TEXT and not column.secret:
        acts = mask_of(pc.match_substring_regex(cells.values, _ACTS))
        acts &= ~mask_of(pc.match_substring_regex(cells.values, _DIALLED))
        cells.refuse("CELL_FORMULA_TEXT", acts & (cells.marks == Mark.TEXT), cells.values)


def warn_of_changes(cells: Cells, written: pa.StringArray, read: pa.StringArray) -> None:
    """Where the spelling `read` looks other than what was `written`."""
    if pc.all(pc.string_is_ascii(written)).as_py() is not False:
        return
    before = trimmed(pc.utf8_normalize(written, form="NFC"))
    changed = mask_of(pc.not_equal(before, read)) & ~cells.bad
    if not changed.any():
        return
    spelling = partial(unicodedata.normalize, "NFKC") if identifying(cells.column) else texts.folded
    places = _named(before, changed, lambda sign: spelling(sign) != unicodedata.normalize("NFC", sign), texts.character)
    cells.warn("CELL_RESPELLED", changed, pc.binary_join_element_wise("read as ", read, "; ", places, ""))


def _is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in _UNSEEN_KINDS


def _unseen_name(sign: str) -> str:
    code, name = f"U+{ord(sign):04X}", _NAMES.get(sign)
    return f"{name} ({code})" if name else code


def _is_foreign(sign: str) -> bool:
    return not sign.isascii()


def _named(
    values: pa.StringArray, mask: Mask, wanted: Callable[[str], bool], name: Callable[[str], str]
) -> pa.StringArray:
    """`a line break (U+000A) at 5` for each cell of `mask`: the first character that is `wanted`."""
    facts: list[str | None] = [None] * len(values)
    for at in np.flatnonzero(mask).tolist():
        text = values[at].as_py()
        place = next((index for index, sign in enumerate(text) if wanted(sign)), 0)
        facts[at] = f"{name(text[place])} at {place + 1}"
    return pa.array(facts, pa.string())
