"""Rows into the registry: set-based at any size, and what the registry knows about them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, func, select

from adapters.registry.tables import devices, order_lines, orders
from formats.order_dispatch.loading import load
from jobs.intake import ENRICHMENT
from jobs.states import LineState
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.orders import LATER, instruction, order_text, void

MANY = 10_000
IMEI_1, IMEI_2 = "490154203237518", "356938035643809"


def enriched(ledger: Ledger, *rows: dict[str, str]) -> list[dict[str, Any]]:
    loaded = load(order_text(rows).encode())
    with ledger.registry.rehearsal() as tx:
        known = tx.intake.enrich(loaded.rows)
    assert [(field.name, field.type) for field in known.schema] == list(ENRICHMENT)
    return list(known.to_pylist())


def count(ledger: Ledger, column: Any) -> int:
    with ledger.engine.connect() as connection:
        return int(connection.execute(select(func.count(column.distinct()))).scalar_one())


def test_ten_thousand_rows_take_few_statements(ledger: Ledger) -> None:
    statements: list[str] = []
    event.listen(ledger.registry._engine, "before_cursor_execute", lambda *facts: statements.append(facts[2]))
    ids = ledger.order(*(order_row(number) for number in range(MANY)))
    assert len(ids) == MANY
    assert count(ledger, orders.c.id) == MANY // 10
    ledger.send(ledger.seal(ledger.eligible()))
    assert ledger.answer(dict.fromkeys(ids, LineState.ENROLLED)) == MANY
    assert ledger.buckets() == {"ENROLLED": MANY}
    assert len(statements) < 100


def test_rows_keep_their_order_and_content(ledger: Ledger) -> None:
    ids = ledger.order(*(order_row(number, imei=IMEI_1 if number == 3 else "", model="") for number in (5, 3, 4)))
    with ledger.registry.rehearsal() as tx:
        details = tx.claims.request_details(list(reversed(ids)))
    assert details["order_line_id"].to_pylist() == list(reversed(ids))
    assert details["serial_number"].to_pylist() == ["SN00000004", "SN00000003", "SN00000005"]
    assert details["imei"].to_pylist() == [None, IMEI_1, None]
    assert details["model"].to_pylist() == [None] * 3
    assert set(details["order_date"].to_pylist()) == {"2026-03-01T09:00:00Z"}
    assert set(details["customer_id"].to_pylist()) == {"ORG-1"}


@pytest.mark.parametrize("text", ['say "hi"; it\'s', "back\\slash", "\\N", "Ünïcode × 漢字", " "])
def test_any_text_survives_the_staging(ledger: Ledger, text: str) -> None:
    quoted = '"' + text.replace('"', '""') + '"'
    ids = ledger.order(order_row(1, po_number=quoted, model=quoted))
    with ledger.registry.rehearsal() as tx:
        details = tx.claims.request_details(ids)
    assert details["po_number"].to_pylist() == details["model"].to_pylist() == [text.strip() or None]


def test_the_largest_line_number_fits(ledger: Ledger) -> None:
    ledger.order(order_row(1, line_number="9" * 18))
    with ledger.engine.connect() as connection:
        assert connection.execute(select(order_lines.c.line_number)).scalar_one() == int("9" * 18)


def test_a_known_device_learns_its_missing_identifiers(ledger: Ledger) -> None:
    ledger.settle(ledger.order(order_row(1)), LineState.ENROLLED)
    ledger.order(instruction("RE", 1, order_number="RE-1", imei=IMEI_1))
    assert ledger.device("SN00000001")["imei"] == IMEI_1
    assert count(ledger, devices.c.id) == 1
    ledger.order(instruction("OV", 1, imei=IMEI_1, serial_number=""))
    assert count(ledger, devices.c.id) == 1


def test_equal_texts_of_different_identifiers_are_different_devices(ledger: Ledger) -> None:
    """One row has the number as its serial number, another one as its IMEI."""
    ledger.order(order_row(1, serial_number=IMEI_1), order_row(2, serial_number="", imei=IMEI_1))
    assert count(ledger, devices.c.id) == 2
    assert ledger.buckets() == {"WAITING": 2}


def test_what_is_known_about_an_unknown_row(ledger: Ledger) -> None:
    (row,) = enriched(ledger, order_row(1, customer_account="C-9"))
    facts = {name: value for name, value in row.items() if value is not None}
    assert facts == {"row": 2, "device_differs": 0, "device_open": 0, "original_exists": 0, "order_returned": 0}


def test_what_is_known_about_a_waiting_device(ledger: Ledger) -> None:
    ledger.order(order_row(1, po_number="PO-1"))
    same, elsewhere = enriched(ledger, order_row(1, po_number="PO-1"), order_row(50, serial_number="SN00000001"))
    assert same["known_line_sha256"] is not None
    assert same["known_po_number"] == "PO-1"
    assert same["known_customer_id"] == same["customer_id"]
    assert elsewhere["known_line_sha256"] is None
    for row in (same, elsewhere):
        assert (row["device_state"], row["device_order"], row["device_open"]) == ("NEW", "SO-0000", 1)
        assert row["device_order_date"] == "2026-03-01T09:00:00Z"


def test_a_device_on_its_way_out_has_no_order(ledger: Ledger) -> None:
    ledger.settle(ledger.order(order_row(1)), LineState.ENROLLED)
    ledger.order(instruction("RE", 1, order_number="RE-1"))
    (row,) = enriched(ledger, order_row(50, serial_number="SN00000001"))
    assert (row["device_state"], row["device_order"]) == ("ENROLLED", None)


def test_identifiers_of_two_devices_are_told_apart(ledger: Ledger) -> None:
    ledger.order(order_row(1), order_row(2, imei=IMEI_2))
    (row,) = enriched(ledger, order_row(3, serial_number="SN00000001", imei=IMEI_2))
    assert row["device_by_serial_number"] != row["device_by_imei"]
    assert None not in (row["device_by_serial_number"], row["device_by_imei"])


def test_another_identifier_than_the_one_on_record_is_seen(ledger: Ledger) -> None:
    ledger.order(order_row(1, imei=IMEI_1), order_row(2))
    same, differs, completes, unknown = enriched(
        ledger,
        order_row(1, imei=IMEI_1),
        order_row(3, serial_number="SN00000001", imei=IMEI_2),
        instruction("RE", 2, imei="352099001761481"),
        order_row(4, mac="02:1A:2B:3C:4D:5E"),
    )
    assert [row["device_differs"] for row in (same, differs, completes, unknown)] == [0, 1, 0, 0]


def test_a_void_reaches_every_device_of_its_order(ledger: Ledger) -> None:
    ids = ledger.order(order_row(1), order_row(2), order_row(3, enrolment_requested="N"))
    ledger.settle(ids[:1], LineState.REJECTED)
    assert [item["original_exists"] for item in enriched(ledger, void("SO-0000"))] == [1]
    reached = ledger.order(void("SO-0000"))
    with ledger.engine.connect() as connection:
        chosen = select(order_lines.c.device_id).where(order_lines.c.id.in_([ids[1], *reached]))
        assert len(reached) == 1
        assert len(set(connection.execute(chosen).scalars())) == 1
    (row,) = enriched(ledger, void("SO-0000", order_date="2026-03-05T00:00:00Z"))
    assert row["original_exists"] == 0, "all it reached is being voided"
    assert [item["original_exists"] for item in enriched(ledger, void("SO-0009"))] == [0]


def test_an_order_number_of_another_date_is_seen(ledger: Ledger) -> None:
    ledger.order(order_row(1))
    (row,) = enriched(ledger, order_row(2, order_date=LATER, ship_date=LATER))
    assert row["other_order_date"] == "2026-03-01T09:00:00Z"
