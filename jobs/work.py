"""What a step hands back: its line for the log, and what a dry run could not store itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from formats.findings import FINDINGS_SCHEMA, Finding
from formats.schema import RecordSchema
from jobs.runs import RunStatus, Step


@dataclass(frozen=True)
class SourceFindings:
    """Findings (`FINDINGS_SCHEMA`) of one file or batch; `file_id` None where none is recorded."""

    source: str
    found: pa.Table
    file_id: int | None = None


@dataclass(frozen=True)
class Subject:
    """A table the reporter is to validate against its schema."""

    name: str
    schema: RecordSchema
    table: pa.Table


@dataclass
class Work:
    """Filled in while a step runs. `failed` counts things that went wrong without stopping it."""

    name: str
    done: int = 0
    failed: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    findings: list[SourceFindings] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)

    def count(self, counts: Mapping[str, int]) -> None:
        for name, number in counts.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def step(self, idle: str) -> Step:
        """`idle` is the line to show when there was nothing to do."""
        numbers = ", ".join(f"{name} {number:,}" for name, number in self.counts.items())
        line = "; ".join(part for part in (*self.notes, numbers) if part)
        status = RunStatus.PARTLY if self.failed else RunStatus.DONE if self.done else RunStatus.NOTHING
        return Step(self.name, self.done, line if self.done or self.notes else idle, self.counts, status)


def findings_table(found: Iterable[Finding]) -> pa.Table:
    """Findings as `FINDINGS_SCHEMA` rows; a finding about a whole file has row 0."""
    listed = list(found)
    return pa.table(
        [
            pa.array([item.row or 0 for item in listed], pa.int64()),
            pa.array([item.column for item in listed], pa.string()),
            pa.array([item.code for item in listed], pa.string()),
        ],
        schema=FINDINGS_SCHEMA,
    )
