"""The provider's judgement on a database in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from simulator import Plan, parse_plan
from simulator.enrolments import SCHEMA, Book
from simulator.provider import answer_lines
from simulator.reader import REQUEST_COLUMNS, RequestLine

BASE = RequestLine(*[""] * len(REQUEST_COLUMNS))._replace(
    order_id="SO-1",
    request_type="OR",
    order_date="2026-03-01T09:00:00Z",
    customer_id="ORG-77",
    delivery_number="DL-1",
    ship_date="2026-03-02T09:00:00Z",
)


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        yield connection


def ask(database: sqlite3.Connection, *lines: RequestLine, plan: Plan | None = None) -> list[tuple[str, str, str]]:
    """One request; each time the book is read from the database and written back."""
    book = Book(database, (line.order_id for line in lines), (line.device_id for line in lines))
    answers = answer_lines(lines, book, plan or Plan())
    book.save()
    return [(answer.level, answer.outcome, answer.provider_code) for answer in answers]


def devices(answers: list[tuple[str, str, str]]) -> list[str]:
    """Outcome, or the code of a rejection, of each device."""
    return [code if outcome == "REJECTED" else outcome for level, outcome, code in answers if level == "DEVICE"]


def of(serial: str, **cells: str) -> RequestLine:
    return BASE._replace(serial_number=serial, **cells)


def void(serial: str, **cells: str) -> RequestLine:
    return of(serial, request_type="VD", delivery_number="", ship_date="", **cells)


def held(database: sqlite3.Connection) -> dict[str, str]:
    return dict(database.execute("SELECT device_id, order_id FROM held ORDER BY device_id").fetchall())


def test_a_device_id_may_have_forty_characters(database: sqlite3.Connection) -> None:
    assert devices(ask(database, of("A" * 40), of("B" * 41))) == ["ENROLLED", "DE-4301"]


def test_the_same_order_again_enrols_again(database: sqlite3.Connection) -> None:
    assert devices(ask(database, of("A1")) + ask(database, of("A1"), of("A2"))) == ["ENROLLED"] * 3
    assert held(database) == {"A1": "SO-1", "A2": "SO-1"}


def test_another_customer_weighs_more_than_another_order(database: sqlite3.Connection) -> None:
    ask(database, of("A1"))
    assert devices(ask(database, of("A1", order_id="SO-2"))) == ["DE-4303"]
    assert devices(ask(database, of("A1", order_id="SO-3", customer_id="ORG-78"))) == ["DE-4304"]


def test_an_order_of_which_nothing_was_accepted_is_unknown(database: sqlite3.Connection) -> None:
    ask(database, of("A1"))
    ask(database, of("A1", order_id="SO-2"))
    assert ask(database, void("A1", order_id="SO-2")) == [("ORDER", "ERROR", "OR-4109")]


def test_orders_and_returns_do_not_share_a_number(database: sqlite3.Connection) -> None:
    ask(database, of("A1"))
    assert ask(database, of("A1", request_type="RE")) == [("ORDER", "ERROR", "OR-4110")]
    ask(database, of("A1", request_type="RE", order_id="RE-1"))
    assert ask(database, of("A1", order_id="RE-1")) == [("ORDER", "ERROR", "OR-4110")]
    override = of("A1", request_type="OV", order_id="RE-1", delivery_number="SELF")
    assert ask(database, override) == [("ORDER", "ERROR", "OR-4109")]


def test_lines_of_one_order_must_agree(database: sqlite3.Connection) -> None:
    assert ask(database, of("A1"), of("A2", po_number="PO-2")) == [("ORDER", "ERROR", "OR-4110")]
    assert held(database) == {}


def test_a_voided_return_gives_the_device_back_unless_it_is_taken(database: sqlite3.Connection) -> None:
    ask(database, of("A1"), of("A2"))
    ask(database, *(of(serial, request_type="RE", order_id="RE-1") for serial in ("A1", "A2")))
    ask(database, of("A2", order_id="SO-2"))
    assert devices(ask(database, void("A1", order_id="RE-1"), void("A2", order_id="RE-1"))) == ["ENROLLED", "DE-4303"]
    assert held(database) == {"A1": "SO-1", "A2": "SO-2"}


def test_an_override_moves_the_order_to_another_customer(database: sqlite3.Connection) -> None:
    ask(database, of("A1"), of("A2"))
    override = {"request_type": "OV", "delivery_number": "SELF", "customer_id": "ORG-78"}
    assert devices(ask(database, of("A2", **override), of("A3", **override))) == ["ENROLLED"] * 2
    assert held(database) == {"A2": "SO-1", "A3": "SO-1"}
    assert ask(database, of("A4")) == [("ORDER", "ERROR", "OR-4110")]
    assert devices(ask(database, of("A4", customer_id="ORG-78"))) == ["ENROLLED"]


def test_orders_of_one_file_see_each_other(database: sqlite3.Connection) -> None:
    other = of("A2", order_id="SO-2")
    assert devices(ask(database, of("A1"), other, of("A3"))) == ["ENROLLED"] * 3
    assert held(database) == {"A1": "SO-1", "A2": "SO-2", "A3": "SO-1"}


def test_an_answer_to_come_books_nothing_and_a_code_alone_does(database: sqlite3.Connection) -> None:
    plan = parse_plan(
        """
        [[code]]
        field = "serial_number"
        pattern = "WAIT"
        outcome = "IN_PROGRESS"
        [[code]]
        field = "serial_number"
        pattern = "SAME"
        outcome = "UNCHANGED"
        code = "ACME-1"
        """
    )
    answers = ask(database, of("WAIT"), of("SAME"), plan=plan)
    assert answers[2:] == [("DEVICE", "IN_PROGRESS", ""), ("DEVICE", "UNCHANGED", "ACME-1")]
    assert held(database) == {"SAME": "SO-1"}
