"""What the readers hand over: rows of text cells with their row numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats.findings import Finding


@dataclass(frozen=True)
class RawRows:
    """`table` has the Order Dispatch columns as written; `numbers` the row of each in the file."""

    table: pa.Table
    numbers: pa.Int64Array
    unreadable: Sequence[Finding]


class FileFault(Exception):
    """The file as a whole cannot be read: it goes to quarantine."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(", ".join(finding.code for finding in findings))
        self.findings = tuple(findings)
