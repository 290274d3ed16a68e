"""Values of the generic format: the header, the totals, and a file that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from formats.findings import Finding
from formats.generic.layout import Interface


@dataclass(frozen=True)
class Header:
    """What the H record says; record count and constants are added by the writer."""

    interface: Interface
    identifier: int
    batch_number: str
    sequence: int
    provider_id: str
    batch_date_time: datetime
    extract_date_time: datetime
    external_file_name: str


@dataclass(frozen=True)
class Totals:
    """What the T record says; the ledger, the trailer and the run report must agree on it."""

    record_count: int
    order_count: int
    hash_total: int
    detail_sha256: str


@dataclass(frozen=True)
class Written:
    """A generic file in memory: its plaintext bytes and totals."""

    data: bytes
    totals: Totals


@dataclass(frozen=True)
class Read:
    """A generic file that was read: D records as text columns, and what was found wrong.

    `details` has the columns of the D layout; `header` and `totals` are as the file claims.
    """

    header: Header
    totals: Totals
    details: pa.Table
    findings: Sequence[Finding]


class GenericFormatError(Exception):
    """The bytes are not a generic file of version 1: nothing of it may be applied."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(", ".join(finding.code for finding in findings))
        self.findings = tuple(findings)
