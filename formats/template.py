"""Templates: what a kind of bulk upload is, as data.

A template is one file in `formats/templates/`: a record schema and `plan`, the function that says
what its rows come to. `plan` is pure: it gets the rows that passed the judge and what the registry
knows about them (its lookups), and returns findings and writes. `jobs.uploads` fetches the one
and carries out the other, each as one set-based statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import CATALOGUE, Severity
from formats.rules import Rules as Rules
from formats.schema import RecordSchema

CLEAR = "CLEAR"
"""Written into a cell it empties the value; a blank cell keeps it."""

ROW_FINDINGS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("column", pa.string()),
        pa.field("code", pa.string(), nullable=False),
        pa.field("fact", pa.string()),
    ]
)
"""Findings of an upload. `fact` is what the submitter needs to know, such as the other frame id; never a secret."""


class Effect(StrEnum):
    """What became of a row. All but FAILED are passed."""

    NEW = "NEW"
    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Lookup:
    """A left join from the rows to one source of the registry (`adapters.registry.records.SOURCES`).

    `on` maps columns of the source to columns of the record; `fields` are what is fetched.
    A cell that is empty matches nothing. Texts of `folded` columns match in any case.
    """

    source: str
    on: Mapping[str, str]
    fields: tuple[str, ...]
    folded: bool = False


Known = Mapping[str, pa.Table]
"""By name of the lookup: a table in the order of the rows, with `matches` (int64; 0 for an empty cell) and the
lookup's fields, which are null unless exactly one record matches. Texts and days are strings, ids and other
whole numbers int64, truth values booleans."""


@dataclass(frozen=True)
class Rows:
    """Rows that passed the judge. `table`: the schema's columns as canonical text, and `row`, the sheet's
    row number. `cleared`: one boolean column per schema column, true where CLEAR was written (the cell
    itself is null).

    `unread`: of rows that failed, one boolean column per schema column, true where the cell was refused (the cell
    itself is null). They are planned for their findings alone."""

    table: pa.Table
    cleared: pa.Table
    unread: pa.Table | None = None

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def numbers(self) -> pa.Int64Array:
        return self._flat(self.table, "row")

    def cell(self, name: str) -> pa.StringArray:
        return self._flat(self.table, name)

    def is_cleared(self, name: str) -> pa.BooleanArray:
        return self._flat(self.cleared, name)

    def given(self, name: str) -> pa.BooleanArray:
        """The cell asks for something: it is filled, or CLEAR."""
        return pc.or_(pc.is_valid(self.cell(name)), self.is_cleared(name))

    def merged(self, name: str, present: pa.Array) -> pa.Array:
        """The value after the upload: the cell, else nothing if cleared, else the present value."""
        kept = pc.if_else(self.is_cleared(name), pa.scalar(None, present.type), present)
        return pc.coalesce(self.cell(name).cast(present.type), kept)

    def is_unread(self, *names: str) -> pa.BooleanArray:
        """One of these cells was refused, so that nothing can be said of it."""
        found = pa.repeat(False, len(self))
        if self.unread is None:
            return found
        for name in names:
            found = pc.or_(found, self._flat(self.unread, name))
        return found

    def without(self, refused: pa.Table) -> Rows:
        """The rows without the cells that the findings `refused` (ROW_FINDINGS) are about."""
        unread: dict[str, pa.Array] = {}
        cells: dict[str, pa.Array] = {}
        cleared: dict[str, pa.Array] = {}
        for name in self.cleared.column_names:
            about = refused.filter(pc.equal(refused["column"], name))
            mask = pc.is_in(self.numbers, value_set=about["row"].combine_chunks())
            unread[name] = mask
            cells[name] = pc.if_else(mask, pa.scalar(None, pa.string()), self.cell(name))
            cleared[name] = pc.and_not(self.is_cleared(name), mask)
        return Rows(pa.table({**cells, "row": self.numbers}), pa.table(cleared), pa.table(unread))

    def where(self, mask: pa.BooleanArray) -> Rows:
        return Rows(self.table.filter(mask).combine_chunks(), self.cleared.filter(mask).combine_chunks())

    def slice(self, start: int, size: int) -> Rows:
        return Rows(self.table.slice(start, size).combine_chunks(), self.cleared.slice(start, size).combine_chunks())

    @staticmethod
    def _flat(table: pa.Table, name: str) -> pa.Array:
        column = table.column(name)
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


@dataclass(frozen=True)
class Reference:
    """A foreign key that is known by a value: `key` of the record of `table` whose `by` equals that value."""

    table: str
    by: str


@dataclass(frozen=True)
class Write:
    """One set-based statement. Without `key` the rows are inserted, else the records they name are updated.

    `rows`: the table's columns (text, int64 and booleans, null empties), and `row` to know whose they are:
    what belongs to a row that fails in the end is not written. A column in `references` holds the value by
    which the reference is found. Each row reaches exactly one record, and each reference that is given is
    found, or nothing may be kept.

    `emptied`: columns that become null in the records `key` names, however many these are, also none.
    `numbered`: columns of inserted records whose empty cells get this prefix and a number of their own.
    """

    table: str
    rows: pa.Table
    key: tuple[str, ...] = ()
    references: Mapping[str, Reference] = field(default_factory=dict)
    emptied: tuple[str, ...] = ()
    numbered: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What the rows come to. `effects`: one per row; of rows with an error finding it is not looked at.

    `orders`: Order Dispatch rows (its columns and `row`) that go the way of an order file. A row is
    carried out whole or not at all. `owner`: whose (id) the row's record is afterwards, if a row can change that.
    """

    findings: pa.Table
    effects: pa.StringArray
    writes: tuple[Write, ...] = ()
    orders: pa.Table | None = None
    owner: pa.Int64Array | None = None

    @property
    def failed(self) -> pa.Int64Array:
        """Numbers of the rows that have an error finding."""
        errors = [code for code, kind in CATALOGUE.items() if kind.severity is Severity.ERROR]
        mask = pc.is_in(self.findings["code"], value_set=pa.array(errors, pa.string()))
        return self.findings["row"].filter(mask).combine_chunks().unique()


