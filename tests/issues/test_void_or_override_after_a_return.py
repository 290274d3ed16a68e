"""A void or an override was taken in for an order one of whose devices had been returned.

The enrolment programs allow neither after a return: the provider refuses the whole order, or, worse, reverses devices
that have left it. The row is refused while the return is on its way, too, and may be sent once the return is voided.
"""

from __future__ import annotations

import pytest

from jobs.runs import RunReport
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import LATER, instruction, void

Row = dict[str, str]
MUCH_LATER = "2026-03-04T09:00:00Z"
LATEST = "2026-03-05T09:00:00Z"


def found(report: RunReport) -> dict[str, list[int]]:
    return {finding.code: list(finding.rows) for finding in report.findings}


def enrolled(desk: Desk) -> tuple[int, list[Row]]:
    """A number and an order of the devices of that number and the next."""
    first = next(desk.numbers)
    rows = [order_row(first), order_row(first + 1)]
    desk.plan()
    assert found(desk.dispatch(*rows)) == {}
    desk.exchange()
    return first, rows


def back(number: int, **values: str) -> Row:
    return instruction("RE", number, order_number=f"RE-{number}", **values)


def changes(number: int, date: str = MUCH_LATER) -> list[Row]:
    """A void, and an override of the device that stays."""
    order = order_row(number)["order_number"]
    return [void(order, order_date=date), instruction("OV", number + 1, order_date=date, ship_date=date)]


def test_while_the_return_is_on_its_way_and_after_it(desk: Desk) -> None:
    number, rows = enrolled(desk)
    assert found(desk.dispatch(back(number), *changes(number))) == {
        "ORDER_RETURNED": [3]
    }  # overrides go before returns
    number, rows = enrolled(desk)
    desk.dispatch(back(number))
    assert found(desk.dispatch(*changes(number))) == {"ORDER_RETURNED": [2, 3]}
    desk.exchange()
    assert desk.held_by(rows[0]["serial_number"]) == ("UNENROLLED", None)
    assert found(desk.dispatch(*changes(number, LATEST))) == {"ORDER_RETURNED": [2, 3]}
    assert desk.held_by(rows[1]["serial_number"]) == ("ENROLLED", rows[1]["order_number"])


def test_a_return_that_was_refused_is_none(desk: Desk) -> None:
    number, rows = enrolled(desk)
    batch = desk.batch(back(number))
    desk.forge.answer(batch, device(f"RE-{number}", rows[0]["serial_number"], "REJECTED", "DE-4306"))
    desk.response()
    assert found(desk.dispatch(*changes(number))) == {}


def test_a_return_that_was_voided_is_none(desk: Desk) -> None:
    number, _ = enrolled(desk)
    for row in (back(number), void(f"RE-{number}", order_date=MUCH_LATER)):
        desk.dispatch(row)
        desk.exchange()
    assert found(desk.dispatch(*changes(number, LATEST))) == {}


def test_the_return_itself_can_be_voided(desk: Desk) -> None:
    number, rows = enrolled(desk)
    desk.dispatch(back(number))
    desk.exchange()
    assert found(desk.dispatch(void(f"RE-{number}", order_date=MUCH_LATER))) == {}
    desk.exchange()
    assert desk.held_by(rows[0]["serial_number"]) == ("ENROLLED", rows[0]["order_number"])


@pytest.mark.parametrize("how", ["void", "override", "refused"])
def test_a_return_from_another_order_does_not_count(desk: Desk, how: str) -> None:
    """The device had left the order, or had never been on it, when it was returned from the other one."""
    number, rows = enrolled(desk)
    order, moved = rows[0]["order_number"], rows[0]["serial_number"]
    if how == "refused":
        moved = f"R{moved}"
        more = rows[0] | {"line_number": "9", "serial_number": moved}
        desk.forge.answer(desk.batch(more), device(order, moved, "REJECTED", "DE-4305"))
        desk.response()
        assert desk.states(moved) == ["REVIEW"]
        desk.plan()
    else:
        desk.dispatch(void(order) if how == "void" else instruction("OV", number + 1))
        desk.exchange()
    other = next(desk.numbers)
    desk.dispatch(order_row(other, serial_number=moved))
    desk.exchange()
    desk.dispatch(back(other, serial_number=moved, order_date=LATER))
    desk.exchange()
    assert desk.held_by(moved) == ("UNENROLLED", None)
    if how == "void":
        anew = {"order_date": MUCH_LATER, "ship_date": MUCH_LATER}
        desk.dispatch(rows[1] | anew)
        desk.exchange()
    assert found(desk.dispatch(*changes(number, LATEST))) == {}
