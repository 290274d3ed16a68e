"""The template Product Registration."""

from __future__ import annotations

import pytest

from formats.template import Plan, Rules
from formats.templates.product_registration import TEMPLATE
from tests.support.template_rows import Record, codes, findings, inserted, judged, planned, updated, writes

ROW = {
    "vin": "MVH002654",
    "vcu_id": "CEH0000001",
    "device_id": "DEV-1",
    "motor_id": "KE1",
    "bms_id": "BMS1",
    "model": "EX-1",
    "communication_type": "4G",
    "battery_model": "BX-48",
}
OPTIONAL = {"registration_number": None, "sim_number": None, "status": None, "customer_id": None, "location_id": None}
NEW = {"row": 2, **ROW, **OPTIONAL, "placeholder": False}
REGISTERED = {"id": 5, "placeholder": False, **ROW}
STOCK = {**REGISTERED, "id": 9, "vin": "CHH000123", "placeholder": True, "motor_id": "EVH1", "status": "In Stock"}
OTHER = {"id": 6, "vin": "MVH000006", "placeholder": False}


def plan_of(*rows: dict[str, str], rules: Rules | None = None, **found: Record | int) -> Plan:
    return planned(TEMPLATE, *rows, rules=rules, **{name: [entry] * len(rows) for name, entry in found.items()})


def nothing_written(plan: Plan) -> bool:
    return not any(writes(plan, table) for table in ("products", "sales"))


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


@pytest.mark.parametrize("column", list(ROW))
def test_what_must_be_filled(column: str) -> None:
    assert judged(TEMPLATE, ROW | {column: ""}) == [(2, column, "CELL_EMPTY")]


@pytest.mark.parametrize("column", ["vin", "vcu_id", "phone"])
def test_two_rows_of_a_file_do_not_share(column: str) -> None:
    first = ROW | {"phone": "+919876543210"}
    second = ROW | {"vin": "MVH000009", "vcu_id": "CEH0000009", "phone": "+919876543219"}
    found = judged(TEMPLATE, first, second | {column: first[column]})
    assert found == [(2, column, "ROW_DUPLICATE"), (3, column, "ROW_DUPLICATE")]


def test_a_vehicle_with_a_unit_that_is_not_on_record_is_added() -> None:
    plan = plan_of(ROW)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "products") == [NEW]
    assert writes(plan, "sales") == []


def test_owner_and_user_go_with_it() -> None:
    row = ROW | {"customer_name": "Example", "location": "Pune", "user_name": "Asha", "phone": "+919876543210"}
    plan = plan_of(row, customer={"id": 7}, location={"id": 3})
    assert inserted(plan, "products") == [NEW | {"customer_id": 7, "location_id": 3}]
    assert inserted(plan, "sales") == [
        {"row": 2, "product_id": "MVH002654", "user_name": "Asha", "phone": "+919876543210"}
    ]


def test_a_customer_that_is_not_found_is_left_out() -> None:
    plan = plan_of(ROW | {"customer_name": "Example", "location": "Pune"}, customer=2)
    assert codes(plan) == [(2, "customer_name", "CUSTOMER_NOT_FOUND"), (2, "location", "LOCATION_NOT_FOUND")]
    assert inserted(plan, "products") == [NEW]


def test_a_unit_that_was_shipped_is_taken_over() -> None:
    plan = plan_of(ROW, unit=STOCK)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert inserted(plan, "products") == []
    assert updated(plan, "products")[0] == NEW | {"id": 9, "status": "In Stock"}


@pytest.mark.parametrize(
    "unit",
    [{"id": 9, "vin": None, "placeholder": True}, {"id": 9, "vin": "EVH000777", "placeholder": False}],
    ids=["without a frame id", "a placeholder by now"],
)
def test_a_unit_that_stands_for_no_vehicle_is_free(unit: Record) -> None:
    plan = plan_of(ROW, unit=unit)
    assert codes(plan) == []
    assert updated(plan, "products")[0]["vin"] == "MVH002654"


