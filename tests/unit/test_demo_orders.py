"""The demo's order file, judged by the real loader, and the demo's own verdict."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace

import pyarrow.compute as pc
import pytest

from app.demo.ledger import BatchResult
from app.demo.orders import CUSTOMERS, MAXIMUM, MINIMUM, DevicesRefused, make_dispatch
from app.demo.summary import Outcome
from formats.order_dispatch.loading import load
from jobs.runs import Bucket, Conservation, ConservationCheck

SIZES = (50, 51, 60, 99, 137, 400, 1000, 2503)
BUCKETS = {"ENROLLED", "UNENROLLED", "REJECTED", "REVIEW", "NOT_REQUESTED", "REFUSED"}
SEEN_IN_THE_FILE = {"IMEI_INVALID", "ROW_DUPLICATE"}  # the other faults need the registry


def rows_of(devices: int) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(make_dispatch(devices).data.decode())))


def identifiers(rows: list[dict[str, str]]) -> set[str]:
    names = ("serial_number", "imei", "mac", "order_number", "delivery_number")
    return {row[name] for row in rows for name in names if row[name]}


@pytest.mark.parametrize("devices", SIZES)
def test_the_file_has_exactly_the_rows_asked_for_and_an_end_for_each(devices: int) -> None:
    dispatch = make_dispatch(devices)
    assert dispatch.rows == devices == len(rows_of(devices))
    assert sum(dispatch.buckets.values()) == devices
    assert {str(bucket) for bucket in dispatch.buckets} == BUCKETS
    assert sum(dispatch.findings.values()) == dispatch.buckets["REFUSED"]


@pytest.mark.parametrize("devices", SIZES)
def test_the_loader_finds_the_faults_that_were_made_and_no_others(devices: int) -> None:
    dispatch = make_dispatch(devices)
    loaded = load(dispatch.data)
    expected = {code: count for code, count in dispatch.findings.items() if code in SEEN_IN_THE_FILE}
    assert Counter(loaded.findings["code"].to_pylist()) == expected
    assert pc.sum(loaded.passed).as_py() == devices - sum(expected.values())
    assert set(dispatch.findings) - SEEN_IN_THE_FILE == {"CUSTOMER_UNKNOWN", "RETURN_NOT_ENROLLED"}


def test_the_same_number_gives_the_same_bytes() -> None:
    assert make_dispatch(1000) == make_dispatch(1000)


def test_another_number_gives_other_devices_and_orders() -> None:
    assert identifiers(rows_of(1000)) & identifiers(rows_of(1001)) == set()
    assert identifiers(rows_of(60)) & identifiers(rows_of(1000)) == set()


def test_returns_name_devices_ordered_above_under_numbers_of_their_own_and_later() -> None:
    rows = rows_of(1000)
    ordered = {row["serial_number"]: row for row in rows if row["request_type"] == "OR"}
    returned = [row for row in rows if row["request_type"] == "RE" and row["serial_number"] in ordered]
    assert len(returned) == 30
    for row in returned:
        order = ordered[row["serial_number"]]
        assert row["customer_account"] == order["customer_account"]
        assert row["order_date"] > order["ship_date"] > order["order_date"]
    assert {row["order_number"] for row in returned} & {row["order_number"] for row in ordered.values()} == set()
    assert make_dispatch(1000).example in {row["serial_number"] for row in returned}


def test_orders_are_of_fifty_devices_and_of_every_customer() -> None:
    rows = [row for row in rows_of(1000) if row["request_type"] == "OR" and row["customer_account"] != "C-9999"]
    sizes = Counter(row["order_number"] for row in rows)
    assert set(list(sizes.values())[:-1]) == {50}
    assert {row["customer_account"] for row in rows} == {account for account, *_ in CUSTOMERS}


@pytest.mark.parametrize("devices", [-1, 0, MINIMUM - 1, MAXIMUM + 1])
def test_a_number_of_devices_it_cannot_make_is_refused(devices: int) -> None:
    with pytest.raises(DevicesRefused):
        make_dispatch(devices)


@pytest.fixture
def good() -> Outcome:
    dispatch = make_dispatch(60)
    return Outcome(
        dispatch=dispatch,
        buckets=dict(dispatch.buckets),
        batches=[BatchResult("ACME-000001", "CLOSED")],
        intake_findings=dict(dispatch.findings),
        answer_findings={"ANSWER_CODE_UNKNOWN": 1},
        runs=[],
        conservation=Conservation([Bucket("ENROLLED", 60)], [ConservationCheck("both sides", 60, 60)]),
        before=None,
        after={"batches": 3},
    )


def test_nothing_is_wrong_with_what_was_expected(good: Outcome) -> None:
    assert good.faults() == []
    assert replace(good, before={"batches": 3}).faults() == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"buckets": {"ENROLLED": 60}}, "devices ENROLLED: 60, expected 44"),
        ({"intake_findings": {}}, "findings IMEI_INVALID: 0, expected 1"),
        ({"answer_findings": {"X": 1, "ANSWER_CODE_UNKNOWN": 1}}, "findings X: 1, expected 0"),
        ({"batches": [BatchResult("ACME-000002", "UNCERTAIN")]}, "batch ACME-000002 is UNCERTAIN"),
        ({"before": {"batches": 2}}, "rows changed by a second run: table batches: 3, expected 2"),
        (
            {"conservation": Conservation([], [ConservationCheck("both sides", 60, 59)])},
            "not conserved: both sides: 60 against 59",
        ),
    ],
)
def test_whatever_is_not_as_expected_is_named(good: Outcome, change: dict[str, object], fault: str) -> None:
    assert fault in replace(good, **change).faults()  # type: ignore[arg-type]  # fields by name, from the table above
