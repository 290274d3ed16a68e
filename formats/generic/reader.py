"""Reads the generic format, strictly: a file is either wholly understood or refused.

`read` raises GenericFormatError when the bytes cannot be taken apart, and otherwise
returns what they say together with findings where the totals or a record are wrong.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from formats.findings import Finding
from formats.generic.layout import DETAIL_OF, HEADER, TRAILER, Interface
from formats.generic.model import GenericFormatError, Header, Read, Totals
from formats.generic.totals import totals_of
from formats.judge import judge
from formats.schema import RecordSchema

_MAX_FINDINGS = 1_000


def read(data: bytes, interface: Interface) -> Read:
    """Take a plaintext file apart. `interface` is the layout we expect from this sender."""
    head, body, tail = _split(data)
    header_cells = _one_record(head, HEADER, "GENERIC_HEADER")
    trailer_cells = _one_record(tail, TRAILER, "GENERIC_TRAILER")
    if header_cells["interface_type"] != interface:
        raise GenericFormatError([Finding("GENERIC_HEADER", 1, "interface_type")])
    details = _details(body, DETAIL_OF[interface])
    totals = Totals(
        int(trailer_cells["record_count"]),
        int(trailer_cells["order_count"]),
        int(trailer_cells["hash_total"]),
        trailer_cells["detail_sha256"],
    )
    findings = _record_findings(DETAIL_OF[interface], details)
    findings += _total_findings(totals, totals_of(interface, details, body), int(header_cells["record_count"]))
    return Read(_header(header_cells, interface), totals, details, findings)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """H line, D block, T line. Every record ends in LF, so a cut file has no whole T record."""
    if not data:
        raise GenericFormatError([Finding("FILE_EMPTY")])
    if not data.endswith(b"\n"):
        raise GenericFormatError([Finding("GENERIC_TRAILER")])
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise GenericFormatError([Finding("FILE_ENCODING")]) from None
    head_end = data.index(b"\n") + 1
    tail_start = data.rfind(b"\n", 0, len(data) - 1) + 1
    if not data.startswith(b"H,") or b"\nH," in data:
        raise GenericFormatError([Finding("GENERIC_HEADER", 1)])
    if tail_start < head_end or b"\nT," in data[: tail_start - 1]:
        raise GenericFormatError([Finding("GENERIC_TRAILER")])
    return data[:head_end], data[head_end:tail_start], data[tail_start:]


def _one_record(line: bytes, schema: RecordSchema, code: str) -> dict[str, str]:
    table = _table(line, schema, code)
    verdict = judge(schema, table)
    if table.num_rows != 1 or verdict.findings.num_rows:
        raise GenericFormatError(
            [Finding(code, None, item["column"]) for item in verdict.findings.to_pylist()] or [Finding(code)]
        )
    return {name: value for name, value in table.to_pylist()[0].items() if value is not None}


def _details(body: bytes, schema: RecordSchema) -> pa.Table:
    if not body:
        return schema.arrow().empty_table()
    details = _table(body, schema, "GENERIC_RECORD")
    if not pc.all(pc.equal(details.column("record_type"), "D")).as_py():
        raise GenericFormatError([Finding("GENERIC_RECORD", None, "record_type")])
    return details


def _table(data: bytes, schema: RecordSchema, code: str) -> pa.Table:
    if b"\r" in data:  # Arrow would take it for a line end
        raise GenericFormatError([Finding(code)])
    try:
        return pacsv.read_csv(
            pa.BufferReader(data),
            read_options=pacsv.ReadOptions(column_names=list(schema.names), block_size=max(len(data), 1)),
            parse_options=pacsv.ParseOptions(newlines_in_values=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(schema.names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
    except pa.ArrowInvalid as error:
        raise GenericFormatError([Finding(code)]) from error


def _record_findings(schema: RecordSchema, details: pa.Table) -> list[Finding]:
    """Row numbers count the H record as 1, so the first D record is row 2."""
    rows = pa.array(range(2, details.num_rows + 2), pa.int64())
    found = judge(schema, details, rows).findings.slice(0, _MAX_FINDINGS)
    return [Finding(item["code"], item["row"], item["column"]) for item in found.to_pylist()]


def _total_findings(claimed: Totals, counted: Totals, header_count: int) -> list[Finding]:
    pairs: dict[str, tuple[str | int, str | int]] = {
        "TRAILER_RECORD_COUNT": (claimed.record_count, counted.record_count),
        "TRAILER_ORDER_COUNT": (claimed.order_count, counted.order_count),
        "TRAILER_HASH_TOTAL": (claimed.hash_total, counted.hash_total),
        "TRAILER_DIGEST": (claimed.detail_sha256, counted.detail_sha256),
        "FILE_RECORD_COUNT": (header_count, counted.record_count),
    }
    return [
        Finding(code, facts={"claimed": claim, "counted": count})
        for code, (claim, count) in pairs.items()
        if claim != count
    ]


def _header(cells: dict[str, str], interface: Interface) -> Header:
    return Header(
        interface=interface,
        identifier=int(cells["identifier"]),
        batch_number=cells["batch_number"],
        sequence=int(cells["sequence"]),
        provider_id=cells["provider_id"],
        batch_date_time=_moment(cells["batch_date_time"]),
        extract_date_time=_moment(cells["extract_date_time"]),
        external_file_name=cells["external_file_name"],
    )


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
