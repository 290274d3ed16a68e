"""The checks that follow from a record schema, as data.

Two interpreters read this list: the judge (`formats.judge`, Arrow, decides) and the
reporter (`adapters.quality`, Great Expectations, reports). A property test holds them equal.
Every check but `NotEmpty`, `AnyGiven` and `RequiredWhen` passes over empty cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from formats.schema import (
    AnyGiven,
    Column,
    EmptyWhen,
    Kind,
    NotBefore,
    RecordSchema,
    RequiredWhen,
    Rule,
    UniqueTogether,
)


@dataclass(frozen=True)
class NotEmpty:
    column: str


@dataclass(frozen=True)
class MatchesPattern:
    """The whole cell matches `pattern` (no anchors in it)."""

    column: str
    pattern: str


@dataclass(frozen=True)
class LengthBetween:
    """Length in characters, both ends included."""

    column: str
    minimum: int
    maximum: int


@dataclass(frozen=True)
class InChoices:
    column: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class IsInteger:
    """Decimal digits, at most 18 of them, no sign."""

    column: str


@dataclass(frozen=True)
class IsDecimal:
    """A plain decimal number: no exponent, a point, at most 12 digits on either side of it."""

    column: str


@dataclass(frozen=True)
class IsDate:
    """`YYYY-MM-DD`, a day of the Gregorian calendar, year 1000 or later."""

    column: str


@dataclass(frozen=True)
class IsMoment:
    """`YYYY-MM-DDThh:mm:ssZ`, a moment of the Gregorian calendar, year 1000 or later."""

    column: str


@dataclass(frozen=True)
class IsIdentifier:
    column: str
    kind: Kind


CellCheck = (
    NotEmpty | MatchesPattern | LengthBetween | InChoices | IsInteger | IsDecimal | IsDate | IsMoment | IsIdentifier
)
Check = CellCheck | Rule

IDENTIFIER_KINDS = (Kind.SERIAL, Kind.IMEI, Kind.MEID, Kind.MAC, Kind.VIN, Kind.PHONE, Kind.EMAIL)
INTEGER_PATTERN = "[0-9]{1,18}"
DECIMAL_PATTERN = r"-?[0-9]{1,12}(\.[0-9]{1,12})?"
DATE_PATTERN = "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"
MOMENT_PATTERN = f"{DATE_PATTERN}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z"


NUMBER_PATTERNS: Mapping[type, str] = {IsInteger: INTEGER_PATTERN, IsDecimal: DECIMAL_PATTERN}


def checks_of(schema: RecordSchema) -> tuple[Check, ...]:
    """Every check of the schema, columns first in their order, then the rules."""
    cells = tuple(check for column in schema.columns for check in _cell_checks(column))
    return cells + schema.rules


def code_of(check: Check) -> str:
    """The finding a failed check leaves (`formats.findings.CATALOGUE`)."""
    if isinstance(check, IsIdentifier):
        return f"{check.kind.upper()}_INVALID"
    return _CODES[type(check)]


def columns_of(check: Check) -> tuple[str, ...]:
    """The columns a check reads; its finding is placed at the first of them."""
    if isinstance(check, (UniqueTogether, AnyGiven)):
        return check.columns
    if isinstance(check, (RequiredWhen, EmptyWhen)):
        return (check.column, check.when)
    if isinstance(check, NotBefore):
        return (check.column, check.other)
    return (check.column,)


_CODES: dict[type, str] = {
    NotEmpty: "CELL_EMPTY",
    MatchesPattern: "CELL_PATTERN",
    LengthBetween: "CELL_LENGTH",
    InChoices: "CELL_CHOICE",
    IsInteger: "CELL_INTEGER",
    IsDecimal: "CELL_NUMBER",
    IsDate: "CELL_DAY",
    IsMoment: "CELL_DATE",
    UniqueTogether: "ROW_DUPLICATE",
    AnyGiven: "DEVICE_UNIDENTIFIED",
    RequiredWhen: "CELL_EMPTY",
    EmptyWhen: "CELL_NOT_EMPTY",
    NotBefore: "DATE_ORDER",
}


_PLAIN_CHECKS: Mapping[Kind, type[IsInteger | IsDecimal | IsDate | IsMoment]] = {
    Kind.INTEGER: IsInteger,
    Kind.DECIMAL: IsDecimal,
    Kind.DATE: IsDate,
    Kind.MOMENT: IsMoment,
}


def _cell_checks(column: Column) -> list[CellCheck]:
    checks: list[CellCheck] = []
    if column.required:
        checks.append(NotEmpty(column.name))
    if column.kind in IDENTIFIER_KINDS:
        checks.append(IsIdentifier(column.name, column.kind))
    elif column.kind is Kind.CHOICE:
        checks.append(InChoices(column.name, column.choices))
    elif column.kind in _PLAIN_CHECKS:
        checks.append(_PLAIN_CHECKS[column.kind](column.name))
    else:
        checks.append(MatchesPattern(column.name, column.pattern))
        checks.append(LengthBetween(column.name, column.min_length, column.max_length))
    return checks
