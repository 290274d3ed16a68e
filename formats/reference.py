"""The reference of a record layout in Markdown, derived from its declaration."""

from __future__ import annotations

from collections.abc import Callable

from formats.checks import INTEGER_PATTERN
from formats.identifiers import PATTERNS
from formats.schema import (
    PLAIN_TEXT,
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


def reference(schema: RecordSchema) -> str:
    """A table of the columns in their order, then the rules across columns as a list."""
    rows = ["| column | heading | content | given | form | example |", "|---|---|---|---|---|---|"]
    rows += [_row(column) for column in schema.columns]
    rules = [f"* {rule_text(rule, _code)}" for rule in schema.rules]
    return "\n".join([*rows, *(["", *rules] if rules else [])]) + "\n"


def _row(column: Column) -> str:
    given = "always" if column.required else ""
    cells = (_code(column.name), column.heading, column.description, given, _form(column), _code(column.example))
    return f"| {' | '.join(cells)} |"


def _form(column: Column) -> str:
    if column.kind is Kind.CHOICE:
        return ", ".join(map(_code, column.choices))
    if column.kind is Kind.INTEGER:
        return _code(INTEGER_PATTERN)
    if column.kind is Kind.MOMENT:
        return "`YYYY-MM-DDThh:mm:ssZ`"
    if column.kind is Kind.IMEI:
        return f"{_code(PATTERNS[Kind.IMEI])}, Luhn check digit"
    if column.kind in PATTERNS:
        return _code(PATTERNS[column.kind])
    pattern = "no control characters" if column.pattern == PLAIN_TEXT else _code(column.pattern)
    least = f"at least {column.min_length} and " if column.min_length else ""
    return f"{pattern}, {least}at most {column.max_length} characters"


def rule_text(rule: Rule, word: Callable[[str], str]) -> str:
    """One rule across columns as a sentence; `word` says how names of columns and values are written."""
    match rule:
        case UniqueTogether(columns=columns):
            return f"No two records share {_all(columns, 'and', word)}."
        case AnyGiven(columns=columns, unless=None):
            return f"{_all(columns, 'or', word)} is given."
        case AnyGiven(columns=columns, unless=unless, values=values):
            return f"{_all(columns, 'or', word)} is given, unless {word(str(unless))} is {_all(values, 'or', word)}."
        case RequiredWhen(column=column, when=when, values=values):
            return f"{word(column)} is given when {word(when)} is {_all(values, 'or', word)}."
        case EmptyWhen(column=column, when=when, values=values):
            return f"{word(column)} is empty when {word(when)} is {_all(values, 'or', word)}."
        case NotBefore(column=column, other=other):
            return f"{word(column)} is not before {word(other)}."


def _all(names: tuple[str, ...], conjunction: str, word: Callable[[str], str]) -> str:
    *first, last = map(word, names)
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def _code(text: str) -> str:
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`"
