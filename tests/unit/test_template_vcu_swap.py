"""The template VCU Swap."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats.judge import judge
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.template import CLEAR, Plan, Rules
from formats.templates.vcu_swap import TEMPLATE
from tests.support.template_rows import Record, codes, findings, inserted, judged, planned, writes

ROW = {
    "vin": "MVH002654",
    "old_vcu_id": "CEH0000001",
    "new_vcu_id": "CEH0000002",
    "order_number": "SW-1001",
    "swap_date": "2026-03-05",
}
VEHICLE = {
    "id": 5,
    "placeholder": False,
    "vcu_id": "CEH0000001",
    "device_id": "DEV-1",
    "model": "EX-1",
    "communication_type": "4G",
    "customer_id": 7,
}
DEVICE = {"state": "ENROLLED", "provider": "acme", "customer_account": "C-1007", "customer_id": 7}
STOCK = {"id": 9, "vin": "CHH000123", "placeholder": True, "device_id": "DEV-9"}


def plan_of(
    *rows: dict[str, str],
    vehicle: Record | None = VEHICLE,
    old_unit: Record | None = {"id": 5},  # noqa: B006  # never changed
    new_unit: Record | None = None,
    old_device: Record | None = DEVICE,
    swap: Record | None = None,
    rules: Rules | None = None,
) -> Plan:
    found = {"vehicle": vehicle, "old_unit": old_unit, "new_unit": new_unit, "old_device": old_device, "swap": swap}
    return planned(TEMPLATE, *rows, rules=rules, **{name: [entry] * len(rows) for name, entry in found.items()})


def orders(plan: Plan) -> list[dict[str, object]]:
    assert isinstance(plan.orders, pa.Table)
    return [{name: cell for name, cell in row.items() if cell is not None} for row in plan.orders.to_pylist()]


def statements(plan: Plan) -> list[tuple[tuple[str, ...], list[dict[str, object]]]]:
    return [(write.key, write.rows.to_pylist()) for write in writes(plan, "products")]


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


@pytest.mark.parametrize("column", list(ROW))
def test_the_judge_wants(column: str) -> None:
    assert judged(TEMPLATE, ROW | {column: ""}) == [(2, column, "CELL_EMPTY")]


def test_the_number_leaves_room_for_the_mark_of_the_return() -> None:
    assert judged(TEMPLATE, ROW | {"order_number": "S" * 29}) == []
    assert judged(TEMPLATE, ROW | {"order_number": "S" * 30}) == [(2, "order_number", "CELL_LENGTH")]


@pytest.mark.parametrize("column", ["vin", "old_vcu_id", "new_vcu_id", "order_number"])
def test_nothing_is_swapped_twice_in_a_file(column: str) -> None:
    other = {
        "vin": "MVH002655",
        "old_vcu_id": "CEH0000003",
        "new_vcu_id": "CEH0000004",
        "order_number": "SW-1002",
        "swap_date": "2026-03-05",
    }
    assert judged(TEMPLATE, ROW, other) == []
    twice = other | {column: ROW[column]}
    assert judged(TEMPLATE, ROW, twice) == [(2, column, "ROW_DUPLICATE"), (3, column, "ROW_DUPLICATE")]


def test_a_swap_is_a_return_and_an_order_at_the_provider_of_the_old_unit() -> None:
    plan = plan_of(ROW | {"model": "EX-2"})
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    common = {
        "line_number": "1",
        "order_date": "2026-03-05T00:00:00Z",
        "ship_date": "2026-03-05T00:00:00Z",
        "customer_account": "C-1007",
        "provider": "acme",
        "enrolment_requested": "Y",
        "row": 2,
    }
    assert orders(plan) == [
        common
        | {"order_number": "RE-SW-1001", "delivery_number": "RE-SW-1001", "request_type": "RE"}
        | {"serial_number": "CEH0000001"},
        common
        | {"order_number": "SW-1001", "delivery_number": "SW-1001", "request_type": "OR"}
        | {"serial_number": "CEH0000002"},
    ]
    assert plan.orders is not None
    assert plan.orders.schema.names == [*ORDER_DISPATCH.names, "row"]
    assert judge(ORDER_DISPATCH, plan.orders.drop_columns(["row"])).findings.num_rows == 0


def test_the_swap_links_both_orders() -> None:
    assert inserted(plan_of(ROW), "swaps") == [
        {
            "row": 2,
            "product_id": 5,
            "old_vcu_id": "CEH0000001",
            "new_vcu_id": "CEH0000002",
            "return_order_number": "RE-SW-1001",
            "order_number": "SW-1001",
        }
    ]


def test_an_old_unit_whose_successor_is_unknown_gets_a_record_of_its_own() -> None:
    assert statements(plan_of(ROW)) == [
        (("id",), [{"row": 2, "id": 5, "vcu_id": None}]),
        (
            ("id",),
            [
                {
                    "row": 2,
                    "id": 5,
                    "vcu_id": "CEH0000002",
                    "device_id": None,
                    "model": "EX-1",
                    "communication_type": "4G",
                }
            ],
        ),
        ((), [{"row": 2, "vcu_id": "CEH0000001", "device_id": "DEV-1", "placeholder": True, "status": "In Stock"}]),
    ]


def test_the_record_that_gives_up_the_new_unit_takes_the_old_one() -> None:
    row = ROW | {"device_id": "DEV-9", "model": "EX-2", "communication_type": CLEAR}
    assert statements(plan_of(row, new_unit=STOCK)) == [
        (("id",), [{"row": 2, "id": 5, "vcu_id": None}, {"row": 2, "id": 9, "vcu_id": None}]),
        (
            ("id",),
            [
                {
                    "row": 2,
                    "id": 5,
                    "vcu_id": "CEH0000002",
                    "device_id": "DEV-9",
                    "model": "EX-2",
                    "communication_type": None,
                }
            ],
        ),
        (("id",), [{"row": 2, "id": 9, "vcu_id": "CEH0000001", "device_id": "DEV-1"}]),
    ]


def test_a_device_id_goes_with_its_unit() -> None:
    _, vehicle, record = statements(plan_of(ROW, new_unit=STOCK))
    assert [(row["vcu_id"], row["device_id"]) for row in vehicle[1]] == [("CEH0000002", "DEV-9")]
    assert record == (("id",), [{"row": 2, "id": 9, "vcu_id": "CEH0000001", "device_id": "DEV-1"}])


@pytest.mark.parametrize(
    ("unit", "free"),
    [
        ({"id": 9, "vin": None, "placeholder": True}, True),
        ({"id": 9, "vin": "CHH000123", "placeholder": True}, True),
        ({"id": 9, "vin": "EVH0007", "placeholder": False}, True),
        ({"id": 9, "vin": "MX0000077", "placeholder": False}, False),
        ({"id": 5, "vin": "MVH002654", "placeholder": False}, False),
    ],
)
def test_the_new_unit_must_be_free(unit: dict[str, object], free: bool) -> None:
    expected = [] if free else [(2, "new_vcu_id", "VCU_IN_USE", unit["vin"])]
    assert findings(plan_of(ROW, new_unit=unit)) == expected


def test_default_frame_ids_are_the_installation_s() -> None:
    unit = {"id": 9, "vin": "STOCK-17", "placeholder": False}
    assert codes(plan_of(ROW, new_unit=unit, rules=Rules(placeholder_pattern="STOCK-[0-9]+"))) == []


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"vehicle": None}, (2, "vin", "VIN_UNKNOWN", None)),
        ({"vehicle": VEHICLE | {"placeholder": True}}, (2, "vin", "VIN_PLACEHOLDER", None)),
        ({"old_unit": None}, (2, "old_vcu_id", "VCU_UNKNOWN", None)),
        ({"vehicle": VEHICLE | {"vcu_id": "CEH0000009"}}, (2, "old_vcu_id", "KEY_MISMATCH", "CEH0000009")),
        ({"vehicle": VEHICLE | {"vcu_id": None}}, (2, "old_vcu_id", "KEY_MISMATCH", None)),
        ({"old_device": None}, (2, "old_vcu_id", "RETURN_NOT_ENROLLED", None)),
        ({"old_device": DEVICE | {"state": "UNENROLLED"}}, (2, "old_vcu_id", "RETURN_NOT_ENROLLED", None)),
    ],
)
def test_the_old_unit_is_the_vehicle_s_and_enrolled(
    found: dict[str, Record | None], expected: tuple[int, str, str, str | None]
) -> None:
    plan = plan_of(ROW, **found)  # type: ignore[arg-type]
    assert findings(plan) == [expected]
    assert orders(plan) == []
    assert not any(write.rows.num_rows for write in plan.writes)


def test_a_default_frame_id_is_no_vehicle() -> None:
    assert codes(plan_of(ROW | {"vin": "CHH000123"})) == [(2, "vin", "VIN_PLACEHOLDER")]


SWAP = {"vin": "MVH002654", "old_vcu_id": "CEH0000001", "new_vcu_id": "CEH0000002"}


def test_the_same_swap_again_changes_nothing_whatever_came_after_it() -> None:
    later = VEHICLE | {"vcu_id": "CEH0000005"}
    plan = plan_of(ROW, swap=SWAP, vehicle=later, new_unit={"id": 6, "vin": "MX0000077"}, old_device=None)
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["UNCHANGED"]
    assert orders(plan) == []
    assert not any(write.rows.num_rows for write in plan.writes)


@pytest.mark.parametrize("name", list(SWAP))
def test_another_swap_of_that_number_is_refused(name: str) -> None:
    plan = plan_of(ROW, swap=SWAP | {name: "OTHER-1"})
    assert codes(plan) == [(2, "order_number", "SWAP_OTHER")]
    assert orders(plan) == []


def test_good_rows_are_carried_out_beside_bad_ones() -> None:
    rows = (ROW, ROW | {"vin": "MVH002655", "old_vcu_id": "CEH0000003", "new_vcu_id": "CEH0000004"})
    plan = planned(
        TEMPLATE,
        *rows,
        vehicle=[None, VEHICLE | {"vcu_id": "CEH0000003"}],
        old_unit=[{"id": 5}, {"id": 6}],
        old_device=[DEVICE, DEVICE],
    )
    assert codes(plan) == [(2, "vin", "VIN_UNKNOWN")]
    assert {row["row"] for row in orders(plan)} == {3}
    assert {row["row"] for write in plan.writes for row in write.rows.to_pylist()} == {3}
