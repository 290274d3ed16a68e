"""The whole way: orders in, batches out, answers in, on both databases, with the simulator as the provider."""

from __future__ import annotations

import pytest

from jobs.runs import RunReport, RunStatus
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.orders import LATER, instruction, void

MUCH_LATER = "2026-03-04T09:00:00Z"
RETURNED, VOIDED, CHANGED, ADDED = 10, 20, 30, 40
"""An order of three devices (10, 11, 12 …) for each kind of instruction."""


def serial(number: int) -> str:
    return order_row(number)["serial_number"]


def order(number: int) -> str:
    return order_row(number)["order_number"]


def held(desk: Desk, first: int, count: int = 3) -> list[tuple[str, str | None]]:
    return [desk.held_by(serial(first + more)) for more in range(count)]


def test_nothing_to_do(desk: Desk) -> None:
    for report in (desk.dispatch(), desk.request(), desk.response()):
        assert report.run.status is RunStatus.NOTHING
        assert report.conservation.holds


def test_all_kinds_of_instructions(desk: Desk) -> None:
    """Orders; then a return, a void, an override and an added device; then a void of the return."""
    for first in (RETURNED, VOIDED, CHANGED, ADDED):
        desk.dispatch(*(order_row(first + more) for more in range(3)))
    _enrolled(desk, desk.request())
    returned = instruction("RE", RETURNED, order_number="RE-1")
    changed = [instruction("OV", CHANGED), instruction("OV", CHANGED + 3)]
    desk.dispatch(returned, void(order(VOIDED)), *changed, order_row(ADDED + 3, delivery_number="DL-LATER"))
    report = desk.exchange()
    assert {finding.code for finding in report.findings} == set()
    assert [(batch.state, batch.outcomes) for batch in report.batches] == [("CLOSED", {"ENROLLED": 3, "UNENROLLED": 4})]
    gone, here = ("UNENROLLED", None), "ENROLLED"
    assert held(desk, RETURNED) == [gone, (here, order(RETURNED)), (here, order(RETURNED))]
    assert held(desk, VOIDED) == [gone, gone, gone]
    assert held(desk, CHANGED, 4) == [(here, order(CHANGED)), gone, gone, (here, order(CHANGED))]
    assert held(desk, ADDED, 4) == [(here, order(ADDED))] * 4
    desk.dispatch(void("RE-1", order_date=MUCH_LATER))
    desk.exchange()
    assert desk.held_by(serial(RETURNED)) == (here, order(RETURNED))
    assert desk.lines(serial(RETURNED)) == [
        (order(RETURNED), "OR", "ENROLLED"),
        ("RE-1", "RE", "UNENROLLED"),
        ("RE-1", "VD", "ENROLLED"),
    ]


def _enrolled(desk: Desk, sent: RunReport) -> None:
    assert sent.totals["lines sent"] == 12
    assert [batch.state for batch in sent.batches] == ["SENT"]
    desk.answers(1)
    report = desk.response()
    assert report.run.status is RunStatus.DONE
    assert report.totals["lines enrolled"] == 12
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []
    assert len(list((desk.simulator.from_provider / "done").glob("*.pgp"))) == 1


def test_instructions_of_one_file_go_one_after_the_other(desk: Desk) -> None:
    """An order and its return in one file, the return above the order: two exchanges, the order first."""
    desk.dispatch(instruction("RE", 50, order_number="RE-50"), order_row(50))
    assert desk.states(serial(50)) == ["WAITING", "WAITING"]
    desk.exchange()
    assert desk.lines(serial(50)) == [(order(50), "OR", "ENROLLED"), ("RE-50", "RE", "WAITING")]
    desk.exchange()
    assert desk.lines(serial(50)) == [(order(50), "OR", "ENROLLED"), ("RE-50", "RE", "UNENROLLED")]


def test_an_order_made_anew_after_its_void(desk: Desk) -> None:
    desk.dispatch(order_row(60))
    desk.exchange()
    desk.dispatch(void(order(60)))
    desk.dispatch(order_row(60, line_number="9"))
    desk.exchange()
    assert desk.states(serial(60)) == ["ENROLLED", "UNENROLLED", "WAITING"]
    desk.exchange()
    assert desk.states(serial(60)) == ["ENROLLED", "UNENROLLED", "ENROLLED"]


def test_what_need_not_or_may_not_be_sent(desk: Desk) -> None:
    """Enrolled already: unchanged. A return whose order was refused, or an order too large to void: review."""
    desk.plan('[[reject]]\nfield = "device_id"\npattern = "SN00000071"\ncode = "DE-4305"\nmessage = "ask"\n')
    desk.dispatch(order_row(70), order_row(71), instruction("RE", 71, order_number="RE-71"))
    desk.exchange()
    assert desk.states(serial(71)) == ["REVIEW", "WAITING"]
    desk.dispatch(order_row(70, line_number="9"))
    report = desk.request()
    assert report.run.status is RunStatus.PARTLY
    assert dict(report.totals) == {"lines unchanged": 1, "lines to review": 1}
    assert desk.states(serial(70)) == ["ENROLLED", "UNCHANGED"]
    assert desk.states(serial(71)) == ["REVIEW", "REVIEW"]


@pytest.mark.parametrize("limit", [{"devices_per_batch": 3}, {"orders_per_batch": 1}])
def test_batches_keep_to_the_limits(desk: Desk, limit: dict[str, int]) -> None:
    """A whole-order instruction is never split; if it cannot fit it goes to review."""
    first = 80 if "devices_per_batch" in limit else 100
    provider = desk.app.settings.provider("acme")
    with desk.configured(limits=type(provider.limits)(**limit)):
        desk.dispatch(*(order_row(first + number) for number in range(4)), order_row(first + 10))
        sent = desk.request()
        assert [batch.lines for batch in sent.batches] == ([3, 2] if first == 80 else [4, 1])
        desk.answers(2)
        desk.response()
        if first == 80:
            desk.dispatch(void(order(first), order_date=LATER))
            assert dict(desk.request().totals) == {"lines unchanged": 0, "lines to review": 4}
    assert desk.held_by(serial(first)) == ("ENROLLED", order(first))
