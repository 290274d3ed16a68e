"""Table Schema (Frictionless JSON) derived from a record schema, for partners.

The dialect skips the H record by its row number and the T record by its first letter, so
`frictionless validate FILE --schema … --dialect …` checks a whole decrypted file.
"""

from __future__ import annotations

from typing import Any

from formats.checks import INTEGER_PATTERN, MOMENT_PATTERN
from formats.identifiers import PATTERNS
from formats.schema import Column, Kind, RecordSchema

DIALECT: dict[str, Any] = {
    "header": False,
    "commentRows": [1],
    "commentChar": "T",
    "csv": {"delimiter": ",", "quoteChar": '"', "doubleQuote": True, "lineTerminator": "\n"},
}

_PATTERNS = {**PATTERNS, Kind.INTEGER: INTEGER_PATTERN, Kind.MOMENT: MOMENT_PATTERN}


def table_schema(schema: RecordSchema) -> dict[str, Any]:
    """The published description of one record layout."""
    return {
        "name": schema.name,
        "title": schema.title,
        "fields": [_field(column) for column in schema.columns],
        "missingValues": [""],
    }


def _field(column: Column) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": column.required}
    if column.kind is Kind.CHOICE:
        constraints["enum"] = list(column.choices)
    else:
        constraints["pattern"] = _PATTERNS.get(column.kind, column.pattern)
    if column.kind is Kind.TEXT:
        constraints |= {"minLength": column.min_length, "maxLength": column.max_length}
    return {
        "name": column.name,
        "title": column.heading,
        "description": column.description,
        "example": column.example,
        "type": "string",
        "constraints": constraints,
    }
