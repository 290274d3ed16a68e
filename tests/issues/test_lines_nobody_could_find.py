"""Lines put into REVIEW before they were sent left no finding, no order number and no code, and no command listed them.

The run said "lines to review 3". Which, of which order, and why stood nowhere. An envelope record of an answer was read
and then counted nowhere; a wrong heading was "FILE_HEADING 7 x row 1" without one column's name; what concerned a file
as a whole stood at "row 0"; and a dry run said that it had sealed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, update

from adapters.registry.listings import order_lines_of
from adapters.registry.tables import customer_organisations, devices
from adapters.report import render_html
from formats.findings import CATALOGUE
from jobs.runs import RunReport
from jobs.states import LineState
from tests.support.desk import Desk
from tests.support.forge import device, whole_order
from tests.support.installation import CUSTOMERS, order_row
from tests.support.orders import instruction


def places(report: RunReport) -> list[tuple[str, str, list[int]]]:
    return [(found.file, found.code, list(found.rows)) for found in report.findings]


def listed(desk: Desk, state: LineState | None = LineState.REVIEW, **chosen: Any) -> list[tuple[str, int, str, str]]:
    with desk.registry.view() as tx:
        found = order_lines_of(tx, state, chosen.get("provider", ""), chosen.get("order", ""), chosen.get("limit", 100))
    return [(line["order_number"], line["line_number"], line["device"], line["reason"]) for line in found]


@pytest.fixture
def first(desk: Desk) -> int:
    desk.plan()
    desk.request()
    return next(desk.numbers)


def test_a_line_whose_customer_lost_the_organisation_id(desk: Desk, first: int) -> None:
    row = order_row(first)
    order, line = row["order_number"], int(row["line_number"])
    desk.dispatch(row)
    with desk.engine.begin() as connection:
        connection.execute(delete(customer_organisations))
    dry, report = desk.request(dry_run=True), desk.request()
    with desk.registry.transaction() as tx:
        tx.queries.set_customers(CUSTOMERS)
    assert places(report) == places(dry) == [(f"order {order}", "PROVIDER_REFUSES_LINE", [line])]
    page = render_html(report)
    assert f"order {order}</span> – 1 time, line {line}</li>" in page
    assert row["serial_number"] not in page
    assert listed(desk, order=order) == [(order, line, row["serial_number"], "PROVIDER_REFUSES_LINE")]
    assert listed(desk, provider="nobody") == []
    assert listed(desk, LineState.SENT, order=order) == []


def test_the_command_lists_lines_with_everything_that_is_asked_for(desk: Desk, first: int) -> None:
    rows = [order_row(first + more) for more in range(3)]
    batch = desk.batch(*rows)
    with desk.registry.view() as tx:
        found = order_lines_of(tx, LineState.SENT, "acme", rows[0]["order_number"], 2)
    assert [line["device"] for line in found] == [row["serial_number"] for row in rows[1:]], (
        "the newest, in their order"
    )
    assert found[0] == {
        "order_number": rows[1]["order_number"],
        "line_number": int(rows[1]["line_number"]),
        "device": rows[1]["serial_number"],
        "request_type": "OR",
        "state": "SENT",
        "reason": None,
        "batch": batch,
        "provider": "acme",
        "customer": rows[1]["customer_account"],
    }


def overridden(desk: Desk, first: int, count: int) -> str:
    """An override of that many enrolled devices waits to be sent; returns the order number."""
    rows = [order_row(first + more) for more in range(count)]
    desk.dispatch(*rows)
    desk.exchange()
    assert found_none(desk.dispatch(*(instruction("OV", first + more) for more in range(count))))
    return rows[0]["order_number"]


def found_none(report: RunReport) -> bool:
    return not report.findings


def test_an_order_of_which_one_line_may_not_go_is_held_back_line_by_line(desk: Desk, first: int) -> None:
    order = overridden(desk, first, 2)
    one = devices.c.serial_number == order_row(first)["serial_number"]
    with desk.engine.begin() as connection:
        connection.execute(update(devices).where(one).values(order_number="SO-OTHER"))
    report = desk.request()
    assert [(file, code) for file, code, _ in places(report)] == [
        (f"order {order}", "DEVICE_ON_OTHER_ORDER"),
        (f"order {order}", "ORDER_HELD_BACK"),
    ]
    assert {reason for *_, reason in listed(desk, order=order)} == {"DEVICE_ON_OTHER_ORDER", "ORDER_HELD_BACK"}


def test_an_order_that_is_too_large_for_a_batch(desk: Desk, first: int) -> None:
    order = overridden(desk, first, 3)
    with desk.configured(limits=replace(desk.app.settings.provider("acme").limits, devices_per_batch=2)):
        report = desk.request()
    ((file, code, rows),) = places(report)
    assert (file, code, len(rows)) == (f"order {order}", "ORDER_TOO_LARGE", 3)
    assert all(CATALOGUE[found.code].remedy for found in report.findings)


def test_envelope_records_are_counted(desk: Desk, first: int) -> None:
    row = order_row(first)
    batch = desk.batch(row)
    order, serial = row["order_number"], row["serial_number"]
    desk.forge.answer(batch, device(order, serial, "REJECTED", "DE-4301"), whole_order(order, "ERROR", "OR-4110", "no"))
    report = desk.response()
    assert report.totals["records read"] == 2
    assert report.totals["envelope records"] == 1
    assert any("REJECTED with DE-4301 1" in step.message for step in report.steps)


def test_a_dry_run_seals_nothing_and_says_so(desk: Desk, first: int) -> None:
    desk.dispatch(order_row(first))
    report = desk.request(dry_run=True)
    assert (report.totals["batches to seal"], report.totals["lines to seal"]) == (1, 1)
    assert not [name for name in report.totals if "sealed" in name]
    assert not [step for step in report.steps if "lines sealed" in step.message]
    assert desk.request().totals["lines sealed"] == 1


def test_a_wrong_heading_names_its_columns_and_a_whole_file_has_no_row(desk: Desk) -> None:
    desk.drop("order_number,something\nSO-1,2\n")
    report = desk.dispatch()
    (found,) = report.findings
    assert (found.code, set(found.rows)) == ("FILE_HEADING", {1})
    assert "column 2" in found.columns
    assert {"customer_account", "request_type"} <= set(found.columns)
    page = render_html(report)
    assert "row 1, columns column 2, " in page
    desk.drop(json.dumps({"version": 9}))
    report = desk.dispatch()
    (found,) = report.findings
    assert (list(found.rows), "version" in found.columns) == ([], True)
    assert "row 0" not in render_html(report)
