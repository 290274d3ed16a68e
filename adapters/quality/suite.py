"""From the checks of a record schema to a Great Expectations suite, and the suite's run.

Importing this module imports Great Expectations; `adapters.quality` does so at first use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import great_expectations as gx
import pandas as pd
import pyarrow as pa
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.expectations.core.expect_column_value_lengths_to_be_between import (
    ExpectColumnValueLengthsToBeBetween,
)
from great_expectations.expectations.core.expect_column_values_to_be_in_set import ExpectColumnValuesToBeInSet
from great_expectations.expectations.core.expect_column_values_to_be_null import ExpectColumnValuesToBeNull
from great_expectations.expectations.core.expect_column_values_to_be_unique import ExpectColumnValuesToBeUnique
from great_expectations.expectations.core.expect_column_values_to_not_be_null import ExpectColumnValuesToNotBeNull
from great_expectations.expectations.core.expect_compound_columns_to_be_unique import ExpectCompoundColumnsToBeUnique
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.row_conditions import Column

from adapters.quality import expectations as own
from formats.checks import (
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
    columns_of,
)
from formats.schema import AnyGiven, EmptyWhen, NotBefore, RecordSchema, RequiredWhen, Rule, UniqueTogether
from jobs.errors import MusterError
from jobs.runs import ExpectationResult, Validation

_POSITION = "check"
_COUNTS_ONLY = {"result_format": "BASIC", "partial_unexpected_count": 0}


def run(schema: RecordSchema, table: pa.Table, subject: str) -> Validation:
    """See `adapters.quality.validate`."""
    checks = checks_of(schema)
    suite = gx.ExpectationSuite(
        name=schema.name,
        expectations=[_expectation(check, position) for position, check in enumerate(checks)],
    )
    document = _batch(_frame(table)).validate(suite, result_format=_COUNTS_ONLY)
    # gx returns what raised first and the rest by column: back into the order of the schema
    outcomes = {outcome.expectation_config.meta[_POSITION]: outcome for outcome in document.results}
    results = tuple(_counts(check, outcomes[position]) for position, check in enumerate(checks))
    return Validation(subject, schema.name, table.num_rows, all(result.success for result in results), results)


def _frame(table: pa.Table) -> pd.DataFrame:
    """Plain Python strings and None: no cell is evaluated by Arrow, the judge's engine."""
    cells = {name: pd.Series(table.column(name).to_pylist(), dtype=object) for name in table.column_names}
    return pd.DataFrame(cells, index=pd.RangeIndex(table.num_rows))


def _batch(frame: pd.DataFrame) -> Any:
    config = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
    )
    context = gx.get_context(project_config=config, mode="ephemeral")
    asset = context.data_sources.add_pandas("run").add_dataframe_asset("table")
    return asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})


_TIMES = {IsDate: own.ExpectColumnValuesToBeDay, IsMoment: own.ExpectColumnValuesToBeMoment}


def _expectation(check: Check, position: int) -> Expectation:
    meta = {_POSITION: position}
    return _cell_expectation(check, meta) if isinstance(check, CellCheck) else _row_expectation(check, meta)


def _cell_expectation(check: CellCheck, meta: dict[str, int]) -> Expectation:
    match check:
        case NotEmpty(column):
            return ExpectColumnValuesToNotBeNull(column=column, meta=meta)
        case MatchesPattern(column, pattern):
            return own.ExpectColumnValuesToMatchPattern(column=column, pattern=pattern, meta=meta)
        case IsInteger(column) | IsDecimal(column):
            pattern = NUMBER_PATTERNS[type(check)]
            return own.ExpectColumnValuesToMatchPattern(column=column, pattern=pattern, meta=meta)
        case LengthBetween(column, low, high):
            return ExpectColumnValueLengthsToBeBetween(column=column, min_value=low, max_value=high, meta=meta)
        case InChoices(column, choices):
            return ExpectColumnValuesToBeInSet(column=column, value_set=_texts(choices), meta=meta)
        case IsDate(column) | IsMoment(column):
            return _TIMES[type(check)](column=column, meta=meta)
        case IsIdentifier(column, kind):
            return own.ExpectColumnValuesToBeDeviceIdentifier(column=column, kind=kind.value, meta=meta)


def _row_expectation(check: Rule, meta: dict[str, int]) -> Expectation:
    match check:
        case UniqueTogether((column,)):
            return ExpectColumnValuesToBeUnique(column=column, meta=meta)
        case UniqueTogether(columns):
            return ExpectCompoundColumnsToBeUnique(
                column_list=list(columns), ignore_row_if="any_value_is_missing", meta=meta
            )
        case AnyGiven(columns, unless, values):
            condition = None if unless is None else Column(unless).is_not_in(_texts(values))
            return _any_given(columns, condition, meta)
        case RequiredWhen(column, when, values):
            condition = Column(when).is_in(_texts(values))
            return ExpectColumnValuesToNotBeNull(column=column, row_condition=condition, meta=meta)
        case EmptyWhen(column, when, values):
            condition = Column(when).is_in(_texts(values))
            return ExpectColumnValuesToBeNull(column=column, row_condition=condition, meta=meta)
        case NotBefore(column, other):
            return own.ExpectColumnPairMomentNotBefore(column_A=column, column_B=other, meta=meta)


def _any_given(columns: tuple[str, ...], condition: Any, meta: dict[str, int]) -> Expectation:
    if len(columns) == 1:
        return ExpectColumnValuesToNotBeNull(column=columns[0], row_condition=condition, meta=meta)
    return own.ExpectAnyColumnGiven(
        column_list=list(columns), row_condition=condition, ignore_row_if="never", meta=meta
    )


def _texts(values: tuple[str, ...]) -> list[str]:
    return [str(value) for value in values]


def _counts(check: Check, outcome: Any) -> ExpectationResult:
    """The counts of one result, and nothing else of it: gx keeps cell values in most fields."""
    expectation, column = outcome.expectation_config.type, ", ".join(columns_of(check))
    counts = outcome.result
    if _raised(outcome.exception_info) or "unexpected_count" not in counts:
        raise MusterError("The reporter could not evaluate an expectation", expectation=expectation, column=column)
    unexpected = int(counts["unexpected_count"])
    return ExpectationResult(expectation, column, unexpected == 0, int(counts["element_count"]), unexpected)


def _raised(info: Mapping[str, Any]) -> bool:
    """gx nests the exception of a metric one level deeper, under the metric's id."""
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(nested["raised_exception"] for nested in info.values())
