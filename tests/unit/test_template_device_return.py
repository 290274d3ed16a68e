"""The template Device Return."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats.judge import judge
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.template import Plan
from formats.templates.device_return import TEMPLATE
from tests.support.template_rows import codes, findings, judged, planned

ROW = {"order_number": "RE-1001", "order_date": "2026-03-05", "serial_number": "SN-1"}
ENROLLED = {"customer_id": 7, "customer_account": "C-1007", "provider": "acme", "order_number": "SO-1001"}
WAITING: dict[str, object] = {}


def orders(plan: Plan) -> pa.Table:
    assert plan.orders is not None
    return plan.orders


def test_order_number_date_and_an_identifier_suffice() -> None:
    assert judged(TEMPLATE, ROW) == []


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"order_number": ""}, "order_number", "CELL_EMPTY"),
        ({"order_date": ""}, "order_date", "CELL_EMPTY"),
        ({"serial_number": ""}, "serial_number", "DEVICE_UNIDENTIFIED"),
        ({"ship_date": "2026-03-04"}, "ship_date", "DATE_ORDER"),
    ],
)
def test_the_judge_refuses(cells: dict[str, str], column: str, code: str) -> None:
    assert judged(TEMPLATE, ROW | cells) == [(2, column, code)]


def test_a_device_comes_back_once() -> None:
    assert [code for _, _, code in judged(TEMPLATE, ROW, ROW)] == ["ROW_DUPLICATE"] * 2


def test_the_device_s_present_order_tells_what_is_blank() -> None:
    plan = planned(TEMPLATE, ROW, device_by_serial_number=[ENROLLED])
    assert codes(plan) == []
    assert plan.effects.to_pylist() == ["NEW"]
    (order,) = orders(plan).to_pylist()
    assert {name: cell for name, cell in order.items() if cell is not None} == {
        "order_number": "RE-1001",
        "line_number": "1",
        "request_type": "RE",
        "order_date": "2026-03-05T00:00:00Z",
        "customer_account": "C-1007",
        "provider": "acme",
        "enrolment_requested": "Y",
        "delivery_number": "RE-1001",
        "ship_date": "2026-03-05T00:00:00Z",
        "serial_number": "SN-1",
        "row": 2,
    }
    assert judge(ORDER_DISPATCH, orders(plan).drop_columns(["row"])).findings.num_rows == 0


def test_what_is_given_stands() -> None:
    given = {
        "customer_account": "C-1007",
        "provider": "acme",
        "delivery_number": "DL-9",
        "ship_date": "2026-03-06",
        "line_number": "4",
    }
    plan = planned(TEMPLATE, ROW | given, device_by_serial_number=[ENROLLED])
    (order,) = orders(plan).to_pylist()
    assert [order[name] for name in given] == ["C-1007", "acme", "DL-9", "2026-03-06T00:00:00Z", "4"]


@pytest.mark.parametrize("name", ["serial_number", "imei", "meid", "mac"])
def test_any_identifier_leads_to_the_device(name: str) -> None:
    plan = planned(TEMPLATE, ROW, **{f"device_by_{name}": [ENROLLED]})
    assert codes(plan) == []
    assert orders(plan)["provider"].to_pylist() == ["acme"]


def test_a_device_nobody_knows_cannot_be_returned() -> None:
    row = ROW | {"serial_number": "SN-2", "customer_account": "C-1007", "provider": "acme"}
    plan = planned(TEMPLATE, row)
    assert codes(plan) == []  # the intake says so, as of an order file
    blank = planned(TEMPLATE, ROW)
    assert codes(blank) == [(2, "serial_number", "RETURN_NOT_ENROLLED")]
    assert orders(blank).num_rows == 0


def test_a_device_in_no_order_needs_provider_and_customer() -> None:
    plan = planned(TEMPLATE, ROW, ROW | {"serial_number": "SN-2"}, device_by_serial_number=[WAITING, ENROLLED])
    assert codes(plan) == [(2, "customer_account", "CELL_EMPTY"), (2, "provider", "CELL_EMPTY")]
    assert orders(plan)["row"].to_pylist() == [3]


def test_a_device_that_is_enrolled_elsewhere_is_told_without_saying_where() -> None:
    row = ROW | {"customer_account": "C-1008", "provider": "other"}
    plan = planned(TEMPLATE, row, device_by_serial_number=[ENROLLED])
    assert findings(plan) == [
        (2, "customer_account", "DEVICE_ELSEWHERE", None),
        (2, "provider", "DEVICE_ELSEWHERE", None),
    ]


def test_lines_are_numbered_within_the_return_order() -> None:
    rows = (ROW, ROW | {"serial_number": "SN-2"}, ROW | {"serial_number": "SN-3", "order_number": "RE-1002"})
    plan = planned(
        TEMPLATE, *rows, device_by_serial_number=[ENROLLED] * 3, order=[{"highest_line": 5}, {"highest_line": 5}, None]
    )
    assert orders(plan)["line_number"].to_pylist() == ["6", "7", "1"]


def test_the_row_concerns_the_customer_named_and_the_one_who_has_the_device() -> None:
    assert TEMPLATE.owners[:3] == ("customer.id", "device_by_serial_number.customer_id", "device_by_imei.customer_id")
    assert TEMPLATE.orders
