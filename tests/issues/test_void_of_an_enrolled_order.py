"""A void answered ENROLLED left its line ENROLLED and made its device UNENROLLED.

What a void brings about depends on what it reverses, and the outcome was never compared with it: the line followed the
provider, the device followed the instruction. `muster where` then said two things about one device, and an order could
be given out again whose devices the provider still held. An outcome that does not fit its instruction is for a person.
"""

from __future__ import annotations

import pytest

from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import instruction, void

MUCH_LATER = "2026-03-04T09:00:00Z"
Row = dict[str, str]


def enrolled(desk: Desk) -> Row:
    row = order_row(next(desk.numbers))
    desk.plan()
    desk.dispatch(row)
    desk.exchange()
    assert desk.held_by(row["serial_number"]) == ("ENROLLED", row["order_number"])
    return row


def returned(desk: Desk) -> tuple[Row, Row]:
    row = enrolled(desk)
    number = int(row["serial_number"].removeprefix("SN"))
    back = instruction("RE", number, order_number=f"RE-{number}")
    desk.dispatch(back)
    desk.exchange()
    assert desk.held_by(row["serial_number"]) == ("UNENROLLED", None)
    return row, back


def answered(desk: Desk, instruct: Row, serial: str, outcome: str, code: str) -> dict[str, int]:
    """Findings of the answer to this instruction."""
    batch = desk.batch(instruct)
    desk.forge.answer(batch, device(instruct["order_number"], serial, outcome, code))
    return {finding.code: finding.count for finding in desk.response().findings}


@pytest.mark.parametrize("code", ["COMPLETE", "", "DE-4301"])
def test_a_void_of_an_order_that_says_enrolled(desk: Desk, code: str) -> None:
    row = enrolled(desk)
    serial, order = row["serial_number"], row["order_number"]
    found = answered(desk, void(order), serial, "ENROLLED", code)
    assert found == {"ANSWER_OUTCOME_CONTRADICTS": 1}
    assert desk.states(serial) == ["ENROLLED", "REVIEW"]
    assert desk.held_by(serial) == ("ENROLLED", order)


def test_a_void_of_a_return_that_says_unenrolled(desk: Desk) -> None:
    row, back = returned(desk)
    serial = row["serial_number"]
    found = answered(desk, void(back["order_number"], order_date=MUCH_LATER), serial, "UNENROLLED", "COMPLETE")
    assert found == {"ANSWER_OUTCOME_CONTRADICTS": 1}
    assert desk.states(serial) == ["ENROLLED", "UNENROLLED", "REVIEW"]
    assert desk.held_by(serial) == ("UNENROLLED", None)


@pytest.mark.parametrize("code", ["COMPLETE", ""])
def test_a_return_that_says_enrolled(desk: Desk, code: str) -> None:
    row = enrolled(desk)
    number = int(row["serial_number"].removeprefix("SN"))
    back = instruction("RE", number, order_number=f"RE-{number}")
    assert answered(desk, back, row["serial_number"], "ENROLLED", code) == {"ANSWER_OUTCOME_CONTRADICTS": 1}
    assert desk.states(row["serial_number"]) == ["ENROLLED", "REVIEW"]
    assert desk.held_by(row["serial_number"]) == ("ENROLLED", row["order_number"])


def test_an_order_and_an_override_that_say_unenrolled(desk: Desk) -> None:
    row = order_row(next(desk.numbers))
    assert answered(desk, row, row["serial_number"], "UNENROLLED", "") == {"ANSWER_OUTCOME_CONTRADICTS": 1}
    assert (desk.states(row["serial_number"]), desk.held_by(row["serial_number"])) == (["REVIEW"], ("NEW", None))
    other = enrolled(desk)
    serial = other["serial_number"]
    changed = instruction("OV", int(serial.removeprefix("SN")))
    found = answered(desk, changed, serial, "UNENROLLED", "COMPLETE")
    assert found == {"ANSWER_OUTCOME_CONTRADICTS": 1, "ANSWER_OVERRIDE_PARTIAL": 1}, "it may be off the order"
    assert desk.states(serial) == ["REVIEW", "REVIEW"]
    assert desk.held_by(serial) == ("ENROLLED", other["order_number"])


def test_a_void_that_fits_still_releases(desk: Desk) -> None:
    """So does UNCHANGED: what was asked for holds already."""
    for outcome in ("UNENROLLED", "UNCHANGED"):
        row = enrolled(desk)
        assert answered(desk, void(row["order_number"]), row["serial_number"], outcome, "COMPLETE") == {}
        assert desk.states(row["serial_number"]) == ["ENROLLED", outcome]
        assert desk.held_by(row["serial_number"]) == ("UNENROLLED", None)
