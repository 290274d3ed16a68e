"""The template Enrolment Order."""

from __future__ import annotations

import pyarrow as pa
import pytest

from formats.judge import judge
from formats.order_dispatch.layout import ORDER_DISPATCH
from formats.template import CLEAR, Plan
from formats.templates.enrolment_order import TEMPLATE
from tests.support.template_rows import codes, judged, planned

ROW = {
    "order_number": "SO-1001",
    "order_date": "2026-03-01",
    "customer_account": "C-1007",
    "provider": "acme",
    "delivery_number": "DL-1",
    "ship_date": "2026-03-02",
    "serial_number": "SN-1",
}


def device(number: int, **cells: str) -> dict[str, str]:
    return ROW | {"serial_number": f"SN-{number}"} | cells


def orders(plan: Plan) -> pa.Table:
    assert plan.orders is not None
    return plan.orders


def numbers(plan: Plan) -> list[str]:
    found: list[str] = orders(plan)["line_number"].to_pylist()
    return found


def test_a_good_row_passes_the_judge() -> None:
    assert judged(TEMPLATE, ROW) == []


def test_columns_are_those_of_order_dispatch_but_its_constants() -> None:
    assert set(TEMPLATE.schema.names) == set(ORDER_DISPATCH.names) - {"request_type", "enrolment_requested"}
    for column in TEMPLATE.schema.columns:
        origin = ORDER_DISPATCH.column(column.name)
        assert (column.pattern, column.max_length) == (origin.pattern, origin.max_length)


@pytest.mark.parametrize(
    "column",
    ["order_number", "order_date", "customer_account", "provider", "delivery_number", "ship_date"],
)
def test_the_judge_wants(column: str) -> None:
    assert (2, column, "CELL_EMPTY") in judged(TEMPLATE, ROW | {column: ""})


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"serial_number": ""}, "serial_number", "DEVICE_UNIDENTIFIED"),
        ({"ship_date": "2026-02-28"}, "ship_date", "DATE_ORDER"),
        ({"imei": "490154203237519"}, "imei", "IMEI_INVALID"),
        ({"line_number": "one"}, "line_number", "CELL_INTEGER"),
        ({"provider": "Acme"}, "provider", "CELL_PATTERN"),
        ({"order_date": "2026-02-30"}, "order_date", "CELL_DAY"),
    ],
)
def test_the_judge_refuses(cells: dict[str, str], column: str, code: str) -> None:
    assert (2, column, code) in judged(TEMPLATE, ROW | cells)


def test_neither_a_device_nor_a_line_stands_twice() -> None:
    assert [code for _, _, code in judged(TEMPLATE, ROW, ROW)] == ["ROW_DUPLICATE"] * 2
    assert [code for _, _, code in judged(TEMPLATE, device(1, line_number="1"), device(2, line_number="1"))] == [
        "ROW_DUPLICATE"
    ] * 2


def test_rows_become_rows_of_order_dispatch() -> None:
    plan = planned(TEMPLATE, ROW | {"imei": "490154203237518", "asset_tag": CLEAR})
    assert plan.effects.to_pylist() == ["NEW"]
    assert codes(plan) == []
    assert orders(plan).to_pylist() == [
        {
            "order_number": "SO-1001",
            "line_number": "1",
            "request_type": "OR",
            "order_date": "2026-03-01T00:00:00Z",
            "customer_account": "C-1007",
            "provider": "acme",
            "enrolment_requested": "Y",
            "po_number": None,
            "delivery_number": "DL-1",
            "ship_date": "2026-03-02T00:00:00Z",
            "serial_number": "SN-1",
            "imei": "490154203237518",
            "meid": None,
            "mac": None,
            "manufacturer": None,
            "model": None,
            "asset_tag": None,
            "imei2": None,
            "row": 2,
        }
    ]


def test_what_the_judge_of_the_template_lets_pass_passes_the_judge_of_order_dispatch() -> None:
    plan = planned(TEMPLATE, ROW, device(2, line_number="7"), device(3, order_number="SO-1002"))
    assert judge(ORDER_DISPATCH, orders(plan).drop_columns(["row"])).findings.num_rows == 0
    assert orders(plan).schema.names == [*ORDER_DISPATCH.names, "row"]


def test_lines_without_a_number_are_numbered_within_their_order_in_the_order_of_the_rows() -> None:
    other = {"order_number": "SO-1002"}
    plan = planned(TEMPLATE, device(1), device(2, **other), device(3), device(4), device(5, **other))
    assert numbers(plan) == ["1", "1", "2", "3", "2"]


def test_numbers_go_on_above_the_ones_given() -> None:
    plan = planned(TEMPLATE, device(1), device(2, line_number="10"), device(3), device(4, line_number="2"))
    assert numbers(plan) == ["11", "10", "12", "2"]


def test_numbers_go_on_above_those_on_record() -> None:
    order = {"highest_line": 20}
    plan = planned(TEMPLATE, device(1), device(2, line_number="3"), device(3), order=[order, order, order])
    assert numbers(plan) == ["21", "3", "22"]


def test_a_device_that_is_in_the_order_keeps_its_number_so_that_nothing_changes() -> None:
    order = {"highest_line": 2}
    plan = planned(
        TEMPLATE,
        device(1),
        device(2),
        device(3),
        order=[order] * 3,
        line_by_serial_number=[{"line_number": 2}, None, None],
        line_by_imei=[None, {"line_number": 1}, None],
    )
    assert numbers(plan) == ["2", "1", "3"]


def test_a_file_without_rows_is_no_trouble() -> None:
    assert orders(planned(TEMPLATE)).num_rows == 0


def test_an_order_concerns_the_customer_of_the_account() -> None:
    assert TEMPLATE.owners == ("customer.id",)
    assert TEMPLATE.orders
