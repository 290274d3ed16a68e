"""The template Product Data Update."""

from __future__ import annotations

import pytest

from formats.template import CLEAR, Plan, Rules
from formats.templates.product_data_update import TEMPLATE
from tests.support.template_rows import Record, codes, findings, inserted, judged, planned, updated, writes

KEY = {"vin": "MVH002654", "vcu_id": "CEH0000001"}
VEHICLE = {
    "id": 5,
    "vin": "MVH002654",
    "placeholder": False,
    "vcu_id": "CEH0000001",
    "device_id": "DEV-1",
    "motor_id": "KE1",
    "bms_id": "BMS1",
    "registration_number": "MH12AB1234",
    "sim_number": "899100",
    "status": "In Stock",
    "model": "EX-1",
    "battery_model": "BX-48",
    "communication_type": "4G",
    "customer_id": 7,
    "location_id": 3,
    "sale_id": 11,
    "user_name": "Asha Example",
    "phone": "+919876543210",
}
SAME = KEY | {
    "device_id": "DEV-1",
    "motor_id": "KE1",
    "bms_id": "BMS1",
    "registration_number": "MH12AB1234",
    "sim_number": "899100",
    "status": "In Stock",
    "model": "EX-1",
    "battery_model": "BX-48",
    "communication_type": "4G",
    "user_name": "Asha Example",
    "phone": "+919876543210",
    "customer_name": "Example Motors Ltd",
    "location": "Pune",
}
OTHER = {"id": 6, "vin": "MVH000006"}
PRODUCT = ("device_id", "registration_number", "status", "model", "motor_id", "bms_id", "communication_type")


def plan_of(
    *rows: dict[str, str], product: Record | None = VEHICLE, rules: Rules | None = None, **found: Record | int
) -> Plan:
    known: dict[str, Record | int | None] = {"product": product, "unit": product, **found}
    return planned(TEMPLATE, *rows, rules=rules, **{name: [entry] * len(rows) for name, entry in known.items()})


def changes(plan: Plan, table: str = "products") -> list[dict[str, object]]:
    """What an update makes different from the vehicle."""
    return [
        {name: value for name, value in row.items() if name not in VEHICLE or value != VEHICLE[name]}
        for row in updated(plan, table)
        if "placeholder" not in row
    ]


def test_the_columns_are_those_of_the_template() -> None:
    assert [column.heading for column in TEMPLATE.schema.columns] == [
        "VIN No",
        "VCU/VTS ID",
        "Device ID",
        "Registration Number",
        "Product Status",
        "Vehicle Location",
        "Customer Name",
        "User Name",
        "User Mobile Number",
        "Vehicle Model",
        "Motor ID",
        "BMS ID",
        "Communication Type",
        "Battery Model",
        "VCU SIM Number",
    ]
    aliases = {alias for column in TEMPLATE.schema.columns for alias in column.aliases}
    assert {"Frame ID", "Telematics ID", "VCU Number", "Battery Number"} <= aliases


def test_only_the_key_must_be_filled() -> None:
    assert judged(TEMPLATE, KEY) == []
    assert judged(TEMPLATE, SAME) == []
    for column in KEY:
        assert judged(TEMPLATE, SAME | {column: ""}) == [(2, column, "CELL_EMPTY")]


@pytest.mark.parametrize("status", ["Sold", "Demo", "Factory", "Testing", "In Transit", "In Stock"])
def test_product_statuses(status: str) -> None:
    assert judged(TEMPLATE, KEY | {"status": status}) == []


def test_all_is_no_status() -> None:
    assert judged(TEMPLATE, KEY | {"status": "All"}) == [(2, "status", "CELL_CHOICE")]


@pytest.mark.parametrize("column", ["vin", "vcu_id", "phone"])
def test_two_rows_of_a_file_do_not_share(column: str) -> None:
    second = {"vin": "MVH000009", "vcu_id": "CEH0000009", "phone": "+919876543219"}
    found = judged(TEMPLATE, SAME, second | {column: SAME[column]})
    assert found == [(2, column, "ROW_DUPLICATE"), (3, column, "ROW_DUPLICATE")]


