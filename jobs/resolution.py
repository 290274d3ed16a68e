"""Decides what an answer file means for the lines of its batch: pure, on Arrow tables.

Only the leaf decides. A device's own record is its leaf. A delivery or order reported as
ERROR without device records is the leaf of its devices. Anything else above a device is a
cross-check, and a disagreement is a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from formats.enrolment import Level, Outcome
from formats.findings import Finding
from jobs.codes import ProviderKind
from jobs.states import LineState

LINES: tuple[tuple[str, pa.DataType], ...] = (
    ("order_line_id", pa.int64()),
    ("device_key", pa.string()),
    ("order_number", pa.string()),
    ("delivery_number", pa.string()),
    ("request_type", pa.string()),
    ("state", pa.string()),
    ("effect", pa.string()),  # what success makes of the device: ENROLLED or UNENROLLED
)
"""The lines of the answered batch, as the registry gives them."""


@dataclass(frozen=True)
class Decision:
    """What one answer record makes of one line. `state` None: it goes on waiting."""

    order_line_id: int
    level: Level
    outcome: Outcome
    state: LineState | None
    provider_code: str | None
    message: str | None


@dataclass(frozen=True)
class Resolution:
    decisions: Sequence[Decision]
    envelope: Sequence[Mapping[str, str | None]]  # FILE, ORDER and DELIVERY records
    findings: Sequence[Finding]


_GOOD = {Outcome.COMPLETE}
_BAD = {Outcome.ERROR}
_STATE_OF = {
    Outcome.ENROLLED: LineState.ENROLLED,
    Outcome.UNENROLLED: LineState.UNENROLLED,
    Outcome.UNCHANGED: LineState.UNCHANGED,
    Outcome.REJECTED: LineState.REJECTED,
}
_FAILED = (LineState.REJECTED, LineState.REVIEW)
_EFFECTS = (LineState.ENROLLED, LineState.UNENROLLED)


def resolve(kind: ProviderKind, details: pa.Table, lines: pa.Table) -> Resolution:
    """`details` are the D records of the response; record 1 stands in row 2 of the file."""
    return _Resolver(kind, lines.to_pylist()).run(details.to_pylist())


def _unfit(state: LineState | None, line: Mapping[str, str]) -> bool:
    """Success in the wrong direction: the device would not be what its instruction made of it."""
    return state in _EFFECTS and state != line["effect"]


class _Resolver:
    def __init__(self, kind: ProviderKind, lines: list[dict[str, str]]) -> None:
        self._kind = kind
        self._lines = lines
        self._by_device = {line["device_key"]: line for line in lines}
        self._by_order: dict[str, list[dict[str, str]]] = {}
        for line in lines:
            self._by_order.setdefault(line["order_number"], []).append(line)
        self._findings: list[Finding] = []
        self._decided: dict[int, Decision] = {}

    def run(self, records: list[dict[str, str | None]]) -> Resolution:
        leaves = [(row, item) for row, item in enumerate(records, 2) if item["level"] == Level.DEVICE]
        above = [(row, item) for row, item in enumerate(records, 2) if item["level"] != Level.DEVICE]
        self._devices(leaves)
        for level in (Level.DELIVERY, Level.ORDER, Level.FILE):  # the nearer envelope is the leaf
            for row, item in above:
                if item["level"] == level:
                    self._envelope(row, item)
        return Resolution(list(self._decided.values()), [item for _, item in above], self._findings)

    def _devices(self, leaves: list[tuple[int, dict[str, str | None]]]) -> None:
        seen = Counter(item["device_id"] for _, item in leaves)
        for row, item in leaves:
            line = self._by_device.get(item["device_id"] or "")
            if line is None or line["order_number"] != item["order_id"]:
                self._findings.append(Finding("ANSWER_LINE_UNKNOWN", row, "device_id"))
            elif seen[item["device_id"]] > 1:
                self._findings.append(Finding("ANSWER_LINE_DOUBLED", row, "device_id"))
                self._decide(line, item, LineState.REVIEW)
            else:
                self._decide(line, item, self._device_state(row, item, line))

    def _device_state(self, row: int, item: dict[str, str | None], line: dict[str, str]) -> LineState | None:
        """The provider's code decides; its outcome must agree, or a person looks."""
        outcome = Outcome(item["outcome"] or "")
        claimed = None if outcome is Outcome.IN_PROGRESS else _STATE_OF.get(outcome, LineState.REVIEW)
        code = item["provider_code"]
        if _unfit(claimed, line) or (code is None and claimed is LineState.REVIEW):
            return self._review("ANSWER_OUTCOME_CONTRADICTS", row, "outcome")
        if code is None:
            return claimed
        if code in self._kind.success:
            return self._agreed(row, claimed, claimed not in _FAILED)
        meaning = self._kind.codes.get(code)
        if meaning is None:
            return self._review("ANSWER_CODE_UNKNOWN", row, "provider_code")
        same_side = (claimed in _FAILED) == (meaning.state in _FAILED) and (claimed is None) == (meaning.state is None)
        return self._agreed(row, meaning.state, same_side and not _unfit(meaning.state, line))

    def _agreed(self, row: int, state: LineState | None, agrees: bool) -> LineState | None:
        return state if agrees else self._review("ANSWER_CODE_CONTRADICTS", row, "provider_code")

    def _review(self, code: str, row: int, column: str) -> LineState:
        self._findings.append(Finding(code, row, column))
        return LineState.REVIEW

    def _envelope(self, row: int, item: dict[str, str | None]) -> None:
        members = self._members(item)
        if not members:
            self._findings.append(Finding("ANSWER_LINE_UNKNOWN", row, "order_id"))
            return
        outcome = Outcome(item["outcome"] or "")
        found = [(line, self._decided.get(int(line["order_line_id"]))) for line in members]
        undecided = [line for line, decision in found if decision is None]
        decided = [decision for _, decision in found if decision is not None]
        if undecided and outcome in _BAD and not decided:
            self._decide_all(row, item, undecided)
        elif undecided and outcome in _GOOD and any(line["state"] == LineState.SENT for line in undecided):
            self._findings.append(Finding("ANSWER_LEAF_MISSING", row, "level"))
        self._cross_check(row, outcome, decided)

    def _decide_all(self, row: int, item: dict[str, str | None], lines: list[dict[str, str]]) -> None:
        code = item["provider_code"]
        meaning = self._kind.codes.get(code or "")
        if code is not None and meaning is None:
            self._findings.append(Finding("ANSWER_CODE_UNKNOWN", row, "provider_code"))
        state = meaning.state if meaning and meaning.state in _FAILED else LineState.REVIEW
        for line in lines:
            self._decide(line, item, state)

    def _cross_check(self, row: int, outcome: Outcome, decided: Sequence[Decision]) -> None:
        failed = sum(decision.state in _FAILED for decision in decided)
        all_good_but_failed = outcome in _GOOD and failed > 0
        all_bad_but_good = outcome in _BAD and len(decided) > 0 and failed < len(decided)
        if all_good_but_failed or all_bad_but_good:
            self._findings.append(Finding("ANSWER_ENVELOPE_DISAGREES", row, "outcome"))

    def _members(self, item: dict[str, str | None]) -> list[dict[str, str]]:
        """The lines an envelope record speaks about."""
        if item["level"] == Level.FILE:
            return self._lines
        order = self._by_order.get(item["order_id"] or "", [])
        if item["level"] == Level.ORDER:
            return order
        return [line for line in order if line["delivery_number"] == item["delivery_number"]]

    def _decide(self, line: dict[str, str], item: dict[str, str | None], state: LineState | None) -> None:
        line_id = int(line["order_line_id"])
        self._decided[line_id] = Decision(
            line_id,
            Level(item["level"] or ""),
            Outcome(item["outcome"] or ""),
            state,
            item["provider_code"],
            item["message"],
        )