def test_the_same_row_again_changes_nothing() -> None:
    row = ROW | {"user_name": "Asha", "phone": "+919876543210"}
    present = {**REGISTERED, "sale_id": 3, "user_name": "Asha", "phone": "+919876543210"}
    plan = plan_of(row, product=present, unit=present, battery=present, motor=present, phone=present)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert nothing_written(plan)


@pytest.mark.parametrize("change", [{"motor_id": "KE2"}, {"model": "EX-2"}, {"user_name": "Asha"}, {"vcu_id": "CEH9"}])
def test_a_vehicle_on_record_is_not_changed(change: dict[str, str]) -> None:
    plan = plan_of(ROW | change, product=REGISTERED, unit=OTHER if "vcu_id" in change else REGISTERED)
    assert findings(plan)[-1] == (2, "vin", "VIN_EXISTS", "CEH0000001")
    assert len(findings(plan)) == 1
    assert nothing_written(plan)


def test_what_is_in_use_is_named_in_a_fixed_order() -> None:
    row = ROW | {"phone": "+919876543210", "customer_name": "Nobody"}
    plan = plan_of(row, unit=OTHER, battery=OTHER, motor=OTHER, phone=OTHER)
    assert plan.findings["code"].to_pylist() == [
        "VCU_IN_USE",
        "BATTERY_IN_USE",
        "MOTOR_IN_USE",
        "PHONE_IN_USE",
        "CUSTOMER_NOT_FOUND",
    ]
    assert plan.findings["fact"].to_pylist()[:4] == ["MVH000006"] * 4
    assert nothing_written(plan)


def test_parts_are_taken_from_records_that_have_them_by_default() -> None:
    plan = plan_of(ROW)
    freed = [write for write in writes(plan, "products") if write.emptied]
    assert [(write.key, write.rows.to_pylist()) for write in freed] == [
        (("bms_id", "placeholder"), [{"row": 2, "bms_id": "BMS1", "placeholder": True}]),
        (("motor_id", "placeholder"), [{"row": 2, "motor_id": "KE1", "placeholder": True}]),
    ]


def test_units_in_stock_are_registered_under_placeholders_and_may_share_dummy_parts() -> None:
    rows = [ROW | {"vin": "CHH000001"}, ROW | {"vin": "EVH000002", "vcu_id": "CEH0000002"}]
    assert judged(TEMPLATE, *rows) == []
    plan = planned(TEMPLATE, *rows)
    assert codes(plan) == []
    assert [row["placeholder"] for row in inserted(plan, "products")] == [True, True]
    assert not any(write.emptied for write in writes(plan, "products"))


def test_real_vehicles_of_a_file_do_not_share_parts() -> None:
    plan = planned(TEMPLATE, ROW, ROW | {"vin": "MVH000009", "vcu_id": "CEH0000009"})
    assert codes(plan) == [
        (row, name, "ROW_DUPLICATE") for row, name in ((2, "bms_id"), (2, "motor_id"), (3, "bms_id"), (3, "motor_id"))
    ]
    assert nothing_written(plan)


def test_frame_ids_have_the_form_of_the_installation() -> None:
    rules = Rules(vin_pattern="MVH[0-9]{6}")
    assert codes(plan_of(ROW, rules=rules)) == []
    assert codes(plan_of(ROW | {"vin": "MVH00265"}, rules=rules)) == [(2, "vin", "VIN_PATTERN")]
    assert codes(plan_of(ROW | {"vin": "CHH000001"}, rules=rules)) == []


def test_placeholders_are_those_of_the_installation() -> None:
    plan = plan_of(ROW | {"vin": "DUMMY01"}, rules=Rules(placeholder_pattern="DUMMY[0-9]+"))
    assert [row["placeholder"] for row in inserted(plan, "products")] == [True]
    plan = plan_of(ROW | {"vin": "DUMMY01X"}, rules=Rules(placeholder_pattern="DUMMY[0-9]+"))
    assert [row["placeholder"] for row in inserted(plan, "products")] == [False]
