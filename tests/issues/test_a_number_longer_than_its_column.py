"""A run for an order or batch whose number is longer than any can be ended in PostgreSQL's DataError.

The form took 100 characters and the command line took any text; SQLite kept them, and PostgreSQL did not.
"""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from adapters.registry.tables import batches, orders, runs
from formats.enrolment import BATCH_NUMBER_LENGTH, ORDER_NUMBER_LENGTH
from formats.generic.layout import REQUEST_DETAIL
from formats.order_dispatch.layout import ORDER_DISPATCH
from jobs.errors import NotFound
from jobs.runs import RunStatus
from tests.support.desk import Desk
from tests.support.muster import CommandLine

TOO_LONG = [
    {"order": "x" * (ORDER_NUMBER_LENGTH + 1)},
    {"batch": "x" * (BATCH_NUMBER_LENGTH + 1)},
    {"order": "SO-1\x00"},  # PostgreSQL takes no NUL, either
    {"batch": "ACME-\n1"},
]


@pytest.mark.parametrize("narrowed", TOO_LONG)
def test_a_number_that_none_can_have_begins_no_run(desk: Desk, narrowed: dict[str, str]) -> None:
    before = desk.rows(select(func.count()).select_from(runs))
    with pytest.raises(NotFound, match=f"no {next(iter(narrowed))} has"):
        desk.request(**narrowed)
    assert desk.rows(select(func.count()).select_from(runs)) == before


def test_the_longest_numbers_find_nothing(desk: Desk) -> None:
    report = desk.request(order="x" * ORDER_NUMBER_LENGTH, batch="x" * BATCH_NUMBER_LENGTH)
    assert report.run.status is RunStatus.NOTHING


@pytest.mark.parametrize("narrowed", TOO_LONG[:2])
def test_the_command_line_says_so(desk: Desk, narrowed: dict[str, str]) -> None:
    ((option, value),) = narrowed.items()
    ran = CommandLine(desk.installation.workspace)("run", "device_enrolment_request", f"--{option}", value)
    assert (ran.code, "[NOT_FOUND]" in ran.err, "DataError" in ran.err) == (1, True, False)


def test_one_length_is_declared() -> None:
    lengths = {
        *(table.c.order_number.type.length for table in (runs, orders)),
        *(column.max_length for column in ORDER_DISPATCH.columns if column.name == "order_number"),
        *(column.max_length for column in REQUEST_DETAIL.columns if column.name == "order_id"),
    }
    assert lengths == {ORDER_NUMBER_LENGTH}
    assert {runs.c.batch_number.type.length, batches.c.number.type.length} == {BATCH_NUMBER_LENGTH}
