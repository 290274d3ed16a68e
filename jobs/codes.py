"""A provider kind as the jobs use it: its code table and its limits on a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from formats.checks import Check
from formats.judge import failures
from jobs.providers import BatchLimits
from jobs.states import LineState


@dataclass(frozen=True)
class CodeMeaning:
    """What one of the provider's codes makes of a line; None keeps waiting (in progress)."""

    state: LineState | None
    text: str


@dataclass(frozen=True)
class ProviderKind:
    """One kind of provider: everything that differs between kinds, as data.

    `success` codes agree with any good outcome and decide nothing by themselves.
    """

    name: str
    title: str
    success: frozenset[str]
    codes: Mapping[str, CodeMeaning]
    limits: BatchLimits = field(default_factory=BatchLimits)
    line_checks: tuple[Check, ...] = ()

    def refuses(self, details: pa.Table) -> pa.BooleanArray:
        """One flag per request record: True where it breaks a rule of this kind."""
        refused = pa.array([False] * details.num_rows, pa.bool_())
        for check in self.line_checks:
            refused = pa.compute.or_(refused, failures(check, details))
        return refused
