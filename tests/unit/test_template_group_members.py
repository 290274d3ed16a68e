"""The template Group Members."""

from __future__ import annotations

from formats.template import Lookup
from formats.templates.group_members import TEMPLATE
from tests.support.template_rows import codes, inserted, judged, planned, updated, writes

ROW = {"vin": "MVH002654", "phone": "+919876543210", "user_name": "A. Example"}
VEHICLE = {"id": 5, "customer_id": 7}


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


def test_every_cell_must_be_filled() -> None:
    assert judged(TEMPLATE, {"vin": "", "phone": "", "user_name": ""}) == [
        (2, "vin", "CELL_EMPTY"),
        (2, "phone", "CELL_EMPTY"),
        (2, "user_name", "CELL_EMPTY"),
    ]


def test_a_person_may_use_several_vehicles_but_stands_once_for_each() -> None:
    assert judged(TEMPLATE, ROW, ROW | {"vin": "MVH002655"}) == []
    assert judged(TEMPLATE, ROW, ROW | {"user_name": "B. Example"}) == [
        (2, "vin", "ROW_DUPLICATE"),
        (3, "vin", "ROW_DUPLICATE"),
    ]


def test_new_members_are_inserted_known_ones_renamed_and_the_same_left_alone() -> None:
    rows = (ROW, ROW | {"phone": "+919876543211"}, ROW | {"phone": "+919876543212", "user_name": "C. Example"})
    member = [None, {"user_name": "A. Example"}, {"user_name": "Before"}]
    plan = planned(TEMPLATE, *rows, product=[VEHICLE] * 3, member=member)
    assert plan.effects.to_pylist() == ["NEW", "UNCHANGED", "CHANGED"]
    assert inserted(plan, "group_members") == [
        {"row": 2, "product_id": 5, "phone": "+919876543210", "user_name": "A. Example"}
    ]
    assert updated(plan, "group_members") == [
        {"row": 4, "product_id": 5, "phone": "+919876543212", "user_name": "C. Example"}
    ]
    assert [write.key for write in writes(plan, "group_members")] == [(), ("product_id", "phone")]


def test_the_vehicle_must_be_on_record() -> None:
    plan = planned(TEMPLATE, ROW)
    assert codes(plan) == [(2, "vin", "VIN_UNKNOWN")]
    assert writes(plan, "group_members") == []


def test_a_member_is_found_by_vehicle_and_phone() -> None:
    assert TEMPLATE.lookups["member"] == Lookup("group_members", {"vin": "vin", "phone": "phone"}, ("user_name",))
    assert TEMPLATE.owners == ("product.customer_id",)
