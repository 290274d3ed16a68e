"""The template Leases."""

from __future__ import annotations

import pytest

from formats.template import CLEAR, Rules
from formats.templates.leases import TEMPLATE
from tests.support.template_rows import codes, findings, inserted, judged, planned, updated, writes

ROW = {
    "vin": "MVH002654",
    "expiry_date": "2026-04-30",
    "last_renewal_date": "2026-03-31",
    "duration": "Monthly(30Days)",
    "lease_type": "Rental",
    "description": "Battery",
    "order_status": "Success",
    "payment_status": "Pending",
    "payment_reference": "PAY-1",
}
STORED = {
    "expiry": "2026-04-30",
    "last_renewal": "2026-03-31",
    "duration": "Monthly(30Days)",
    "lease_type": "Rental",
    "description": "Battery",
    "order_status": "Success",
    "payment_status": "Pending",
    "payment_reference": "PAY-1",
}
VEHICLE = {"id": 5, "customer_id": 7}


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


@pytest.mark.parametrize("column", [name for name in TEMPLATE.schema.names if name != "payment_reference"])
def test_all_but_the_payment_reference_must_be_filled(column: str) -> None:
    assert judged(TEMPLATE, ROW | {column: ""}) == [(2, column, "CELL_EMPTY")]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("duration", "Yearly"),
        ("duration", "Monthly"),
        ("lease_type", "Sale"),
        ("order_status", "All"),
        ("payment_status", "success"),
    ],
)
def test_the_judge_keeps_to_the_lists(column: str, cell: str) -> None:
    assert judged(TEMPLATE, ROW | {column: cell}) == [(2, column, "CELL_CHOICE")]


def test_a_vehicle_stands_in_a_file_once() -> None:
    assert codes_of(judged(TEMPLATE, ROW, ROW)) == ["ROW_DUPLICATE", "ROW_DUPLICATE"]


def codes_of(found: list[tuple[int, str, str]]) -> list[str]:
    return [code for _, _, code in found]


def test_a_first_lease_is_inserted() -> None:
    plan = planned(TEMPLATE, ROW, product=[VEHICLE])
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "product_leases") == [{"row": 2, "product_id": 5, **STORED}]


def test_the_same_again_changes_nothing_and_a_blank_cell_keeps() -> None:
    plan = planned(TEMPLATE, ROW, ROW | {"payment_reference": ""}, product=[VEHICLE] * 2, lease=[STORED] * 2)
    assert plan.effects.to_pylist() == ["UNCHANGED", "UNCHANGED"]
    assert writes(plan, "product_leases") == []


def test_what_differs_is_updated_and_clear_empties() -> None:
    rows = (ROW | {"payment_status": "Success"}, ROW | {"payment_reference": CLEAR})
    plan = planned(TEMPLATE, *rows, product=[VEHICLE, {"id": 6}], lease=[STORED] * 2)
    assert plan.effects.to_pylist() == ["CHANGED", "CHANGED"]
    assert updated(plan, "product_leases") == [
        {"row": 2, "product_id": 5, **STORED, "payment_status": "Success"},
        {"row": 3, "product_id": 6, **STORED, "payment_reference": None},
    ]


def test_a_term_that_does_not_fit_is_taken_with_a_warning() -> None:
    rows = (
        ROW | {"expiry_date": "2026-05-30"},
        ROW | {"duration": "Months(180 Days)", "expiry_date": "2026-09-27"},
        ROW | {"expiry_date": "2026-03-30"},
        ROW | {"last_renewal_date": "2024-01-31", "expiry_date": "2024-03-01"},
        ROW | {"last_renewal_date": "2026-04-30"},
    )
    plan = planned(TEMPLATE, *rows, product=[{"id": index} for index in range(5)])
    assert findings(plan) == [
        (2, "expiry_date", "LEASE_TERM", "2026-04-30"),
        (4, "expiry_date", "LEASE_ENDS_BEFORE_RENEWAL", None),
        (6, "expiry_date", "LEASE_TERM", "2026-05-30"),
    ]
    assert len(inserted(plan, "product_leases")) == 5


def test_without_subscriptions_no_row_is_taken() -> None:
    plan = planned(TEMPLATE, ROW, ROW, rules=Rules(subscription=False), product=[VEHICLE] * 2)
    assert codes(plan) == [(2, "vin", "LEASE_OFF"), (3, "vin", "LEASE_OFF")]
    assert writes(plan, "product_leases") == []


def test_the_vehicle_must_be_on_record() -> None:
    plan = planned(TEMPLATE, ROW)
    assert codes(plan) == [(2, "vin", "VIN_UNKNOWN")]
    assert writes(plan, "product_leases") == []
