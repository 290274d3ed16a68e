"""An override with a rejected device left the devices it left out ENROLLED, as if nothing had been asked.

An override replaces the order's whole list, so the provider may have removed them: nothing in its answer says so. They
were counted as enrolled for good, and nobody looked. What cannot be known is put before a person: the line that
enrolled such a device goes into REVIEW. An override that was refused as a whole has certainly done nothing.
"""

from __future__ import annotations

from sqlalchemy import select

from adapters.registry.tables import order_lines, orders
from jobs.runs import RunReport, RunStatus
from tests.support.desk import Desk
from tests.support.forge import device, whole_order
from tests.support.installation import order_row
from tests.support.orders import instruction

Row = dict[str, str]
MUCH_LATER = "2026-03-04T09:00:00Z"
REASON = "ANSWER_OVERRIDE_PARTIAL"


def found(report: RunReport) -> dict[str, int]:
    return {finding.code: finding.count for finding in report.findings}


def enrolled(desk: Desk, count: int = 3) -> tuple[int, str, list[str]]:
    """Number of the first device, order number and serial numbers of an enrolled order."""
    first = next(desk.numbers)
    rows = [order_row(first + more) for more in range(count)]
    desk.plan()
    desk.dispatch(*rows)
    desk.exchange()
    serials = [row["serial_number"] for row in rows]
    assert [desk.states(serial) for serial in serials] == [["ENROLLED"]] * count
    return first, rows[0]["order_number"], serials


def states(desk: Desk, serials: list[str]) -> list[list[str]]:
    return [desk.states(serial) for serial in serials]


def test_they_are_in_review_when_a_device_was_rejected(desk: Desk) -> None:
    first, order, (one, two, three) = enrolled(desk)
    new = order_row(first + 5)["serial_number"]
    batch = desk.batch(instruction("OV", first), instruction("OV", first + 5))
    desk.forge.answer(
        batch, device(order, one, "ENROLLED", "COMPLETE"), device(order, new, "REJECTED", "DE-4301", "no such device")
    )
    report = desk.response()
    assert found(report) == {REASON: 2}
    assert report.run.status is RunStatus.PARTLY
    assert states(desk, [one, two, three, new]) == [["ENROLLED", "ENROLLED"], ["REVIEW"], ["REVIEW"], ["REJECTED"]]
    assert {desk.held_by(serial) for serial in (one, two, three)} == {("ENROLLED", order)}, "what was proved last"
    reasons = select(order_lines.c.reason).join(orders).where(orders.c.order_number == order)
    assert desk.rows(reasons.where(order_lines.c.state == "REVIEW")) == [(REASON,)] * 2


def test_a_device_of_the_order_that_the_override_was_to_keep(desk: Desk) -> None:
    """It was rejected in the new list: it may be off the old one."""
    first, order, (one, two) = enrolled(desk, 2)
    batch = desk.batch(instruction("OV", first), instruction("OV", first + 1))
    desk.forge.answer(batch, device(order, one, "ENROLLED", "COMPLETE"), device(order, two, "REJECTED", "DE-4302"))
    assert found(desk.response()) == {REASON: 1}
    assert states(desk, [one, two]) == [["ENROLLED", "ENROLLED"], ["REVIEW", "REJECTED"]]


def test_nothing_is_in_doubt_before_the_last_part_is_there(desk: Desk) -> None:
    first, order, (one, two, three) = enrolled(desk)
    batch = desk.batch(instruction("OV", first), instruction("OV", first + 1))
    desk.forge.answer(batch, device(order, one, "REJECTED", "DE-4301"))
    assert found(desk.response()) == {}
    assert desk.states(three) == ["ENROLLED"]
    desk.forge.answer(batch, device(order, two, "REJECTED", "DE-4301"))
    assert found(desk.response()) == {REASON: 3}
    assert states(desk, [one, two, three]) == [["REVIEW", "REJECTED"], ["REVIEW", "REJECTED"], ["REVIEW"]]


def test_an_override_refused_as_a_whole_has_done_nothing(desk: Desk) -> None:
    first, order, (one, two, three) = enrolled(desk)
    batch = desk.batch(instruction("OV", first), instruction("OV", first + 1))
    desk.forge.answer(batch, whole_order(order, "ERROR", "OR-4110", "differs"))
    assert found(desk.response()) == {}
    assert states(desk, [one, two, three]) == [["ENROLLED", "REJECTED"], ["ENROLLED", "REJECTED"], ["ENROLLED"]]


def test_an_override_that_succeeds_clears_the_doubt(desk: Desk) -> None:
    """The next override decides: it lists one of the doubtful devices and leaves the other out."""
    first, order, (one, two, three) = enrolled(desk)
    batch = desk.batch(instruction("OV", first))
    desk.forge.answer(batch, device(order, one, "REJECTED", "DE-4302"))
    desk.response()
    assert states(desk, [two, three]) == [["REVIEW"], ["REVIEW"]]
    desk.plan()
    later = {"order_date": MUCH_LATER, "ship_date": MUCH_LATER}
    desk.dispatch(instruction("OV", first, **later), instruction("OV", first + 1, **later))
    assert found(desk.exchange()) == {}
    assert states(desk, [two, three]) == [["REVIEW", "ENROLLED"], ["REVIEW"]]
    assert [desk.held_by(serial) for serial in (one, two, three)] == [
        ("ENROLLED", order),
        ("ENROLLED", order),
        ("UNENROLLED", None),
    ]


def test_a_doubtful_device_can_be_returned_and_the_return_voided(desk: Desk) -> None:
    """The order that held it is not forgotten."""
    first, order, (one, two) = enrolled(desk, 2)
    batch = desk.batch(instruction("OV", first))
    desk.forge.answer(batch, device(order, one, "REJECTED", "DE-4302"))
    desk.response()
    desk.plan()
    back = instruction("RE", first + 1, order_number=f"RE-{first}")
    for row in (back, back | {"request_type": "VD", "order_date": MUCH_LATER} | dict.fromkeys(EMPTY, "")):
        assert found(desk.dispatch(row)) == {}
        desk.exchange()
    assert desk.states(two) == ["REVIEW", "UNENROLLED", "ENROLLED"]
    assert desk.held_by(two) == ("ENROLLED", order)


EMPTY = ("delivery_number", "ship_date", "serial_number", "model")
