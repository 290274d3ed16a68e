"""What cells show beside what they hold: numbers by their format, and the names of errors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from formats.workbook.read.grid import FORMULA, Mark, Marks
from formats.workbook.read.inspection import COLUMN_BITS, LAST_COLUMN, SheetFacts
from formats.workbook.read.number_form import general, shown

_LONG = 12  # digits, from which on General may show an exponent
_Value = TypeVar("_Value", int, str)
_NUMBERS = (Mark.NUMBER, Mark.ROUNDED)


def shown_texts(
    texts: Sequence[pa.StringArray], marks: Marks, facts: SheetFacts, forms: Sequence[str]
) -> list[pa.StringArray]:
    """By column: what its numbers and errors show, null where that is what is held. `marks`: columns × rows."""
    styled = _by_column(facts.formatted, facts.styles)
    errors = _by_column(facts.errors, facts.error_names)
    return [
        _placed(_shown(text, marks[at], styled.get(at, {}), forms) | errors.get(at, {}), len(text))
        for at, text in enumerate(texts)
    ]


def _by_column(cells: Sequence[int], values: Sequence[_Value]) -> dict[int, dict[int, _Value]]:
    """The values by column, and there by row from 0."""
    found: dict[int, dict[int, _Value]] = {}
    for cell, value in zip(cells, values, strict=True):
        found.setdefault(cell & LAST_COLUMN, {})[(cell >> COLUMN_BITS) - 1] = value
    return found


def _shown(text: pa.StringArray, marks: Marks, styles: dict[int, int], forms: Sequence[str]) -> dict[int, str]:
    numbers = np.isin(marks & ~np.int8(FORMULA), _NUMBERS)
    long = numbers & (pc.binary_length(text).to_numpy(zero_copy_only=False) >= _LONG)
    found: dict[int, str] = {}
    for at in np.flatnonzero(long).tolist():
        if at not in styles and (exponent := _exponent(text[at].as_py())):
            found[at] = exponent
    for at, style in styles.items():
        held = text[at].as_py() if at < len(text) and numbers[at] else ""
        if held and math.isfinite(float(held)) and (said := shown(forms[style], float(held))) != held:
            found[at] = said
    return found


def _exponent(held: str) -> str | None:
    number = float(held)
    return general(number) if math.isfinite(number) else None


def _placed(by_place: dict[int, str], size: int) -> pa.StringArray:
    places = sorted(at for at in by_place if at < size)
    nothing = pa.nulls(size, pa.string())
    if not places:
        return nothing
    mask = np.zeros(size, dtype=bool)
    mask[places] = True
    return pc.replace_with_mask(nothing, pa.array(mask), pa.array([by_place[at] for at in places], pa.string()))
