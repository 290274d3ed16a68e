"""A corrected order could not have the number of the order that was voided for it.

It was refused as `ORDER_HEADER_MISMATCH`, because the voided order, of another date, still counted as the order as
known. A void is there to make room for the right order. Nor did a void forget what was voided before: voiding the new
order would have reached the devices of the old one, wherever they were by then.
"""

from __future__ import annotations

from sqlalchemy import func, select

from adapters.registry.tables import order_lines, orders
from jobs.runs import RunReport
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import instruction, void

Row = dict[str, str]
DAYS = [f"2026-03-{day:02d}T09:00:00Z" for day in range(2, 10)]
"""Later than the order date of `order_row`."""


def found(report: RunReport) -> dict[str, list[int]]:
    return {finding.code: list(finding.rows) for finding in report.findings}


def enrolled(desk: Desk, count: int = 2) -> list[Row]:
    """An order of so many devices, enrolled."""
    first = next(desk.numbers)
    rows = [order_row(first + more) for more in range(count)]
    exchanged(desk, *rows)
    return rows


def exchanged(desk: Desk, *rows: Row) -> None:
    desk.plan()
    assert found(desk.dispatch(*rows)) == {}
    desk.exchange()


def anew(row: Row, day: str, **values: str) -> Row:
    return row | {"order_date": day, "ship_date": day} | values


def test_a_corrected_order_of_the_same_number(desk: Desk) -> None:
    """Another date, other devices, one of the old ones."""
    one, two = enrolled(desk)
    exchanged(desk, void(one["order_number"]))
    new = order_row(next(desk.numbers))["serial_number"]
    exchanged(desk, anew(one, DAYS[1]), anew(two, DAYS[1], serial_number=new))
    holder = ("ENROLLED", one["order_number"])
    assert [desk.held_by(serial) for serial in (one["serial_number"], new)] == [holder, holder]
    assert desk.held_by(two["serial_number"]) == ("UNENROLLED", None)


def test_the_new_order_is_the_order_as_known(desk: Desk) -> None:
    (one,) = enrolled(desk, 1)
    exchanged(desk, void(one["order_number"]))
    exchanged(desk, anew(one, DAYS[1]))
    more = {"line_number": "9", "serial_number": f"X{one['serial_number']}"}
    assert found(desk.dispatch(one | more)) == {"ORDER_HEADER_MISMATCH": [2]}
    exchanged(desk, anew(one | more, DAYS[1]))
    assert desk.held_by(more["serial_number"]) == ("ENROLLED", one["order_number"])


def test_an_order_that_is_not_voided_for_good_is_in_the_way(desk: Desk) -> None:
    """The void is on its way, is refused, or reached the order before its newest device."""
    (one,) = enrolled(desk, 1)
    order, serial = one["order_number"], one["serial_number"]
    new = anew(one, DAYS[2], serial_number=f"Y{serial}")
    batch = desk.batch(void(order))
    assert found(desk.dispatch(new)) == {"ORDER_HEADER_MISMATCH": [2]}
    desk.forge.answer(batch, device(order, serial, "REJECTED", "DE-4306"))
    desk.response()
    assert found(desk.dispatch(new | {"model": "ED-11"})) == {"ORDER_HEADER_MISMATCH": [2]}
    assert found(desk.dispatch(void(order, order_date=DAYS[3]))) == {}
    exchanged(desk, one | {"line_number": "8", "serial_number": f"Z{serial}"})
    exchanged(desk)
    assert desk.held_by(f"Z{serial}") == ("ENROLLED", order)
    assert found(desk.dispatch(new | {"model": "ED-12"})) == {"ORDER_HEADER_MISMATCH": [2]}


def test_an_order_without_an_enrolled_device_is_in_the_way_until_it_is_voided(desk: Desk) -> None:
    one = order_row(next(desk.numbers))
    two = one | {"line_number": "9", "serial_number": f"X{one['serial_number']}"}
    batch = desk.batch(one, two)
    order = one["order_number"]
    desk.forge.answer(
        batch,
        device(order, one["serial_number"], "REJECTED", "DE-4301"),
        device(order, two["serial_number"], "ENROLLED", "COMPLETE"),
    )
    desk.response()
    new = anew(one, DAYS[1], serial_number=f"Y{one['serial_number']}")
    assert found(desk.dispatch(new)) == {"ORDER_HEADER_MISMATCH": [2]}
    voided = desk.batch(void(order))
    desk.forge.answer(voided, device(order, two["serial_number"], "UNENROLLED", "COMPLETE"))
    desk.response()
    assert found(desk.dispatch(new | {"model": "ED-11"})) == {}


def test_what_was_voided_cannot_be_voided_or_overridden_again(desk: Desk) -> None:
    (one,) = enrolled(desk, 1)
    order = one["order_number"]
    exchanged(desk, void(order))
    changed = anew(one, DAYS[2], request_type="OV")
    assert found(desk.dispatch(void(order, order_date=DAYS[2]), changed)) == {"ORDER_UNKNOWN": [2, 3]}


def test_a_void_of_the_new_order_leaves_the_devices_of_the_old_one_alone(desk: Desk) -> None:
    """By then one of them is on another order."""
    one, two = enrolled(desk)
    order, moved = one["order_number"], one["serial_number"]
    exchanged(desk, void(order))
    elsewhere = order_row(next(desk.numbers), serial_number=moved)
    exchanged(desk, anew(two, DAYS[1]), elsewhere)
    exchanged(desk, void(order, order_date=DAYS[2]))
    assert desk.held_by(moved) == ("ENROLLED", elsewhere["order_number"])
    assert [request for _, request, _ in desk.lines(moved)] == ["OR", "VD", "OR"]
    assert desk.held_by(two["serial_number"]) == ("UNENROLLED", None)


def test_a_void_leaves_devices_alone_that_an_override_left_out(desk: Desk) -> None:
    one, two = enrolled(desk)
    order, moved = one["order_number"], two["serial_number"]
    exchanged(desk, anew(one, DAYS[1], request_type="OV"))
    elsewhere = order_row(next(desk.numbers), serial_number=moved)
    exchanged(desk, elsewhere)
    exchanged(desk, void(order, order_date=DAYS[2]))
    assert desk.held_by(moved) == ("ENROLLED", elsewhere["order_number"])
    assert desk.held_by(one["serial_number"]) == ("UNENROLLED", None)
    exchanged(desk, anew(one, DAYS[3]))
    assert desk.held_by(one["serial_number"]) == ("ENROLLED", order)


def test_a_return_may_be_dated_between_the_voided_order_and_the_new_one(desk: Desk) -> None:
    """The voided order had a date that was too late; it does not count for the return."""
    number = next(desk.numbers)
    wrong = anew(order_row(number), DAYS[6])
    exchanged(desk, wrong)
    exchanged(desk, void(wrong["order_number"], order_date=DAYS[7]))
    exchanged(desk, order_row(number))
    exchanged(desk, instruction("RE", number, order_number=f"RE-{number}"))
    assert desk.held_by(wrong["serial_number"]) == ("UNENROLLED", None)


def test_the_lines_of_every_order_are_kept(desk: Desk) -> None:
    (one,) = enrolled(desk, 1)
    order = one["order_number"]
    for day in (1, 3):
        exchanged(desk, void(order, order_date=DAYS[day]))
        exchanged(desk, anew(one, DAYS[day + 1]))
    counted = select(orders.c.request_type, func.count(order_lines.c.id)).join(order_lines)
    by_type = counted.where(orders.c.order_number == order).group_by(orders.c.request_type)
    assert sorted(desk.rows(by_type)) == [("OR", 3), ("VD", 2)]
