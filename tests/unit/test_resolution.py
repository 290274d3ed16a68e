"""What an answer means for the lines of its batch: only the leaf decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.providers import load_kind
from formats.enrolment import Level, Outcome
from formats.generic.layout import RESPONSE_DETAIL
from jobs.codes import CodeMeaning
from jobs.resolution import LINES, Resolution, resolve
from jobs.states import LineState

KIND = load_kind("generic")


def answer(*records: Mapping[str, str]) -> pa.Table:
    columns = [pa.array([item.get(name) for item in records], pa.string()) for name in RESPONSE_DETAIL.names]
    return pa.table(columns, schema=RESPONSE_DETAIL.arrow())


def lines(
    *devices: str, order: str = "SO-1", request_type: str = "OR", state: str = "SENT", effect: str = ""
) -> pa.Table:
    rows = [
        {
            "order_line_id": number,
            "device_key": device,
            "order_number": order,
            "delivery_number": "DL-1",
            "request_type": request_type,
            "state": state,
            "effect": effect or ("ENROLLED" if request_type in ("OR", "OV") else "UNENROLLED"),
        }
        for number, device in enumerate(devices, 1)
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(LINES))


def device(device_id: str, outcome: str, code: str = "", order: str = "SO-1") -> dict[str, str]:
    record = {"level": "DEVICE", "order_id": order, "device_id": device_id, "outcome": outcome, "message": "text"}
    return record | ({"provider_code": code} if code else {})


def states(resolution: Resolution) -> list[LineState | None]:
    return [item.state for item in resolution.decisions]


def codes(resolution: Resolution) -> list[str]:
    return [finding.code for finding in resolution.findings]


@pytest.mark.parametrize(
    ("request_type", "outcome", "code", "expected", "found"),
    [
        ("OR", "ENROLLED", "COMPLETE", LineState.ENROLLED, []),
        ("OR", "ENROLLED", "", LineState.ENROLLED, []),
        ("RE", "UNENROLLED", "COMPLETE", LineState.UNENROLLED, []),
        ("OR", "UNCHANGED", "", LineState.UNCHANGED, []),
        ("OR", "REJECTED", "DE-4304", LineState.REJECTED, []),
        ("OR", "REJECTED", "DE-4305", LineState.REVIEW, []),
        ("OR", "IN_PROGRESS", "4003", None, []),
        ("OR", "REJECTED", "ZZ-1", LineState.REVIEW, ["ANSWER_CODE_UNKNOWN"]),
        ("OR", "ENROLLED", "ZZ-1", LineState.REVIEW, ["ANSWER_CODE_UNKNOWN"]),
        ("OR", "ENROLLED", "DE-4304", LineState.REVIEW, ["ANSWER_CODE_CONTRADICTS"]),
        ("OR", "REJECTED", "COMPLETE", LineState.REVIEW, ["ANSWER_CODE_CONTRADICTS"]),
        ("OR", "UNENROLLED", "", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("OV", "UNENROLLED", "COMPLETE", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("RE", "ENROLLED", "", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("VD", "ENROLLED", "", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("VD", "ENROLLED", "DE-4304", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("OR", "COMPLETE", "", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
    ],
)
def test_the_device_record_decides(
    request_type: str, outcome: str, code: str, expected: LineState | None, found: Sequence[str]
) -> None:
    resolution = resolve(KIND, answer(device("A", outcome, code)), lines("A", request_type=request_type))
    assert states(resolution) == [expected]
    assert codes(resolution) == found


@pytest.mark.parametrize(
    ("outcome", "expected", "found"),
    [
        ("ENROLLED", LineState.ENROLLED, []),
        ("UNENROLLED", LineState.REVIEW, ["ANSWER_OUTCOME_CONTRADICTS"]),
        ("UNCHANGED", LineState.UNCHANGED, []),
    ],
)
def test_a_void_of_a_return_enrols(outcome: str, expected: LineState, found: Sequence[str]) -> None:
    resolution = resolve(KIND, answer(device("A", outcome)), lines("A", request_type="VD", effect="ENROLLED"))
    assert (states(resolution), codes(resolution)) == ([expected], found)


def test_a_code_cannot_turn_an_instruction_round() -> None:
    """A kind may map a code of its own to ENROLLED; on a return that is for a person."""
    kind = replace(KIND, codes={"DONE": CodeMeaning(LineState.ENROLLED, "Is enrolled")})
    resolution = resolve(kind, answer(device("A", "UNCHANGED", "DONE")), lines("A", request_type="RE"))
    assert (states(resolution), codes(resolution)) == ([LineState.REVIEW], ["ANSWER_CODE_CONTRADICTS"])


def test_an_order_error_without_device_records_is_the_leaf() -> None:
    order = {"level": "ORDER", "order_id": "SO-1", "outcome": "ERROR", "provider_code": "OR-4110", "message": "differs"}
    resolution = resolve(KIND, answer(order), lines("A", "B"))
    assert states(resolution) == [LineState.REJECTED, LineState.REJECTED]
    assert {item.level for item in resolution.decisions} == {Level.ORDER}


def test_a_good_envelope_without_device_records_decides_nothing() -> None:
    order = {"level": "ORDER", "order_id": "SO-1", "outcome": "COMPLETE"}
    resolution = resolve(KIND, answer(order), lines("A"))
    assert not resolution.decisions
    assert codes(resolution) == ["ANSWER_LEAF_MISSING"]


def test_an_envelope_that_disagrees_is_a_finding_and_no_more() -> None:
    order = {"level": "ORDER", "order_id": "SO-1", "outcome": "COMPLETE"}
    resolution = resolve(KIND, answer(device("A", "REJECTED", "DE-4304"), order), lines("A"))
    assert states(resolution) == [LineState.REJECTED]
    assert codes(resolution) == ["ANSWER_ENVELOPE_DISAGREES"]


def test_the_nearer_envelope_is_the_leaf() -> None:
    delivery = {
        "level": "DELIVERY",
        "order_id": "SO-1",
        "delivery_number": "DL-1",
        "outcome": "ERROR",
        "provider_code": "DL-4203",
    }
    file = {"level": "FILE", "outcome": "ERROR", "provider_code": "GEN-002"}
    resolution = resolve(KIND, answer(file, delivery), lines("A"))
    assert [(item.level, item.provider_code) for item in resolution.decisions] == [(Level.DELIVERY, "DL-4203")]


def test_two_results_for_one_device_need_a_person() -> None:
    resolution = resolve(KIND, answer(device("A", "ENROLLED"), device("A", "REJECTED", "DE-4304")), lines("A"))
    assert states(resolution) == [LineState.REVIEW]
    assert codes(resolution) == ["ANSWER_LINE_DOUBLED"] * 2


@pytest.mark.parametrize("record", [device("Z", "ENROLLED"), device("A", "ENROLLED", order="SO-9")])
def test_a_device_that_was_not_asked_for_changes_nothing(record: Mapping[str, str]) -> None:
    resolution = resolve(KIND, answer(record), lines("A"))
    assert not resolution.decisions
    assert codes(resolution) == ["ANSWER_LINE_UNKNOWN"]


RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "level": st.sampled_from([str(level) for level in Level]),
            "order_id": st.sampled_from(["SO-1", "SO-2"]),
            "delivery_number": st.sampled_from(["DL-1", "DL-2"]),
            "device_id": st.sampled_from(["A", "B", "C", "Z"]),
            "outcome": st.sampled_from([str(outcome) for outcome in Outcome]),
            "provider_code": st.sampled_from(["COMPLETE", "DE-4304", "4003", "??"]),
        }
    ),
    max_size=12,
)


@given(RECORDS)
def test_any_answer_decides_each_line_at_most_once_and_enrols_only_by_a_device_record(
    records: list[dict[str, str]],
) -> None:
    resolution = resolve(KIND, answer(*records), lines("A", "B", "C"))
    decided = [item.order_line_id for item in resolution.decisions]
    assert len(decided) == len(set(decided))
    good = (LineState.ENROLLED, LineState.UNENROLLED, LineState.UNCHANGED)
    assert all(item.level is Level.DEVICE for item in resolution.decisions if item.state in good)