@pytest.mark.parametrize("row", [KEY, SAME], ids=["blank cells", "the same cells"])
def test_what_does_not_differ_changes_nothing(row: dict[str, str]) -> None:
    plan = plan_of(row, customer={"id": 7}, location={"id": 3}, battery=VEHICLE, motor=VEHICLE, phone=VEHICLE)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert [write for table in ("products", "sales") for write in writes(plan, table)] == []


@pytest.mark.parametrize("name", [name for name in PRODUCT if name not in ("device_id", "motor_id", "bms_id")])
def test_a_cell_changes_its_value_and_no_other(name: str) -> None:
    plan = plan_of(KEY | {name: "Sold"})
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert changes(plan) == [{"row": 2, name: "Sold"}]
    assert writes(plan, "sales") == []


@pytest.mark.parametrize("name", ["registration_number", "status", "motor_id", "bms_id", "sim_number"])
def test_clear_empties(name: str) -> None:
    assert changes(plan_of(KEY | {name: CLEAR})) == [{"row": 2, name: None}]


def test_clear_empties_customer_location_and_user() -> None:
    plan = plan_of(KEY | dict.fromkeys(("customer_name", "location", "user_name", "phone"), CLEAR))
    assert codes(plan) == []
    assert changes(plan) == [{"row": 2, "customer_id": None, "location_id": None}]
    assert updated(plan, "sales") == [{"row": 2, "product_id": 5, "user_name": None, "phone": None}]


@pytest.mark.parametrize("name", ["device_id", "model", "communication_type", "battery_model"])
def test_what_a_vehicle_always_has_is_not_emptied(name: str) -> None:
    plan = plan_of(KEY | {name: CLEAR})
    assert codes(plan) == [(2, name, "CELL_CLEAR_REFUSED")]
    assert writes(plan, "products") == []


def test_the_key_must_be_on_record() -> None:
    assert codes(plan_of(KEY, product=None)) == [(2, "vcu_id", "VCU_UNKNOWN"), (2, "vin", "VIN_UNKNOWN")]
    assert codes(planned(TEMPLATE, KEY, product=[VEHICLE])) == [(2, "vcu_id", "VCU_UNKNOWN")]
    assert codes(planned(TEMPLATE, KEY, unit=[VEHICLE])) == [(2, "vin", "VIN_UNKNOWN")]


def test_both_keys_are_of_one_vehicle() -> None:
    plan = plan_of(KEY | {"status": "Sold"}, unit=OTHER)
    assert findings(plan) == [(2, "vcu_id", "KEY_MISMATCH", "MVH000006")]
    assert writes(plan, "products") == []


def test_a_device_id_never_changes() -> None:
    plan = plan_of(KEY | {"device_id": "DEV-2", "status": "Sold"})
    assert findings(plan) == [(2, "device_id", "DEVICE_ID_IMMUTABLE", "DEV-1")]
    assert writes(plan, "products") == []
    assert changes(plan_of(KEY | {"device_id": "DEV-2"}, product={**VEHICLE, "device_id": None}))


def test_customer_and_location_are_found_by_name() -> None:
    plan = plan_of(KEY | {"customer_name": "Sample", "location": "Nagpur"}, customer={"id": 8}, location={"id": 4})
    assert changes(plan) == [{"row": 2, "customer_id": 8, "location_id": 4}]


@pytest.mark.parametrize("matches", [0, 2])
def test_a_name_that_is_not_found_once_leaves_the_value_and_the_rest_applies(matches: int) -> None:
    row = KEY | {"customer_name": "Sample", "location": "Nagpur", "status": "Sold"}
    plan = plan_of(row, customer=matches, location=matches)
    assert codes(plan) == [(2, "customer_name", "CUSTOMER_NOT_FOUND"), (2, "location", "LOCATION_NOT_FOUND")]
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert changes(plan) == [{"row": 2, "status": "Sold"}]