class Faults:
    """Collects the findings of a plan, in the order they are added."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._parts: list[pa.Table] = [ROW_FINDINGS.empty_table()]
        self._failed = pa.array([False] * len(rows), pa.bool_())

    def add(
        self, code: str, column: str, mask: pa.Array, fact: pa.Array | None = None, rests_on: Sequence[str] = ()
    ) -> None:
        """A finding at `column` of every row where `mask` is true (null counts as false).

        `rests_on`: other columns without which `mask` says nothing; where one of them was refused, nothing is found.
        """
        hit = pc.fill_null(mask, False)
        hit = hit.combine_chunks() if isinstance(hit, pa.ChunkedArray) else hit
        hit = pc.and_not(hit, self._rows.is_unread(column, *rests_on))
        numbers = self._rows.numbers.filter(hit)
        size = len(numbers)
        facts = pa.nulls(size, pa.string()) if fact is None else fact.filter(hit)
        columns = [numbers, pa.array([column] * size, pa.string()), pa.array([code] * size, pa.string()), facts]
        self._parts.append(pa.table(columns, schema=ROW_FINDINGS))
        if CATALOGUE[code].severity is Severity.ERROR:
            self._failed = pc.or_(self._failed, hit)

    @property
    def passed(self) -> pa.BooleanArray:
        """Rows without an error so far."""
        return pc.invert(self._failed)

    @property
    def findings(self) -> pa.Table:
        return pa.concat_tables(self._parts)


@dataclass(frozen=True)
class Template:
    """One kind of bulk upload.

    `purpose`: one or two sentences for staff, shown on the instructions sheet and the docs page.
    `hints`: what else they should know, one sentence each.
    `owners`: paths "lookup.field" to the customers (ids) a row concerns, `touched`: to those of further records it
    touches. An uploader who is limited to one customer may upload only rows all of whose records that are there
    are known to be that customer's, and at least one owner is. A template without owners is closed to them.
    """

    name: str
    version: int
    schema: RecordSchema
    purpose: str
    plan: Callable[[Rows, Known, Rules], Plan]
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()
    orders: bool = False  # its rows become order lines

    @property
    def title(self) -> str:
        return self.schema.title
