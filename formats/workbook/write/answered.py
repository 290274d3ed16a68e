"""What an upload came to, as the writer of the answered workbook needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import CATALOGUE, Severity
from formats.rules import Rules
from formats.schema import RecordSchema
from formats.template import ROW_FINDINGS, Effect
from formats.workbook.layout import HEADING_ROW, SAMPLE_MARK


class RowState(IntEnum):
    """What the answered workbook says of a row. SAMPLE: passed over; UNJUDGED: read, but never judged."""

    NEW = 0
    CHANGED = 1
    UNCHANGED = 2
    FAILED = 3
    SAMPLE = 4
    UNJUDGED = 5


_STATES = {Effect.NEW: RowState.NEW, Effect.CHANGED: RowState.CHANGED, Effect.UNCHANGED: RowState.UNCHANGED}


def cells_schema(schema: RecordSchema) -> pa.Schema:
    """Of `AnsweredWorkbook.cells`: the row numbers of the sheet and the template's columns as text."""
    return schema.arrow().insert(0, pa.field("row", pa.int64(), nullable=False))


def no_cells(schema: RecordSchema) -> pa.Table:
    """Of a file that was refused as a whole."""
    return cells_schema(schema).empty_table()


@dataclass(frozen=True)
class AnsweredWorkbook:
    """One upload and its result. Times are texts with their zone, as a person reads them.

    `cells`: the texts as they were read from the submitter's sheet (`cells_schema`), in the order of `row`;
    blank rows may be left out, the sample row may be in. `effects`: one `Effect` for each of these rows,
    null for a row that was passed over or never judged; an error finding makes its row FAILED whatever
    stands here. `findings` (`ROW_FINDINGS`): those of rows that are not in `cells` concern the file
    (row 0) or its heading (row 1); their `column` is then a column's name or the text of a heading.
    `lists` and `rules` are those of the template, for the drop-downs.
    """

    number: int | str
    file_name: str
    uploader: str
    received_at: str
    finished_at: str
    status: str
    cells: pa.Table
    effects: pa.Array
    findings: pa.Table = field(default_factory=ROW_FINDINGS.empty_table)
    dry_run: bool = False
    notes: tuple[str, ...] = ()
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)

    def states(self) -> npt.NDArray[np.int8]:
        """One `RowState` for each row of `cells`."""
        rows = self.cells.num_rows
        states = np.full(rows, RowState.UNJUDGED, np.int8)
        for effect, state in _STATES.items():
            states[_mask(pc.equal(self.effects, effect.value))] = state
        failed = pc.is_in(self.cells["row"], value_set=self._error_rows())
        states[_mask(failed) | _mask(pc.equal(self.effects, Effect.FAILED.value))] = RowState.FAILED
        states[self._samples()] = RowState.SAMPLE
        return states

    def counts(self) -> Mapping[RowState, int]:
        """How many rows are in each state."""
        found = np.bincount(self.states(), minlength=len(RowState))
        return {state: int(found[state]) for state in RowState}

    @property
    def refused(self) -> bool:
        """The file as a whole was refused: no row was judged."""
        return len(self.cells) == 0

    def of_the_file(self) -> pa.Table:
        """Findings that belong to no row of `cells`."""
        rows = self.findings["row"]
        return self.findings.filter(pc.invert(pc.is_in(rows, value_set=self.row_numbers)))

    def of_rows(self) -> pa.Table:
        """Findings of rows, in their order."""
        mask = pc.is_in(self.findings["row"], value_set=self.row_numbers)
        return self.findings.filter(mask).sort_by("row")

    def only(self, mask: npt.NDArray[np.bool_]) -> AnsweredWorkbook:
        """The rows where `mask` is true and their findings, numbered anew from below the heading."""
        kept = self.cells.filter(pa.array(mask))
        old = kept["row"].combine_chunks()
        findings = self.findings.filter(pc.is_in(self.findings["row"], value_set=old)).sort_by("row")
        first = HEADING_ROW + 1
        rows = pc.cast(pc.add(pc.index_in(findings["row"], value_set=old), first), pa.int64())
        numbers = pa.array(range(first, first + len(old)), pa.int64())
        cells = kept.set_column(kept.schema.get_field_index("row"), "row", numbers)
        return replace(
            self,
            cells=cells,
            effects=self.effects.filter(pa.array(mask)),
            findings=findings.set_column(0, ROW_FINDINGS.field("row"), rows),
        )

    @property
    def row_numbers(self) -> pa.Int64Array:
        """The sheet's row number of each row of `cells`."""
        return self.cells["row"].combine_chunks()

    def _error_rows(self) -> pa.Array:
        codes = pa.array([code for code, kind in CATALOGUE.items() if kind.severity is Severity.ERROR], pa.string())
        errors = self.findings.filter(pc.is_in(self.findings["code"], value_set=codes))
        return errors["row"].combine_chunks()

    def _samples(self) -> npt.NDArray[np.bool_]:
        first = next(name for name in self.cells.column_names if name != "row")
        return _mask(pc.starts_with(self.cells[first], SAMPLE_MARK))


def _mask(flags: pa.ChunkedArray | pa.Array) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return found
