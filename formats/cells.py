"""The one spelling of a cell, by the kind of its column: what the judge is given."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.schema import Kind

NOTHING = pa.scalar(None, pa.string())


def trimmed(values: pa.StringArray) -> pa.StringArray:
    """Without blanks at the ends; null where nothing is left."""
    bare = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(bare, ""), NOTHING, bare)


def canonical(kind: Kind, values: pa.StringArray) -> pa.StringArray:
    """Whole numbers without leading zeros, days as moments where moments are asked for, identifiers as stored.

    A text that is none of its kind stays as it was written.
    """
    if kind is Kind.INTEGER:
        return pc.replace_substring_regex(values, "^0+([0-9])", r"\1")
    if kind is Kind.MOMENT:
        return pc.replace_substring_regex(values, r"^(\d{4}-\d{2}-\d{2})$", r"\1T00:00:00Z")
    return identifiers.canonical(kind, values)
