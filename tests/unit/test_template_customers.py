"""The template Customers."""

from __future__ import annotations

import pytest

from formats.template import CLEAR
from formats.templates.customers import TEMPLATE
from tests.support.template_rows import codes, inserted, judged, planned, updated, writes

FILLED = {
    "name": "Example Motors Ltd",
    "address": "12 Example Road",
    "city": "Pune",
    "pin_code": "411001",
    "phone": "+919876543210",
    "email": "fleet@example.com",
}
ROW = {"account": "C-1007", **FILLED, "parent_account": "C-1000"}
PRESENT = {"id": 5, **ROW}
BOTH = {"by_account": [PRESENT], "by_name": [PRESENT], "parent": [{"id": 1}]}


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []
    assert judged(TEMPLATE, FILLED) == []


@pytest.mark.parametrize("column", list(FILLED))
def test_what_must_be_filled(column: str) -> None:
    assert judged(TEMPLATE, ROW | {column: ""}) == [(2, column, "CELL_EMPTY")]


def test_an_account_stands_in_a_file_once() -> None:
    found = judged(TEMPLATE, ROW, ROW | {"name": "Other"})
    assert found == [(2, "account", "ROW_DUPLICATE"), (3, "account", "ROW_DUPLICATE")]


def test_a_new_customer_is_added_under_its_account() -> None:
    plan = planned(TEMPLATE, ROW, parent=[{"id": 1}])
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "customers") == [{"row": 2, **ROW}]


def test_a_new_customer_without_an_account_gets_one() -> None:
    plan = planned(TEMPLATE, FILLED)
    assert inserted(plan, "customers") == [{"row": 2, "account": None, **FILLED, "parent_account": None}]
    (write,) = writes(plan, "customers")
    assert write.numbered == {"account": "CU-"}


@pytest.mark.parametrize("row", [ROW, ROW | {"account": ""}, ROW | {"parent_account": ""}])
def test_the_same_again_changes_nothing(row: dict[str, str]) -> None:
    plan = planned(TEMPLATE, row, **BOTH)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert writes(plan, "customers") == []


def test_with_an_account_the_name_may_change() -> None:
    plan = planned(TEMPLATE, ROW | {"name": "Example Fleet Ltd"}, by_account=[PRESENT], parent=[{"id": 1}])
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert updated(plan, "customers") == [
        {"row": 2, "id": 5, **FILLED, "name": "Example Fleet Ltd", "parent_account": "C-1000"}
    ]


def test_without_an_account_the_customer_is_found_by_name() -> None:
    row = FILLED | {"city": "Nagpur", "parent_account": CLEAR}
    plan = planned(TEMPLATE, row, by_name=[PRESENT])
    assert updated(plan, "customers") == [{"row": 2, "id": 5, **FILLED, "city": "Nagpur", "parent_account": None}]


def test_a_name_that_several_have_needs_an_account() -> None:
    plan = planned(TEMPLATE, FILLED, by_name=[2])
    assert codes(plan) == [(2, "name", "CUSTOMER_AMBIGUOUS")]
    assert writes(plan, "customers") == []
    assert codes(planned(TEMPLATE, ROW, by_name=[2], by_account=[PRESENT], parent=[{"id": 1}])) == []


def test_accounts_of_our_form_are_not_chosen() -> None:
    row = FILLED | {"account": "CU-17"}
    assert codes(planned(TEMPLATE, row)) == [(2, "account", "ACCOUNT_RESERVED")]
    assert codes(planned(TEMPLATE, row, by_account=[PRESENT])) == []


def test_two_rows_are_not_about_one_customer() -> None:
    assert codes(planned(TEMPLATE, FILLED, FILLED)) == [(2, "name", "ROW_DUPLICATE"), (3, "name", "ROW_DUPLICATE")]
    rows = [ROW | {"name": "Renamed"}, FILLED]
    plan = planned(TEMPLATE, *rows, by_account=[PRESENT, None], by_name=[None, PRESENT], parent=[{"id": 1}, None])
    assert codes(plan) == [(3, "name", "ROW_DUPLICATE")]
    assert len(updated(plan, "customers")) == 1


def test_the_parent_is_another_customer_on_record() -> None:
    assert codes(planned(TEMPLATE, ROW)) == [(2, "parent_account", "PARENT_UNKNOWN")]
    itself = FILLED | {"parent_account": "C-1007"}
    for row in (itself, itself | {"account": "C-1007"}):
        assert codes(planned(TEMPLATE, row, **BOTH)) == [(2, "parent_account", "PARENT_ITSELF")]


def test_customers_are_not_open_to_uploaders_of_one_customer() -> None:
    assert TEMPLATE.owners == ()
