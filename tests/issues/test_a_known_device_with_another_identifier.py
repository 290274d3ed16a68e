"""A known serial number that came with another IMEI than the device on record has was accepted.

The unknown IMEI was dropped without a word: the device was enrolled under the number on record, while the customer held
one with the number on the row. Identifiers that disagree with the device on record are a conflict, whichever of them is
wrong. What the record lacks is still filled in.
"""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from adapters.registry.tables import devices
from jobs.runs import RunReport
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.orders import instruction

OTHER = {"imei": "356938035643809", "meid": "A1000049A5F3B2", "mac": "02:1A:2B:3C:4D:5E"}
IDENTIFIERS = {"imei": "490154203237518", "meid": "A10000009296F2", "mac": "02:1A:2B:3C:4D:60"}


def found(report: RunReport) -> dict[str, list[int]]:
    return {finding.code: list(finding.rows) for finding in report.findings}


def record(desk: Desk, serial: str) -> dict[str, str | None]:
    columns = [devices.c[name] for name in OTHER]
    (row,) = desk.rows(select(*columns).where(devices.c.serial_number == serial))
    return dict(zip(OTHER, row, strict=True))


@pytest.fixture(scope="module")
def known(desk: Desk) -> dict[str, str]:
    """A device with every identifier, enrolled."""
    row = order_row(next(desk.numbers), **IDENTIFIERS)
    desk.dispatch(row)
    desk.exchange()
    return row


@pytest.mark.parametrize("column", OTHER)
@pytest.mark.parametrize("request_type", ["OR", "RE", "OV"])
def test_another_unknown_identifier_is_a_conflict(
    desk: Desk, known: dict[str, str], column: str, request_type: str
) -> None:
    values = {"order_number": f"RE-{column}"} if request_type == "RE" else {"line_number": "9"}
    values |= {"order_date": known["order_date"]} if request_type == "OR" else {}
    row = instruction(request_type, int(known["serial_number"].removeprefix("SN")), **values, **{column: OTHER[column]})
    assert found(desk.dispatch(row)) == {"DEVICE_CONFLICT": [2]}
    assert record(desk, known["serial_number"]) == IDENTIFIERS
    assert desk.states(known["serial_number"]) == ["ENROLLED"]


def test_another_serial_number_is_a_conflict_too(desk: Desk, known: dict[str, str]) -> None:
    before = desk.rows(select(func.count()).select_from(devices))
    row = order_row(next(desk.numbers), imei=known["imei"])
    report = desk.dispatch(row | {"order_number": known["order_number"], "line_number": "8"})
    assert found(report) == {"DEVICE_CONFLICT": [2]}
    assert desk.rows(select(func.count()).select_from(devices)) == before


def test_what_the_record_lacks_is_filled_in(desk: Desk) -> None:
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    desk.exchange()
    number = int(row["serial_number"].removeprefix("SN"))
    back = instruction("RE", number, order_number=f"RE-{number}", imei=OTHER["imei"])
    assert found(desk.dispatch(back)) == {}
    assert record(desk, row["serial_number"]) == {"imei": OTHER["imei"], "meid": None, "mac": None}