@pytest.mark.parametrize(
    ("cell", "lookup", "code"),
    [
        ("bms_id", "battery", "BATTERY_IN_USE"),
        ("motor_id", "motor", "MOTOR_IN_USE"),
        ("phone", "phone", "PHONE_IN_USE"),
    ],
)
def test_what_another_vehicle_has_is_named(cell: str, lookup: str, code: str) -> None:
    row = KEY | {cell: "+919876543299" if cell == "phone" else "N-1"}
    plan = plan_of(row, **{lookup: OTHER})
    assert findings(plan) == [(2, cell, code, "MVH000006")]
    assert [write for table in ("products", "sales") for write in writes(plan, table)] == []


def test_the_battery_is_judged_before_the_motor_and_the_motor_before_the_phone() -> None:
    row = KEY | {"bms_id": "N-1", "motor_id": "N-2", "phone": "+919876543299", "customer_name": "x"}
    plan = plan_of(row, battery=OTHER, motor=OTHER, phone=OTHER)
    assert plan.findings["code"].to_pylist() == [
        "BATTERY_IN_USE",
        "MOTOR_IN_USE",
        "PHONE_IN_USE",
        "CUSTOMER_NOT_FOUND",
    ]


@pytest.mark.parametrize("name", ["bms_id", "motor_id"])
def test_a_free_part_is_taken_from_the_records_that_have_it_by_default(name: str) -> None:
    plan = plan_of(KEY | {name: "N-1"})
    vehicle, freed = writes(plan, "products")
    assert vehicle.rows[name].to_pylist() == ["N-1"]
    assert freed.key == (name, "placeholder")
    assert freed.emptied == (name,)
    assert freed.rows.to_pylist() == [{"row": 2, name: "N-1", "placeholder": True}]


def test_a_part_of_a_frame_id_that_became_a_placeholder_is_taken_from_it_first() -> None:
    plan = plan_of(KEY | {"motor_id": "N-1"}, motor={"id": 6, "vin": "CHH000777"})
    assert codes(plan) == []
    freed, vehicle, _ = writes(plan, "products")
    assert (freed.key, freed.emptied, freed.rows.to_pylist()) == (("id",), ("motor_id",), [{"row": 2, "id": 6}])
    assert vehicle.rows["motor_id"].to_pylist() == ["N-1"]


@pytest.mark.parametrize("name", ["bms_id", "motor_id"])
def test_two_real_vehicles_of_a_file_do_not_share_a_part(name: str) -> None:
    rows = [KEY | {name: "N-1"}, {"vin": "MVH000009", "vcu_id": "CEH0000009", name: "N-1"}]
    real = [VEHICLE, {**VEHICLE, "id": 9}]
    plan = planned(TEMPLATE, *rows, product=real, unit=real)
    assert codes(plan) == [(2, name, "ROW_DUPLICATE"), (3, name, "ROW_DUPLICATE")]
    plan = planned(TEMPLATE, *rows, product=[real[0], {**real[1], "placeholder": True}], unit=real)
    assert codes(plan) == [(2, name, "ROW_DUPLICATE"), (3, name, "ROW_DUPLICATE")]
    default = [{**item, "placeholder": True} for item in real]
    plan = planned(TEMPLATE, *rows, product=default, unit=default)
    assert codes(plan) == []
    assert len(updated(plan, "products")) == 2


def test_a_vehicle_without_a_sale_gets_one_with_its_user() -> None:
    unsold = {**VEHICLE, "sale_id": None, "user_name": None, "phone": None}
    plan = plan_of(KEY | {"user_name": "Ravi Sample"}, product=unsold)
    assert plan.effects.to_pylist() == ["CHANGED"]
    assert inserted(plan, "sales") == [{"row": 2, "product_id": 5, "user_name": "Ravi Sample", "phone": None}]
    assert writes(plan_of(KEY | {"status": "Sold"}, product=unsold), "sales") == []


def test_lists_of_the_installation_are_kept_to() -> None:
    rules = Rules(lists={"models": ("EX-1", "EX-2"), "battery_models": ("BX-48",)})
    assert codes(plan_of(KEY | {"model": "EX-2"}, rules=rules)) == []
    assert codes(plan_of(KEY | {"model": "EX-9"}, rules=rules)) == [(2, "model", "CELL_CHOICE")]


def test_an_uploader_of_one_customer_is_known_by_the_present_and_the_named_customer() -> None:
    assert TEMPLATE.owners == ("product.customer_id", "customer.id")
