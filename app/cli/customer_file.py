"""The customers file: CSV with the columns of `CUSTOMERS`, judged row by row."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from formats.generic.layout import REQUEST_DETAIL
from formats.judge import judge
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.schema import Column, RecordSchema, UniqueTogether
from formats.texts import folded
from jobs.errors import Refused

CUSTOMERS = RecordSchema(
    "customers",
    "Customers",
    (
        replace(ORDER_DISPATCH.column("customer_account"), name="account", required=True),
        Column("name", "Name", "The customer's name", "Example Schools", required=True),
        replace(ORDER_DISPATCH.column("provider"), required=True),
        replace(REQUEST_DETAIL.column("customer_id"), name="organisation_id", required=True),
    ),
    (UniqueTogether(("account", "provider")),),
)
_UNKNOWN = "PROVIDER_UNKNOWN"
_SHOWN = 160  # characters of a heading


class CustomerFileRefused(Refused):
    code = "CUSTOMER_FILE_REFUSED"
    remedy = "Write a CSV file in UTF-8 whose first row reads " + ",".join(CUSTOMERS.names)


@dataclass(frozen=True)
class CustomerRows:
    """`good`: (account, name, provider, organisation id); `findings`: row (of the file), column, code."""

    good: list[tuple[str, str, str, str]]
    refused: int
    findings: list[dict[str, Any]]
    sha256: str


def read(data: bytes, providers: Sequence[str]) -> CustomerRows:
    """The rows of a customers file; `providers` are the configured ones. Raises CustomerFileRefused."""
    numbers, table = _table(data)
    verdict = judge(CUSTOMERS, table, numbers)
    unknown = pc.and_(
        pc.is_valid(table["provider"]), pc.invert(pc.is_in(table["provider"], pa.array(providers, pa.string())))
    ).combine_chunks()
    passed = pc.and_not(verdict.passed, unknown)
    findings = verdict.findings.to_pylist()
    findings += [{"row": row, "column": "provider", "code": _UNKNOWN} for row in numbers.filter(unknown).to_pylist()]
    good = [tuple(row.values()) for row in table.filter(passed).to_pylist()]
    return CustomerRows(
        good,
        table.num_rows - len(good),
        sorted(findings, key=lambda item: (item["row"], item["code"])),
        hashlib.sha256(data).hexdigest(),
    )


def _table(data: bytes) -> tuple[pa.Int64Array, pa.Table]:
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        heading = [cell.strip().lower() for cell in next(reader, [])]
        if sorted(heading) != sorted(CUSTOMERS.names):
            read = repr(",".join(heading)[:_SHOWN]) if heading else "nothing"
            raise CustomerFileRefused(f"the heading reads {read}")
        records = list(_records(reader, len(heading)))
    except UnicodeDecodeError:
        raise CustomerFileRefused("the file is not UTF-8 text") from None
    except csv.Error as error:
        raise CustomerFileRefused(f"the file is no CSV: {error}") from None
    if not records:
        raise CustomerFileRefused("the file holds no rows")
    columns = {
        name: [folded(cells[heading.index(name)]).strip() or None for _, cells in records] for name in CUSTOMERS.names
    }
    numbers = pa.array([number for number, _ in records], pa.int64())
    return numbers, pa.table(columns, schema=CUSTOMERS.arrow())


def _records(reader: Iterator[list[str]], width: int) -> Iterator[tuple[int, list[str]]]:
    """Row number (the heading is row 1) and cells; blank rows are passed over."""
    for number, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != width:
            raise CustomerFileRefused(f"row {number} has {len(cells)} cells instead of {width}")
        yield number, cells
