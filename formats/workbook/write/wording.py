"""The declaration of a template in words for staff: for the instructions, the notes and the docs page."""

from __future__ import annotations

from collections.abc import Sequence

from formats.reference import rule_text
from formats.rules import Rules
from formats.schema import PLAIN_TEXT, Column, Kind, RecordSchema
from formats.template import CLEAR

_FORMS = {
    Kind.INTEGER: "a whole number, digits only",
    Kind.DECIMAL: "a number, with a point before the decimals",
    Kind.MOMENT: "date and time in UTC, as 2026-03-05T14:30:00Z",
    Kind.DATE: "a date; as text 2026-03-05",
    Kind.CHOICE: "one of the listed values",
    Kind.SERIAL: "letters and digits, also . _ / -; at most 40 characters",
    Kind.IMEI: "15 digits, the last one a check digit",
    Kind.MEID: "14 hexadecimal digits, the first one A to F, or 14 or 18 decimal digits",
    Kind.MAC: "six pairs, as 02:1A:2B:3C:4D:5E",
    Kind.VIN: "4 to 25 letters, digits and hyphens",
    Kind.EMAIL: "a whole address, as name@example.com",
}
SHOWN_VALUES = 12
"""Of a list of allowed values, in a text."""


def form(column: Column, rules: Rules) -> str:
    """What a value looks like."""
    if column.kind is Kind.PHONE:
        return f"an international number, as +919876543210; without a country code, {rules.country_code} is put before"
    if column.kind in _FORMS:
        return _FORMS[column.kind]
    length = f"{column.min_length} to {column.max_length}" if column.min_length else f"at most {column.max_length}"
    if column.min_length == column.max_length:
        length = str(column.max_length)
    like = "" if column.pattern == PLAIN_TEXT else ", written like the example"
    return f"text, {length} characters{like}"


def allowed(column: Column, rules: Rules) -> Sequence[str]:
    """The only values a cell may have; empty: any of the right form."""
    return column.choices or tuple(rules.lists.get(column.offers, ()))


def allowed_text(column: Column, rules: Rules) -> str:
    """The allowed values as a text, long lists shortened."""
    values = allowed(column, rules)
    if values:
        more = f" … ({len(values)} in all, see the drop-down)" if len(values) > SHOWN_VALUES else ""
        return ", ".join(values[:SHOWN_VALUES]) + more
    return "the drop-down offers those on record" if column.offers else ""


def note(column: Column, rules: Rules) -> str:
    """What the heading's note says."""
    values = allowed_text(column, rules)
    lines = [
        column.description,
        f"Form: {form(column, rules)}",
        *([f"Values: {values}"] if values else []),
        *([] if column.secret else [f"Example: {column.example}"]),
        "Must be filled." if column.required else f"May be blank (keeps what is there). {CLEAR} empties it.",
    ]
    return "\n".join(lines)


def rule_texts(schema: RecordSchema) -> tuple[str, ...]:
    """The rules across columns, with their headings."""
    headings = {column.name: column.heading for column in schema.columns}
    return tuple(rule_text(rule, lambda text: f"'{headings.get(text, text)}'") for rule in schema.rules)
