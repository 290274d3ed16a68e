"""Traces of identifiers: what finds a refused row again by an identifier, without keeping it."""

from __future__ import annotations

import hashlib
import re

import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Kind, RecordSchema

_TRACED = (Kind.SERIAL, Kind.IMEI, Kind.MEID, Kind.MAC, Kind.VIN)
_TRACED_BY_NAME = ("reporting_id",)  # of Fleet Freedom: an IMEI or a name, so a text
_SEPARATORS = r"[\s:.-]"


def trace(identifiers: pa.StringArray) -> pa.StringArray:
    """SHA-256 of each identifier, however it is spelled: without separators, in upper case. Null stays null."""
    bare = pc.utf8_upper(pc.replace_substring_regex(identifiers, _SEPARATORS, ""))
    digests = [None if text is None else hashlib.sha256(text.encode()).hexdigest() for text in bare.to_pylist()]
    return pa.array(digests, pa.string())


def traces(schema: RecordSchema, rows: pa.Table) -> pa.Table:
    """`row` and `digest` of every identifier in `rows` (the schema's columns and `row`)."""
    names = [item.name for item in schema.columns if item.kind in _TRACED or item.name in _TRACED_BY_NAME]
    parts = []
    for name in names:
        given = rows.filter(pc.is_valid(rows[name]))
        cells = given[name].combine_chunks()
        parts.append(pa.table({"row": given["row"].combine_chunks(), "digest": trace(cells)}))
    return pa.concat_tables(parts) if parts else _NOTHING.empty_table()


def masked(identifier: str) -> str:
    """The last four characters; enough to recognise it beside the one that was asked for."""
    bare = re.sub(_SEPARATORS, "", identifier)
    return "\N{HORIZONTAL ELLIPSIS}" + (bare[-4:] if len(bare) > 4 else "")


_NOTHING = pa.schema([("row", pa.int64()), ("digest", pa.string())])
