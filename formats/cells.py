"""The one spelling of a cell, by the kind of its column: what the judge is given."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from formats import identifiers
from formats.schema import Kind
from formats.texts import identifier_texts, plain_texts

UNSEEN = r"[\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]"
"""Characters that nobody sees, such as those that turn the writing round; no text needs them."""

_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]+)?"
    r"(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
_MINUS = "\N{MINUS SIGN}"

NOTHING = pa.scalar(None, pa.string())


def trimmed(values: pa.StringArray) -> pa.StringArray:
    """Without blanks at the ends; null where nothing is left."""
    bare = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(bare, ""), NOTHING, bare)


def canonical(kind: Kind, values: pa.StringArray) -> pa.StringArray:
    """Numbers without a plus or leading zeros, days and ISO times as UTC moments to the second where moments are asked
    for, identifiers as stored.

    A text that is none of its kind stays as it was written.
    """
    if kind in (Kind.INTEGER, Kind.DECIMAL):
        signed = pc.replace_substring(values, _MINUS, "-")
        digits = pc.replace_substring_regex(signed, r"^\+([0-9.])", r"\1")
        whole = pc.replace_substring_regex(digits, r"^(-?)0+([0-9])", r"\1\2")
        return pc.replace_substring_regex(whole, r"^(-?)(\.[0-9])", r"\10\2")  # RE2 has groups of one digit
    if kind is Kind.MOMENT:
        return _moments(pc.replace_substring_regex(values, r"^(\d{4}-\d{2}-\d{2})$", r"\1T00:00:00Z"))
    return identifiers.canonical(kind, values)


def spelled(kind: Kind, values: pa.StringArray) -> pa.StringArray:
    """Texts in the one Unicode spelling; what is no text in the one that same meanings share. Trimmed."""
    return trimmed(plain_texts(values) if kind is Kind.TEXT else identifier_texts(values))


def unseen(values: pa.StringArray) -> pa.BooleanArray:
    """Cells with characters that nobody sees; false for empty ones."""
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return pa.repeat(False, len(values))
    return pc.fill_null(pc.match_substring_regex(values, UNSEEN), False)


def _moments(values: pa.StringArray) -> pa.StringArray:
    """Each text is looked at once, however many rows have it."""
    encoded = values.dictionary_encode()
    return pa.array([_moment(text) for text in encoded.dictionary.to_pylist()], pa.string()).take(encoded.indices)


def _moment(text: str) -> str:
    """An ISO 8601 time with an offset as UTC, its fraction of a second cut off; another text as it is."""
    found = _ISO.fullmatch(text)
    if found is None:
        return text
    try:
        offset = found["offset"].upper()
        moment = datetime.fromisoformat(f"{found['day']}T{found['time']}{'+00:00' if offset == 'Z' else offset}")
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (ValueError, OverflowError):
        return text
