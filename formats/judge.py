"""The judge: decides, column by column, which rows pass a record schema.

In: a table of text columns (an empty cell is null). Out: a verdict with one finding row
per failed check and the mask of rows that passed every check.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.checks import (
    DATE_PATTERN,
    MOMENT_PATTERN,
    NUMBER_PATTERNS,
    CellCheck,
    Check,
    InChoices,
    IsDate,
    IsDecimal,
    IsIdentifier,
    IsInteger,
    IsMoment,
    LengthBetween,
    MatchesPattern,
    NotEmpty,
    checks_of,
    code_of,
    columns_of,
)
from formats.findings import FINDINGS_SCHEMA
from formats.schema import (
    AnyGiven,
    EmptyWhen,
    NotBefore,
    RecordSchema,
    RequiredWhen,
    Rule,
    UniqueTogether,
)


@dataclass(frozen=True)
class Verdict:
    """`findings` follows `FINDINGS_SCHEMA`; `passed` has one flag per row of the table."""

    findings: pa.Table
    passed: pa.BooleanArray


def judge(schema: RecordSchema, table: pa.Table, rows: pa.Array | None = None) -> Verdict:
    """Judge `table` against `schema`; `rows` are the source row numbers (default: 1, 2, …)."""
    flat = table.combine_chunks()
    numbers = rows if rows is not None else pa.array(range(1, flat.num_rows + 1), pa.int64())
    failed_any = pa.array([False] * flat.num_rows, pa.bool_())
    parts: list[pa.Table] = []
    for check in checks_of(schema):
        failed = failures(check, flat)
        if not pc.any(failed).as_py():
            continue
        failed_any = pc.or_(failed_any, failed)
        parts.append(_findings(check, numbers.filter(failed)))
    found = pa.concat_tables(parts) if parts else FINDINGS_SCHEMA.empty_table()
    return Verdict(found.sort_by("row"), pc.invert(failed_any))


def failures(check: Check, table: pa.Table) -> pa.BooleanArray:
    """One flag per row: True where the row fails `check`."""
    if isinstance(check, CellCheck):
        return _cell_failures(check, _cells(table, check.column))
    return _row_failures(check, table)


def _cell_failures(check: CellCheck, cells: pa.StringArray) -> pa.BooleanArray:
    match check:
        case NotEmpty():
            return pc.is_null(cells)
        case MatchesPattern(pattern=pattern):
            return _refuted(_matches(cells, pattern))
        case LengthBetween(minimum=low, maximum=high):
            size = pc.utf8_length(cells)
            return _refuted(pc.and_(pc.greater_equal(size, low), pc.less_equal(size, high)))
        case InChoices(choices=choices):
            listed = pc.is_in(cells, value_set=pa.array(choices, pa.string()))
            return pc.and_(pc.is_valid(cells), pc.invert(listed))
        case IsInteger() | IsDecimal():
            return _refuted(_matches(cells, NUMBER_PATTERNS[type(check)]))
        case IsDate() | IsMoment():
            read = days if isinstance(check, IsDate) else moments
            return pc.and_(pc.is_valid(cells), pc.is_null(read(cells)))
        case IsIdentifier(kind=kind):
            return _refuted(identifiers.valid(kind, cells))


def _row_failures(rule: Rule, table: pa.Table) -> pa.BooleanArray:
    match rule:
        case UniqueTogether(columns=columns):
            return _repeated([_cells(table, name) for name in columns])
        case AnyGiven(columns=columns, unless=unless, values=values):
            none_given = pc.is_null(pc.coalesce(*(_cells(table, name) for name in columns)))
            return none_given if unless is None else pc.and_not(none_given, _is_one_of(table, unless, values))
        case RequiredWhen(column=column, when=when, values=values):
            return pc.and_(pc.is_null(_cells(table, column)), _is_one_of(table, when, values))
        case EmptyWhen(column=column, when=when, values=values):
            return pc.and_(pc.is_valid(_cells(table, column)), _is_one_of(table, when, values))
        case NotBefore(column=column, other=other):
            early = pc.less(_times(_cells(table, column)), _times(_cells(table, other)))
            return pc.fill_null(early, False)


def moments(cells: pa.StringArray) -> pa.TimestampArray:
    """UTC seconds; null where the cell is empty or no moment of the calendar."""
    return _parsed(cells, MOMENT_PATTERN, "%Y-%m-%dT%H:%M:%SZ")


def days(cells: pa.StringArray) -> pa.TimestampArray:
    """The first second of each day; null where the cell is empty or no day of the calendar."""
    return _parsed(cells, DATE_PATTERN, "%Y-%m-%d")


def _times(cells: pa.StringArray) -> pa.TimestampArray:
    return pc.coalesce(moments(cells), days(cells))


def _parsed(cells: pa.StringArray, pattern: str, form: str) -> pa.TimestampArray:
    """Each text is parsed once, however many rows have it: days repeat."""
    encoded = cells.dictionary_encode()
    return _parsed_each(encoded.dictionary, pattern, form).take(encoded.indices)


def _parsed_each(cells: pa.StringArray, pattern: str, form: str) -> pa.TimestampArray:
    well_formed = pc.if_else(_matches(cells, pattern), cells, pa.scalar(None, pa.string()))
    parsed = pc.strptime(well_formed, format=form, unit="s", error_is_null=True)
    # strptime rolls 31 April over to 1 May: a time counts only if it prints as it was written
    printed = pc.strftime(parsed, format=form)
    return pc.if_else(pc.equal(printed, well_formed), parsed, pa.scalar(None, parsed.type))


def _cells(table: pa.Table, name: str) -> pa.StringArray:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _matches(cells: pa.StringArray, pattern: str) -> pa.BooleanArray:
    return pc.match_substring_regex(cells, f"^(?:{pattern})$")


def _refuted(holds: pa.BooleanArray) -> pa.BooleanArray:
    """Failed where the check does not hold; an empty cell (null) does not fail."""
    return pc.fill_null(pc.invert(holds), False)


def _is_one_of(table: pa.Table, name: str, values: tuple[str, ...]) -> pa.BooleanArray:
    return pc.is_in(_cells(table, name), value_set=pa.array(values, pa.string()))


def _repeated(columns: list[pa.StringArray]) -> pa.BooleanArray:
    """True for every row of a group of equal rows (not only the later ones)."""
    names = [f"c{index}" for index in range(len(columns))]
    position = pa.array(range(len(columns[0])), pa.int64())
    keyed = pa.table([*columns, position], names=[*names, "position"])
    complete = keyed.filter(pc.is_valid(pc.binary_join_element_wise(*columns, "")))
    groups = complete.group_by(names, use_threads=False).aggregate([("position", "count")])
    joined = complete.join(groups.filter(pc.greater(groups["position_count"], 1)), names, join_type="inner")
    return pc.is_in(position, value_set=joined["position"].combine_chunks())


def _findings(check: Check, rows: pa.Array) -> pa.Table:
    size = len(rows)
    return pa.table(
        [rows, pa.array([columns_of(check)[0]] * size, pa.string()), pa.array([code_of(check)] * size, pa.string())],
        schema=FINDINGS_SCHEMA,
    )
