"""Writes the generic format: same content, clock and sequence give the same bytes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from formats.findings import Finding
from formats.generic.layout import (
    DETAIL_OF,
    FORMAT_NAME,
    FORMAT_VERSION,
    HEADER,
    INTERFACE_CATEGORY,
    Interface,
)
from formats.generic.model import GenericFormatError, Header, Totals, Written
from formats.generic.totals import totals_of
from formats.judge import judge
from formats.schema import RecordSchema


def write(header: Header, details: pa.Table) -> Written:
    """One generic file. Raises GenericFormatError if the H record or a D record breaks the layout.

    `details` has the columns of the D layout except `record_type` and `line_number`,
    which are given here.
    """
    table = numbered(header.interface, details)
    head = _header_cells(header, table.num_rows)
    _hold(HEADER, pa.table([[cell] for cell in head], schema=HEADER.arrow()))
    _hold(DETAIL_OF[header.interface], table)
    body = _lines(table)
    totals = totals_of(header.interface, table, body)
    return Written(_record(head) + body + _trailer_line(totals), totals)


def numbered(interface: Interface, details: pa.Table) -> pa.Table:
    """`details` with record type and line numbers, columns in the order of the D layout."""
    schema = DETAIL_OF[interface]
    size = details.num_rows
    given = {
        "record_type": pa.array(["D"] * size, pa.string()),
        "line_number": pc.cast(pa.array(range(1, size + 1), pa.int64()), pa.string()),
    }
    columns = [given[name] if name in given else details.column(name) for name in schema.names]
    return pa.table(columns, schema=schema.arrow()).combine_chunks()


def moment(value: datetime) -> str:
    """`YYYY-MM-DDThh:mm:ssZ` of an aware datetime."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hold(schema: RecordSchema, table: pa.Table) -> None:
    found = judge(schema, table).findings.slice(0, 100).to_pylist()
    if found:
        raise GenericFormatError([Finding(item["code"], item["row"], item["column"]) for item in found])


def _lines(table: pa.Table) -> bytes:
    """All D records at once: the value buffer of the joined column is the file's body."""
    if table.num_rows == 0:
        return b""
    cells = [_quoted(table.column(name).chunk(0)) for name in table.column_names]
    joined = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
    ended = pc.binary_join_element_wise(joined, "", "\n")
    offsets, values = ended.buffers()[1:3]
    span = memoryview(offsets).cast("i")
    return bytes(memoryview(values)[span[ended.offset] : span[ended.offset + len(ended)]])


def _quoted(cells: pa.StringArray) -> pa.StringArray:
    """RFC 4180: a cell is quoted only if it holds a comma or a quote."""
    special = pc.match_substring_regex(cells, '[,"]')
    if not pc.any(special).as_py():
        return cells
    doubled = pc.replace_substring(cells, '"', '""')
    return pc.if_else(special, pc.binary_join_element_wise('"', doubled, '"', ""), cells)


def _header_cells(header: Header, record_count: int) -> list[str]:
    return [
        "H",
        FORMAT_NAME,
        FORMAT_VERSION,
        INTERFACE_CATEGORY,
        header.interface,
        str(header.identifier),
        header.batch_number,
        str(header.sequence),
        header.provider_id,
        moment(header.batch_date_time),
        moment(header.extract_date_time),
        str(record_count),
        header.external_file_name,
    ]


def _trailer_line(totals: Totals) -> bytes:
    counts = (totals.record_count, totals.order_count, totals.hash_total)
    return _record(["T", *map(str, counts), totals.detail_sha256])


def _record(cells: Iterable[str]) -> bytes:
    return (",".join(cells) + "\n").encode()
