"""Identifiers: one vectorised validity mask per kind, and the canonical spelling.

IMEI: 3GPP TS 23.003, 15 digits with a Luhn digit. MEID: 14 hexadecimal digits from A0, or 14 decimal ones (97 to 99
first, or the first fourteen of an IMEI: devices of several standards); its 18 decimal digits are 10 and 8 of halves.
MAC: six pairs, unicast. Serial numbers keep their case: Android's are case-sensitive.
Phone numbers: ITU-T E.164. A VIN here is a maker's frame id (MVH002654, DAH-1234-5678).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Kind

SERIAL_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,39}"
PATTERNS = {
    Kind.SERIAL: SERIAL_PATTERN,
    Kind.IMEI: "[0-9]{15}",
    Kind.MEID: "[A-F][0-9A-F]{13}|[0-9]{14}",
    Kind.MAC: "[0-9A-F][02468ACE](:[0-9A-F]{2}){5}",
    Kind.VIN: "[A-Z0-9][A-Z0-9-]{3,24}",
    Kind.PHONE: r"\+[1-9][0-9]{6,14}",
    Kind.EMAIL: r"[a-z0-9._%+'-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,4}",
}
"""The whole canonical value of each kind; an IMEI must pass the Luhn check as well."""

_LUHN_BLOCK = 65_536

IDENTIFIER_COLUMNS = ("serial_number", "imei", "meid", "mac")
"""In order of preference: the first one given is the device id on the wire."""

SECOND_IMEI = "imei2"
DEVICE_COLUMNS = (*IDENTIFIER_COLUMNS, SECOND_IMEI)
"""Everything a device is known by."""

DEVICE_LINKS = {
    **{name: (name, name) for name in DEVICE_COLUMNS},
    "imei_as_second": (SECOND_IMEI, "imei"),
    "imei2_as_first": ("imei", SECOND_IMEI),
}
"""How a row leads to the device on record: its column, the row's. Either IMEI does, whichever column it stands in."""


def canonical(kind: Kind, values: pa.StringArray) -> pa.StringArray:
    """The one spelling we store: IMEI and MEID without separators, MAC as upper-case pairs,
    VIN in upper case, phone numbers without separators, e-mail addresses in lower case.

    A text that is no identifier in any spelling stays as it was written.
    """
    if kind in (Kind.IMEI, Kind.MEID):
        spelled = pc.utf8_upper(pc.replace_substring_regex(values, r"[\s-]", ""))
        spelled = _hexadecimal(spelled) if kind is Kind.MEID else spelled
    elif kind is Kind.MAC:
        bare = pc.utf8_upper(pc.replace_substring_regex(values, r"[\s:.-]", ""))
        spelled = pc.replace_substring_regex(bare, r"^(..)(..)(..)(..)(..)(..)$", r"\1:\2:\3:\4:\5:\6")
    elif kind is Kind.VIN:
        spelled = pc.utf8_upper(values)
    elif kind is Kind.PHONE:
        spelled = pc.replace_substring_regex(pc.replace_substring_regex(values, r"[\s().-]", ""), "^00", "+")
    elif kind is Kind.EMAIL:
        spelled = pc.utf8_lower(values)
    else:
        return values
    return pc.if_else(_fits(kind, spelled), spelled, values)


def _hexadecimal(values: pa.StringArray) -> pa.StringArray:
    """MEIDs of 18 decimal digits in hexadecimal: the first ten are its first eight, the others the rest."""
    decimal = pc.fill_null(pc.match_substring_regex(values, "^[0-9]{18}$"), False)
    if not pc.any(decimal).as_py():
        return values
    converted = [f"{int(text[:10]):08X}{int(text[10:]):06X}" for text in values.filter(decimal).to_pylist()]
    return pc.replace_with_mask(values, decimal, pa.array(converted, pa.string()))


def international(values: pa.StringArray, country_code: str) -> pa.StringArray:
    """Phone numbers with `country_code` (such as +91) where they have none; a trunk 0 before them falls away."""
    bare = pc.replace_substring_regex(values, r"[\s().-]", "")
    national = pc.match_substring_regex(bare, "^0?[1-9][0-9]{5,13}$")
    completed = pc.binary_join_element_wise(country_code, pc.replace_substring_regex(bare, "^0", ""), "")
    return pc.if_else(pc.fill_null(national, False), completed, values)


def valid(kind: Kind, values: pa.StringArray) -> pa.BooleanArray:
    """True where the canonical value is well formed; null where the cell is empty."""
    if kind is Kind.IMEI:
        return _valid_imei(values)
    return _fits(kind, values)


def first_imei(table: pa.Table) -> pa.Table:
    """`table` with an only IMEI in the column of the first."""
    first, second = (table.column(name) for name in ("imei", SECOND_IMEI))
    if second.null_count == len(second):
        return table
    rest = pc.if_else(pc.is_valid(first), second, pa.scalar(None, pa.string()))
    table = table.set_column(table.column_names.index("imei"), "imei", pc.coalesce(first, second))
    return table.set_column(table.column_names.index(SECOND_IMEI), SECOND_IMEI, rest)


def device_id(table: pa.Table) -> pa.ChunkedArray:
    """The identifier that names each device on the wire (`IDENTIFIER_COLUMNS` order)."""
    return pc.coalesce(*(table.column(name) for name in IDENTIFIER_COLUMNS))


def _fits(kind: Kind, values: pa.StringArray) -> pa.BooleanArray:
    return pc.match_substring_regex(values, f"^(?:{PATTERNS[kind]})$")


def _valid_imei(values: pa.StringArray) -> pa.BooleanArray:
    fifteen = _fits(Kind.IMEI, values)
    candidates = pc.filter(values, pc.fill_null(fifteen, False))
    digits = "".join(candidates.to_pylist()).encode("ascii")
    passed = _luhn(np.frombuffer(digits, dtype=np.uint8).reshape(-1, 15))
    mask = np.zeros(len(values), dtype=bool)
    mask[np.flatnonzero(pc.fill_null(fifteen, False).to_numpy(zero_copy_only=False))] = passed
    return pc.if_else(pc.is_valid(values), pa.array(mask), pa.scalar(None, pa.bool_()))


def _luhn(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Luhn over (n, 15) ASCII digits, column-major in blocks: memory-bound, not loop-bound."""
    passed = np.empty(len(rows), dtype=bool)
    for start in range(0, len(rows), _LUHN_BLOCK):
        digit = np.ascontiguousarray(rows[start : start + _LUHN_BLOCK].T) - ord("0")
        doubled = digit[1::2] * 2
        doubled -= (doubled > 9).astype(np.uint8) * np.uint8(9)
        total = digit[0::2].sum(0, dtype=np.uint16) + doubled.sum(0, dtype=np.uint16)
        passed[start : start + _LUHN_BLOCK] = total % 10 == 0
    return passed
