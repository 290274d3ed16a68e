"""Placeholders: what makers, programs and people write where a device has no identifier.

Two devices with the same one are strangers, so it identifies nothing. The list stands here; an installation adds to it
(`Rules.identifier_placeholders`).
"""

from __future__ import annotations

import string
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column, Kind

_KINDS = (Kind.SERIAL, Kind.IMEI, Kind.MEID, Kind.MAC)

_WORDS = (
    *("N/A", "#N/A", "NAN", "NIL", "NONE", "NULL", "NOTHING", "EMPTY", "BLANK", "VOID"),
    *("UNKNOWN", "UNDEFINED", "UNASSIGNED", "UNAVAILABLE", "UNSPECIFIED", "INVALID"),
    *("NOT APPLICABLE", "NOT ASSIGNED", "NOT AVAILABLE", "NOT KNOWN", "NOT PRESENT", "NOT SET", "NOT SPECIFIED"),
    *("TBA", "TBC", "TBD", "TO DO", "TO BE ANNOUNCED", "TO BE CONFIRMED", "TO BE DETERMINED", "TO BE DEFINED"),
    *("TO BE FILLED", "TO BE FILLED BY O.E.M.", "FILLED BY O.E.M.", "O.E.M.", "O.E.M. SERIAL NUMBER"),
    *("DEFAULT", "DEFAULT STRING", "DUMMY", "PLACEHOLDER", "PENDING", "STANDARD", "SAMPLE", "EXAMPLE", "TEST"),
    *("SERIAL", "SERIAL NO", "SERIAL NUMBER", "S/N", "NO SERIAL", "NO SERIAL NUMBER", "NO NUMBER", "NO S/N"),
    *("SYSTEM SERIAL NUMBER", "CHASSIS SERIAL NUMBER", "BASE BOARD SERIAL NUMBER", "BASEBOARD SERIAL NUMBER"),
    *("BOARD SERIAL NUMBER", "SYS SERIAL NUMBER", "MB SERIAL NUMBER", "ASSET TAG", "NO ASSET TAG"),
    *("IMEI", "IMEI NUMBER", "NO IMEI", "MEID", "NO MEID", "MAC", "MAC ADDRESS", "NO MAC", "NO MAC ADDRESS"),
)
_NUMBERS = (
    *("0123456789", "1234567890", "0987654321", "9876543210", "987654321"),
    *("00:11:22:33:44:55", "02:00:00:00:00:00", "11:22:33:44:55:66", "12:34:56:78:9A:BC", "AA:BB:CC:DD:EE:FF"),
    *("004999010640000", "012345678912345", "123456789012345", "123456789012347", "123456789012344"),
    *("ABCDEF", "ABCDEFGH", "ABC123", "A0000000000000"),
    *("0123456789ABCDEF"[:size] for size in range(6, 17)),
    *("123456789ABCDEF"[:size] for size in range(6, 16)),
)
_REPEATED_FROM = 6  # one sign so often is no number; zeros and X never are

PLACEHOLDERS = frozenset((*_WORDS, *_NUMBERS))
"""Compared without regard to case, blanks and punctuation. So are one sign alone, over and over, and none at all."""

_NO_SIGN = r"[^\pL\pN]"
_ONE_SIGN = "|".join(
    ("0*", "X+", *(f"{sign}{{{_REPEATED_FROM},}}" for sign in string.digits[1:] + string.ascii_uppercase))
)


def is_placeholder(column: Column, cells: pa.StringArray, more: Iterable[str]) -> pa.BooleanArray:
    """Cells of `column` that hold a placeholder; false for empty ones. `more`: those the installation adds."""
    if column.kind not in _KINDS or column.dummies or cells.null_count == len(cells):
        return pa.repeat(False, len(cells))
    return holds_placeholder(cells, more)


def holds_placeholder(cells: pa.StringArray, more: Iterable[str]) -> pa.BooleanArray:
    """As `is_placeholder`, whatever the column."""
    bare = _bare(cells)
    known = _bare(pa.array(sorted({*PLACEHOLDERS, *more}), pa.string())).unique()
    listed = pc.and_(pc.is_valid(bare), pc.is_in(bare, value_set=known))
    return pc.or_(listed, pc.fill_null(pc.match_substring_regex(bare, f"^(?:{_ONE_SIGN})$"), False))


def _bare(texts: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(pc.utf8_upper(texts), _NO_SIGN, "")
