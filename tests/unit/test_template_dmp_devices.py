"""The template DMP Devices."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats.template import CLEAR, Rules
from formats.templates.dmp_devices import TEMPLATE, firmware, firmware_number
from tests.support.template_rows import codes, findings, inserted, judged, planned, updated, writes

IMEI = "490154203237518"
OTHER_IMEI = "867035049959396"
ROW = {
    "imei": IMEI,
    "name": "Truck 17",
    "client_account": "Example Logistics Ltd",
    "sim_owner": "CUSTOMER",
    "sms_number": "+919876543210",
    "hardware_type": "FM-Pro4",
    "firmware": "00.06.19.55",
}
STORED = {
    "imei": IMEI,
    "name": "Truck 17",
    "customer_id": 7,
    "sim_owner": "CUSTOMER",
    "sms_number": "+919876543210",
    "hardware_type": "FM-Pro4",
    "firmware": "00.06.19.55",
}
CLIENT = {"id": 7}


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


def test_the_sms_number_is_needed_when_the_sim_is_the_customer_s() -> None:
    vendor = ROW | {"imei": OTHER_IMEI, "sim_owner": "VENDOR", "sms_number": ""}
    assert judged(TEMPLATE, ROW | {"sms_number": ""}, vendor) == [(2, "sms_number", "CELL_EMPTY")]


@pytest.mark.parametrize(
    ("column", "cell", "code"),
    [
        ("imei", "490154203237519", "IMEI_INVALID"),
        ("sim_owner", "Somebody", "CELL_CHOICE"),
        ("sms_number", "98765", "PHONE_INVALID"),
        ("firmware", "6.19.55", "CELL_PATTERN"),
        ("firmware", "00.06.19.155", "CELL_PATTERN"),
        ("firmware", "", "CELL_EMPTY"),
        ("hardware_type", "", "CELL_EMPTY"),
    ],
)
def test_the_judge_refuses(column: str, cell: str, code: str) -> None:
    assert (2, column, code) in judged(TEMPLATE, ROW | {column: cell})


def test_a_device_stands_in_a_file_once() -> None:
    assert judged(TEMPLATE, ROW, ROW) == [(2, "imei", "ROW_DUPLICATE"), (3, "imei", "ROW_DUPLICATE")]


def test_a_new_device_is_inserted_for_its_client() -> None:
    plan = planned(TEMPLATE, ROW | {"firmware": "0.6.18.32"}, client=[CLIENT])
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    assert inserted(plan, "dmp_devices") == [{"row": 2, **STORED, "firmware": "00.06.18.32"}]
    assert updated(plan, "dmp_devices") == []


def test_the_same_again_changes_nothing() -> None:
    plan = planned(TEMPLATE, ROW, client=[CLIENT], device=[STORED])
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert writes(plan, "dmp_devices") == []


def test_what_differs_is_updated() -> None:
    rows = (ROW | {"name": "Truck 18"}, ROW | {"imei": OTHER_IMEI})
    plan = planned(TEMPLATE, *rows, client=[CLIENT, CLIENT], device=[STORED, STORED | {"imei": OTHER_IMEI}])
    assert plan.effects.to_pylist() == ["CHANGED", "UNCHANGED"]
    assert updated(plan, "dmp_devices") == [{"row": 2, **STORED, "name": "Truck 18"}]


def test_a_blank_number_is_kept_and_clear_empties_it() -> None:
    kept, emptied = ROW | {"sim_owner": "VENDOR", "sms_number": ""}, ROW | {"sim_owner": "VENDOR", "sms_number": CLEAR}
    stored = STORED | {"sim_owner": "VENDOR"}
    plan = planned(TEMPLATE, kept, emptied, client=[CLIENT] * 2, device=[stored, stored])
    assert plan.effects.to_pylist() == ["UNCHANGED", "CHANGED"]
    assert [row["sms_number"] for row in updated(plan, "dmp_devices")] == [None]


def test_the_client_must_be_known_and_be_one() -> None:
    plan = planned(TEMPLATE, ROW, ROW | {"imei": OTHER_IMEI}, client=[None, 2])
    assert codes(plan) == [(2, "client_account", "CLIENT_UNKNOWN"), (3, "client_account", "CLIENT_AMBIGUOUS")]
    assert plan.writes[0].rows.num_rows == 0


def test_the_client_is_matched_exactly() -> None:
    lookup = TEMPLATE.lookups["client"]
    assert (lookup.on, lookup.folded) == ({"name": "client_account"}, False)


def test_firmware_below_the_minimum_is_refused_and_below_the_latest_noted() -> None:
    versions = ("00.06.18.31", "0.6.18.32", "00.06.19.54", "00.06.19.55", "00.10.00.00")
    rows = [ROW | {"firmware": version} for version in versions]
    rules = Rules(minimum_firmware="00.06.18.32", latest_firmware="00.06.19.55")
    plan = planned(TEMPLATE, *rows, rules=rules, client=[CLIENT] * 5)
    assert findings(plan) == [
        (2, "firmware", "FIRMWARE_TOO_OLD", "00.06.18.32"),
        (3, "firmware", "FIRMWARE_NOT_LATEST", "00.06.19.55"),
        (4, "firmware", "FIRMWARE_NOT_LATEST", "00.06.19.55"),
    ]
    assert [row["row"] for row in inserted(plan, "dmp_devices")] == [3, 4, 5, 6]


def test_firmware_is_compared_group_by_group() -> None:
    versions = pa.array(["0.6.9.99", "00.06.18.32", "0.10.0.0", "99.99.99.99", None])
    assert firmware_number(versions).to_pylist() == [60999, 61832, 100000, 99999999, None]
    assert firmware(versions).to_pylist() == ["00.06.09.99", "00.06.18.32", "00.10.00.00", "99.99.99.99", None]


def test_a_type_that_is_not_supported_is_refused() -> None:
    rules = Rules(lists={"hardware_types": ("FM-Eco4",)})
    plan = planned(TEMPLATE, ROW, rules=rules, client=[CLIENT])
    assert codes(plan) == [(2, "hardware_type", "CELL_CHOICE")]


def test_both_the_client_and_the_device_s_present_customer_own_the_row() -> None:
    assert TEMPLATE.owners == ("client.id", "device.customer_id")
