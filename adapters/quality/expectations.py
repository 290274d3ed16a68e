"""Expectations Great Expectations does not ship, and the metrics behind them.

Written apart from `formats.judge`, with other means (datetime, python-stdnum, plain Python):
the reporter is of use only if it can disagree with the judge. Importing this module imports
Great Expectations, which costs seconds; `adapters.quality` does so at first use.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, ClassVar

import pandas as pd
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider.column_condition_partial import (
    column_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_map_metric_provider import (
    ColumnMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
    column_pair_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
    ColumnPairMapMetricProvider,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from stdnum import luhn

from formats.checks import DATE_PATTERN, MOMENT_PATTERN
from formats.identifiers import PATTERNS, SERIAL_PATTERN
from formats.schema import Kind

_ROWS = ("batch_id", "table", "row_condition", "condition_parser", "ignore_row_if")
_DIGITS = frozenset("0123456789")
_HEX = _DIGITS | frozenset("ABCDEF")
_MOMENT = re.compile(MOMENT_PATTERN, re.ASCII)
_DAY = re.compile(DATE_PATTERN, re.ASCII)
_SERIAL = re.compile(SERIAL_PATTERN, re.ASCII)
_VIN = re.compile(PATTERNS[Kind.VIN], re.ASCII)
_EMAIL = re.compile(PATTERNS[Kind.EMAIL], re.ASCII)


def moment(cell: str) -> datetime | None:
    """The moment or the day a cell names, or None if it names none."""
    if day(cell):
        return datetime.fromisoformat(f"{cell}T00:00:00Z")
    if not _MOMENT.fullmatch(cell):
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def day(cell: str) -> date | None:
    """The day a cell names, or None if it names none."""
    if not _DAY.fullmatch(cell):
        return None
    try:
        return date.fromisoformat(cell)
    except ValueError:
        return None


def _is_imei(cell: str) -> bool:
    return len(cell) == 15 and _DIGITS.issuperset(cell) and bool(luhn.is_valid(cell))


def _is_meid(cell: str) -> bool:
    return len(cell) == 14 and _HEX.issuperset(cell) and (cell[0] in "ABCDEF" or _DIGITS.issuperset(cell))


def _is_mac(cell: str) -> bool:
    pairs = cell.split(":")
    well_formed = len(pairs) == 6 and all(len(pair) == 2 and _HEX.issuperset(pair) for pair in pairs)
    return well_formed and int(pairs[0], 16) % 2 == 0  # an odd first octet is a group address


def _is_phone(cell: str) -> bool:
    digits = cell[1:]
    return cell[:1] == "+" and 7 <= len(digits) <= 15 and _DIGITS.issuperset(digits) and digits[0] != "0"


_IDENTIFIER: dict[str, Callable[[str], bool]] = {
    Kind.SERIAL: lambda cell: _SERIAL.fullmatch(cell) is not None,
    Kind.IMEI: _is_imei,
    Kind.MEID: _is_meid,
    Kind.MAC: _is_mac,
    Kind.VIN: lambda cell: _VIN.fullmatch(cell) is not None,
    Kind.PHONE: _is_phone,
    Kind.EMAIL: lambda cell: _EMAIL.fullmatch(cell) is not None,
}


def _mask(column: pd.Series, holds: Callable[[str], bool]) -> pd.Series:
    """Each text is asked about once, however many rows have it."""
    known = {cell: holds(cell) for cell in set(column)}
    return pd.Series([known[cell] for cell in column], index=column.index, dtype=bool)


class ColumnValuesPattern(ColumnMapMetricProvider):
    condition_metric_name = "column_values.pattern"
    condition_value_keys = ("pattern",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, pattern: str, **_: Any) -> pd.Series:  # noqa: N805
        whole_cell = re.compile(rf"\A(?:{pattern})\Z", re.ASCII)  # RE2's \d and \w are ASCII, too
        return _mask(column, lambda cell: whole_cell.match(cell) is not None)


class ColumnValuesIdentifier(ColumnMapMetricProvider):
    condition_metric_name = "column_values.identifier"
    condition_value_keys = ("kind",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, kind: str, **_: Any) -> pd.Series:  # noqa: N805
        return _mask(column, _IDENTIFIER[kind])


class ColumnValuesDay(ColumnMapMetricProvider):
    condition_metric_name = "column_values.day"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:  # noqa: N805
        return _mask(column, lambda cell: day(cell) is not None)


class ColumnValuesMoment(ColumnMapMetricProvider):
    condition_metric_name = "column_values.moment"

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: pd.Series, **_: Any) -> pd.Series:  # noqa: N805
        return _mask(column, lambda cell: day(cell) is None and moment(cell) is not None)


class ColumnPairMomentNotBefore(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.moment_not_before"
    condition_domain_keys = (*_ROWS, "column_A", "column_B")

    @column_pair_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]  # untyped in gx
    def _pandas(cls, column_A: pd.Series, column_B: pd.Series, **_: Any) -> pd.Series:  # noqa: N803, N805
        known = {cell: moment(cell) for cell in {*column_A, *column_B}}
        pairs = ((known[a], known[b]) for a, b in zip(column_A, column_B, strict=True))
        return pd.Series([a is None or b is None or a >= b for a, b in pairs], index=column_A.index, dtype=bool)


class ColumnsAnyGiven(MulticolumnMapMetricProvider):
    condition_metric_name = "columns.any_given"
    condition_domain_keys = (*_ROWS, "column_list")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]  # untyped in gx
    def _pandas(cls, column_list: pd.DataFrame, **_: Any) -> pd.Series:  # noqa: N805
        return column_list.notna().any(axis=1)


class ExpectColumnValuesToMatchPattern(ColumnMapExpectation):
    """Every cell, as a whole, matches `pattern`.

    The core expectation searches with the engine of the column's storage, which for Arrow
    strings is the judge's own RE2; this one uses Python's.
    """

    map_metric: ClassVar[str] = "column_values.pattern"
    success_keys: ClassVar[tuple[str, ...]] = ("pattern", "mostly")
    pattern: str


class ExpectColumnValuesToBeDeviceIdentifier(ColumnMapExpectation):
    """Every cell is an identifier of `kind` in its canonical spelling."""

    map_metric: ClassVar[str] = "column_values.identifier"
    success_keys: ClassVar[tuple[str, ...]] = ("kind", "mostly")
    kind: str


class ExpectColumnValuesToBeDay(ColumnMapExpectation):
    """Every cell is a day that exists."""

    map_metric: ClassVar[str] = "column_values.day"


class ExpectColumnValuesToBeMoment(ColumnMapExpectation):
    """Every cell is a UTC date-time that exists."""

    map_metric: ClassVar[str] = "column_values.moment"


class ExpectColumnPairMomentNotBefore(ColumnPairMapExpectation):
    """The moment in column A does not lie before the one in column B."""

    map_metric: ClassVar[str] = "column_pair_values.moment_not_before"
    success_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B", "ignore_row_if", "mostly")
    ignore_row_if: str = "either_value_is_missing"


class ExpectAnyColumnGiven(MulticolumnMapExpectation):
    """At least one of the columns is filled."""

    map_metric: ClassVar[str] = "columns.any_given"
