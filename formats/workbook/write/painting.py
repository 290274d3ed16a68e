"""The rows of an answered workbook, column by column: what stands in each cell and how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from xlsxwriter.format import Format

from formats.findings import CATALOGUE, Severity
from formats.judge import days
from formats.schema import Column, Kind, RecordSchema
from formats.workbook.write.answered import AnsweredWorkbook, RowState
from formats.workbook.write.answered_texts import results, what_is_wrong, what_to_do
from formats.workbook.write.book import MAX_TEXT, fit
from formats.workbook.write.sheet_xml import SheetColumn
from formats.workbook.write.styles import Look, Styles

_ALL_LOOKS = tuple(Look)
_CODES = {look: code for code, look in enumerate(_ALL_LOOKS)}
_ERRORS = tuple(code for code, kind in CATALOGUE.items() if kind.severity is Severity.ERROR)
_DAY_ZERO = 25_569  # 1970-01-01 in Excel's count of days
_FIRST_DAY = 61  # 1900-03-01; before it Excel counts a day that never was
_SECONDS = 86_400


@dataclass(frozen=True)
class Painted:
    """A column whose styles get their numbers when the workbook has been closed."""

    texts: pa.StringArray
    looks: npt.NDArray[np.int8]
    formats: Sequence[Format]
    numbers: pa.BooleanArray | None = None

    def finished(self) -> SheetColumn:
        numbers = np.array([style.xf_index for style in self.formats], np.int32)
        return SheetColumn(self.texts, numbers[self.looks], self.numbers)


class Painter:
    """Gives every cell of an answered workbook its look: that of its row, and its own where something was found."""

    def __init__(
        self,
        styles: Styles,
        answer: AnsweredWorkbook,
        looks: Mapping[RowState, Look],
        origins: pa.Int64Array | None = None,
    ) -> None:
        """`origins`: the rows' numbers in the file that was sent, if these are other ones."""
        self._styles = styles
        self._origins = origins
        self._answer = answer
        self._states = answer.states()
        self._row_looks = np.array([_CODES[looks[state]] for state in RowState], np.int8)[self._states]
        self._findings = answer.of_rows()
        self._places = pc.index_in(self._findings["row"], value_set=answer.row_numbers)
        self._is_error = pc.is_in(self._findings["code"], value_set=pa.array(_ERRORS, pa.string()))

    def columns(self, schema: RecordSchema) -> list[Painted]:
        """The template's columns, and those of the answer."""
        rows = self._answer.row_numbers
        wrong = what_is_wrong(schema, self._findings, rows)
        if self._origins is not None:
            before = pc.binary_join_element_wise("Row ", self._origins.cast(pa.string()), " of the file sent.\n", "")
            wrong = pc.binary_join_element_wise(before, pc.fill_null(wrong, ""), "")
        texts = (
            results(self._states, self._answer.dry_run),
            wrong,
            what_to_do(self._findings, rows),
        )
        wrapped = self._formats(Kind.TEXT, wrapped=True)
        behind = [Painted(_fitting(text), self._row_looks, wrapped) for text in texts]
        return [*map(self._column, schema.columns), *behind]

    def _column(self, column: Column) -> Painted:
        texts = self._answer.cells[column.name].combine_chunks()
        looks = self._looks(column.name)
        formats = self._formats(column.kind)
        if column.secret:
            filled = pc.is_valid(texts).to_numpy(zero_copy_only=False)
            looks[filled & (looks == self._row_looks)] = _CODES[Look.HIDDEN]
            return Painted(pa.nulls(len(texts), pa.string()), looks, formats)
        if column.kind is Kind.DATE:
            return Painted(*_dates(_fitting(texts), looks, formats))
        return Painted(_fitting(texts), looks, formats)

    def _looks(self, name: str) -> npt.NDArray[np.int8]:
        looks = self._row_looks.copy()
        here = pc.equal(self._findings["column"], name)
        for look, mask in (
            (Look.WARNING, pc.and_not(here, self._is_error)),
            (Look.ERROR, pc.and_(here, self._is_error)),
        ):
            looks[self._places.filter(pc.fill_null(mask, False)).to_numpy()] = _CODES[look]
        return looks

    def _formats(self, kind: Kind, wrapped: bool = False) -> Sequence[Format]:
        return [self._styles.cell(kind, look, wrapped) for look in _ALL_LOOKS]


def _dates(
    texts: pa.StringArray, looks: npt.NDArray[np.int8], formats: Sequence[Format]
) -> tuple[pa.StringArray, npt.NDArray[np.int8], Sequence[Format], pa.BooleanArray]:
    """Days become real dates; whatever else was written stays the text it was."""
    seconds = days(texts).cast(pa.timestamp("s")).cast(pa.int64())
    serial = pc.add(pc.divide(seconds, _SECONDS), _DAY_ZERO)
    is_day = pc.fill_null(pc.greater_equal(serial, _FIRST_DAY), False)
    return pc.if_else(is_day, serial.cast(pa.string()), texts), looks, formats, is_day


def _fitting(texts: pa.StringArray) -> pa.StringArray:
    """Texts a cell can hold, longer ones cut with a mark."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    if longest <= MAX_TEXT:
        return texts
    return pa.array([None if text is None else fit(text) for text in texts.to_pylist()], pa.string())
