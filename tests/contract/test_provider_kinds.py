"""Every provider kind keeps the same promises; a new file in `adapters/providers` is tested by being there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields

import pyarrow as pa
import pytest

from adapters.providers import KINDS, load_kind
from formats.enrolment import Outcome, RequestType
from formats.findings import CATALOGUE
from formats.generic.layout import REQUEST_DETAIL, RESPONSE_DETAIL
from jobs.codes import ProviderKind
from jobs.errors import NotFound
from jobs.resolution import LINES, resolve
from jobs.states import LineState
from tests.support.desk import Desk, open_desk
from tests.support.installation import order_row

SETTLED = {LineState.ENROLLED, LineState.UNENROLLED, LineState.UNCHANGED, LineState.REJECTED, LineState.REVIEW}
FAILED = {LineState.REJECTED, LineState.REVIEW}
_GOOD = {
    RequestType.ORDER: Outcome.ENROLLED,
    RequestType.OVERRIDE: Outcome.ENROLLED,
    RequestType.RETURN: Outcome.UNENROLLED,
    RequestType.VOID: Outcome.UNENROLLED,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> ProviderKind:
    return load_kind(request.param)


def resolved(
    kind: ProviderKind, outcome: Outcome, code: str | None, request_type: RequestType = RequestType.ORDER
) -> tuple[LineState | None, set[str]]:
    """State of one line after a device record of that outcome and code, and the findings."""
    record = dict.fromkeys(RESPONSE_DETAIL.names) | {"level": "DEVICE", "order_id": "SO-1", "device_id": "SN1"}
    record |= {"outcome": str(outcome), "provider_code": code}
    line = [1, "SN1", "SO-1", "DL-1", str(request_type), "SENT", str(_GOOD[request_type])]
    lines = pa.table(
        [pa.array([value], type_) for value, (_, type_) in zip(line, LINES, strict=True)], [n for n, _ in LINES]
    )
    resolution = resolve(kind, pa.Table.from_pylist([record], RESPONSE_DETAIL.arrow()), lines)
    (decision,) = resolution.decisions
    return decision.state, {finding.code for finding in resolution.findings}


def test_there_are_kinds() -> None:
    assert "generic" in KINDS
    with pytest.raises(NotFound, match="generic"):
        load_kind("no_such_kind")


def test_a_kind_has_the_name_of_its_file(kind: ProviderKind) -> None:
    assert kind.name in KINDS
    assert kind.title


def test_codes_are_well_formed(kind: ProviderKind) -> None:
    for code in {*kind.codes, *kind.success}:
        assert re.fullmatch(r"[!-~]{1,100}", code), code
    assert kind.codes.keys() & kind.success == set()
    assert kind.success
    for meaning in kind.codes.values():
        assert meaning.text
        assert meaning.text == meaning.text.strip()


def test_limits_are_positive(kind: ProviderKind) -> None:
    assert all(getattr(kind.limits, field.name) > 0 for field in fields(kind.limits))


def test_every_code_leads_to_an_allowed_state(kind: ProviderKind) -> None:
    for code, meaning in kind.codes.items():
        assert meaning.state is None or meaning.state in SETTLED
        said = (
            Outcome.IN_PROGRESS
            if meaning.state is None
            else Outcome.REJECTED
            if meaning.state in FAILED
            else Outcome.UNCHANGED
        )
        assert resolved(kind, said, code) == (meaning.state, set()), code


def test_a_code_that_contradicts_its_outcome_is_for_a_person(kind: ProviderKind) -> None:
    for code, meaning in kind.codes.items():
        opposite = Outcome.ENROLLED if meaning.state in {*FAILED, None} else Outcome.REJECTED
        assert resolved(kind, opposite, code) == (LineState.REVIEW, {"ANSWER_CODE_CONTRADICTS"}), code


@pytest.mark.parametrize("request_type", RequestType)
def test_success_codes_agree_with_every_good_outcome(kind: ProviderKind, request_type: RequestType) -> None:
    for code in (*kind.success, None):
        state, found = resolved(kind, _GOOD[request_type], code, request_type)
        assert (state, found) == (LineState(_GOOD[request_type]), set())
        assert resolved(kind, Outcome.UNCHANGED, code, request_type) == (LineState.UNCHANGED, set())
        assert resolved(kind, Outcome.IN_PROGRESS, code, request_type) == (None, set())
    for code in kind.success:
        assert resolved(kind, Outcome.REJECTED, code) == (LineState.REVIEW, {"ANSWER_CODE_CONTRADICTS"})


def test_an_unknown_code_is_for_a_person(kind: ProviderKind) -> None:
    for outcome in (Outcome.ENROLLED, Outcome.REJECTED):
        assert resolved(kind, outcome, "NO-SUCH-CODE") == (LineState.REVIEW, {"ANSWER_CODE_UNKNOWN"})


def test_good_records_are_not_refused(kind: ProviderKind) -> None:
    values = {column.name: column.example for column in REQUEST_DETAIL.columns}
    records = pa.Table.from_pylist([values], REQUEST_DETAIL.arrow())
    assert kind.refuses(records).to_pylist() == [False]
    assert kind.refuses(records.slice(0, 0)).to_pylist() == []


def test_findings_of_answers_are_in_the_catalogue() -> None:
    assert {"ANSWER_CODE_CONTRADICTS", "ANSWER_CODE_UNKNOWN"} <= CATALOGUE.keys()


@pytest.fixture(scope="module", params=KINDS)
def kind_desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp(request.param)
    with open_desk(home / "workspace", f"sqlite:///{home}/registry.db", kind=request.param) as desk:
        yield desk


def test_a_request_and_its_answer(kind_desk: Desk) -> None:
    rejected = 'field = "device_id"\npattern = "SN00000011"\ncode = "DE-4301"\nmessage = "no such device"\n'
    kind_desk.plan(f"[[reject]]\n{rejected}")
    kind_desk.dispatch(order_row(10), order_row(11))
    kind_desk.exchange()
    assert kind_desk.states("SN00000010") == ["ENROLLED"]
    assert kind_desk.states("SN00000011")[0] in ("REJECTED", "REVIEW")
