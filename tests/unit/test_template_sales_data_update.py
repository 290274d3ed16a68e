"""The template Sales Data Update."""

from __future__ import annotations

import pytest

from formats.template import CLEAR, Plan
from formats.templates.sales_data_update import TEMPLATE
from tests.support.template_rows import Record, codes, findings, inserted, judged, planned, updated, writes

KEY = {"vin": "MVH002654", "vcu_id": "CEH0000001"}
SALE = {
    "user_name": "Asha Example",
    "phone": "+919876543210",
    "address_line_1": "12 Example Road",
    "address_line_2": "Sample Nagar",
    "address_line_3": "Pune 411001",
    "purchase_date": "2026-01-15",
    "warranty_end": "2029-01-14",
    "service_date": "2026-07-15",
    "manufacturing_date": "2025-12-01",
}
OWN = {"registration_number": "MH12AB1234", "status": "Sold", "customer_id": 7, "location_id": 3}
VEHICLE = {"id": 5, "vin": "MVH002654", "placeholder": False, "vcu_id": "CEH0000001", "sale_id": 11, **OWN, **SALE}
UNSOLD = {**VEHICLE, "sale_id": None, **dict.fromkeys(SALE)}


def plan_of(*rows: dict[str, str], product: Record | None = VEHICLE, **found: Record | int) -> Plan:
    known: dict[str, Record | int | None] = {"product": product, "unit": product, **found}
    return planned(TEMPLATE, *rows, **{name: [entry] * len(rows) for name, entry in known.items()})


def test_the_columns_are_those_of_the_template() -> None:
    assert [column.heading for column in TEMPLATE.schema.columns] == [
        "VIN No",
        "VCU/VTS ID",
        "Registration Number",
        "Product Status",
        "Vehicle Location",
        "Customer Name",
        "User Name",
        "User Mobile Number",
        "Address Line 1",
        "Address Line 2",
        "Address Line 3",
        "Purchase Date",
        "Warranty End Date",
        "Service Date",
        "Manufacturing Date",
    ]
    assert judged(TEMPLATE, KEY) == []
    assert judged(TEMPLATE, KEY | SALE) == []


@pytest.mark.parametrize(
    ("days", "at"),
    [
        ({"purchase_date": "2025-11-30"}, "purchase_date"),
        ({"warranty_end": "2026-01-14"}, "warranty_end"),
        ({"purchase_date": "", "warranty_end": "2025-11-30"}, "warranty_end"),
    ],
)
def test_days_of_a_row_are_in_order(days: dict[str, str], at: str) -> None:
    assert (2, at, "DATE_ORDER") in judged(TEMPLATE, KEY | SALE | days)


def test_equal_days_are_in_order() -> None:
    day = dict.fromkeys(("manufacturing_date", "purchase_date", "warranty_end"), "2026-01-15")
    assert judged(TEMPLATE, KEY | day) == []
    assert codes(plan_of(KEY | day)) == []


@pytest.mark.parametrize(
    ("days", "found"),
    [
        ({"purchase_date": "2025-11-30"}, [("purchase_date", "2025-11-30 is before 2025-12-01")]),
        ({"purchase_date": "2029-01-15"}, [("purchase_date", "2029-01-14 is before 2029-01-15")]),
        (
            {"warranty_end": "2025-01-01"},
            [("warranty_end", f"2025-01-01 is before {day}") for day in ("2025-12-01", "2026-01-15")],
        ),
        ({"manufacturing_date": "2026-01-16"}, [("manufacturing_date", "2026-01-15 is before 2026-01-16")]),
        ({"manufacturing_date": "2026-01-16", "purchase_date": CLEAR}, []),
        ({"service_date": "2020-01-01"}, []),
        ({"purchase_date": "2027-01-01", "warranty_end": "2030-01-01"}, []),
    ],
)
def test_days_of_a_row_are_in_order_with_those_on_record(days: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert findings(plan_of(KEY | days)) == [(2, column, "DATE_ORDER", day) for column, day in found]


def test_days_that_were_out_of_order_before_are_nobody_s_fault() -> None:
    plan = plan_of(KEY | {"status": "Demo"}, product={**VEHICLE, "warranty_end": "2020-01-01"})
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["CHANGED"]


@pytest.mark.parametrize("row", [KEY, KEY | SALE | {"status": "Sold"}], ids=["blank cells", "the same cells"])
def test_what_does_not_differ_changes_nothing(row: dict[str, str]) -> None:
    plan = plan_of(row, phone=VEHICLE)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert [write for table in ("products", "sales") for write in writes(plan, table)] == []


@pytest.mark.parametrize("name", list(SALE))
def test_clear_empties_a_value_of_the_sale(name: str) -> None:
    plan = plan_of(KEY | {name: CLEAR})
    assert updated(plan, "sales") == [{"row": 2, "product_id": 5, **SALE, name: None}]
    assert writes(plan, "products") == []


def test_a_cell_changes_its_value_and_no_other() -> None:
    plan = plan_of(KEY | {"user_name": "Ravi Sample", "status": "Demo"})
    assert updated(plan, "sales") == [{"row": 2, "product_id": 5, **SALE, "user_name": "Ravi Sample"}]
    assert updated(plan, "products") == [{"row": 2, "id": 5, **OWN, "status": "Demo"}]


def test_a_vehicle_without_a_sale_gets_one() -> None:
    plan = plan_of(KEY | SALE, product=UNSOLD)
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert inserted(plan, "sales") == [{"row": 2, "product_id": 5, **SALE}]
    assert writes(plan_of(KEY | {"user_name": CLEAR}, product=UNSOLD), "sales") == []


def test_a_phone_number_has_one_vehicle() -> None:
    plan = plan_of(KEY | {"phone": "+919876543299"}, phone={"id": 6, "vin": "MVH000006"})
    assert findings(plan) == [(2, "phone", "PHONE_IN_USE", "MVH000006")]


def test_the_key_and_the_names_are_judged_like_those_of_products() -> None:
    assert findings(plan_of(KEY, unit={"id": 6, "vin": "MVH000006"})) == [(2, "vcu_id", "KEY_MISMATCH", "MVH000006")]
    assert codes(plan_of(KEY, product=None)) == [(2, "vcu_id", "VCU_UNKNOWN"), (2, "vin", "VIN_UNKNOWN")]
    plan = plan_of(KEY | {"customer_name": "Nobody", "location": "Nowhere", "status": "Demo"}, customer=3)
    assert codes(plan) == [(2, "customer_name", "CUSTOMER_NOT_FOUND"), (2, "location", "LOCATION_NOT_FOUND")]
    assert updated(plan, "products") == [{"row": 2, "id": 5, **OWN, "status": "Demo"}]
