"""Device state follows the newest instruction, and every step conserves the count."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from adapters.registry.tables import device_events, devices, lines, order_lines, outcomes
from jobs.states import BatchState, LineState
from tests.support.installation import order_row
from tests.support.ledger import Ledger
from tests.support.orders import instruction, void

SN1, SN2, SN3 = (order_row(number)["serial_number"] for number in (1, 2, 3))
MUCH_LATER = "2026-03-04T09:00:00Z"


def enrolled(ledger: Ledger, *numbers: int) -> list[int]:
    ids = ledger.order(*(order_row(number) for number in numbers))
    ledger.settle(ids, LineState.ENROLLED)
    return ids


def override(number: int, **values: str) -> dict[str, str]:
    return instruction("OV", number, **values)


def test_the_count_holds_after_every_step(ledger: Ledger) -> None:
    assert ledger.buckets() == {}
    ids = ledger.order(*(order_row(number) for number in range(1, 7)), order_row(7, enrolment_requested="N"))
    assert ledger.buckets() == {"WAITING": 6, "NOT_REQUESTED": 1}
    with ledger.registry.transaction() as tx:
        tx.claims.settle_unsent({ids[5]: (LineState.REVIEW, "PROVIDER_REFUSES_LINE")})
    assert ledger.buckets() == {"WAITING": 5, "REVIEW": 1, "NOT_REQUESTED": 1}
    batch_id = ledger.seal(ids[:5])
    assert ledger.buckets() == {"SEALED": 5, "REVIEW": 1, "NOT_REQUESTED": 1}
    ledger.sending(batch_id)
    assert ledger.buckets() == {"UNCERTAIN": 5, "REVIEW": 1, "NOT_REQUESTED": 1}
    with ledger.registry.transaction() as tx:
        tx.batches.move(batch_id, BatchState.SENDING, BatchState.SENT)
        assert tx.batches.mark_sent(batch_id) == 5
    assert ledger.buckets() == {"SENT": 5, "REVIEW": 1, "NOT_REQUESTED": 1}
    assert ledger.answer({ids[0]: LineState.ENROLLED, ids[1]: LineState.REJECTED, ids[2]: None}) == 2
    assert ledger.buckets() == {"SENT": 3, "ENROLLED": 1, "REJECTED": 1, "REVIEW": 1, "NOT_REQUESTED": 1}
    assert ledger.answer(dict.fromkeys(ids[2:5], LineState.UNCHANGED)) == 3
    assert ledger.buckets() == {"ENROLLED": 1, "UNCHANGED": 3, "REJECTED": 1, "REVIEW": 1, "NOT_REQUESTED": 1}


def test_the_count_finds_what_got_lost(ledger: Ledger) -> None:
    """Each identity is proved from tables of its own, so that harm to any of them shows."""
    ids = enrolled(ledger, 1, 2, 3)
    waiting = ledger.order(order_row(11), order_row(12))
    ledger.seal(waiting[:1])
    harms = [
        delete(lines).where(lines.c.order_line_id == ids[0]),
        delete(outcomes).where(outcomes.c.order_line_id == ids[0]),
        delete(device_events).where(device_events.c.order_line_id == ids[0]),
        delete(order_lines).where(order_lines.c.id == waiting[1]),
        update(order_lines).where(order_lines.c.id == waiting[1]).values(state=LineState.SEALED),
        update(order_lines).where(order_lines.c.id == ids[0]).values(state=LineState.WAITING),
        update(devices).where(devices.c.serial_number == SN1).values(state="UNENROLLED"),
    ]
    for harm in harms:
        with ledger.registry.rehearsal() as tx:
            assert tx.conservation.count().holds
            tx._db.execute(harm)
            assert not tx.conservation.count().holds, str(harm)


def test_the_hash_totals_are_proved_against_the_lines(ledger: Ledger) -> None:
    batch_id = ledger.seal(ledger.order(order_row(1), order_row(2)))
    with ledger.registry.rehearsal() as tx:
        assert tx.conservation.hash_totals([batch_id]).holds
        tx._db.execute(update(lines).where(lines.c.line_number == 1).values(device_key="SN00000009"))
        assert not tx.conservation.hash_totals([batch_id]).holds


def test_an_order_enrols_and_a_return_releases(ledger: Ledger) -> None:
    enrolled(ledger, 1)
    assert ledger.held_by(SN1) == ("ENROLLED", "SO-0000")
    ledger.settle(ledger.order(instruction("RE", 1, order_number="RE-1")), LineState.UNENROLLED)
    assert ledger.held_by(SN1) == ("UNENROLLED", None)
    assert ledger.buckets() == {"ENROLLED": 1, "UNENROLLED": 1}


def test_a_rejected_instruction_changes_no_device(ledger: Ledger) -> None:
    enrolled(ledger, 1)
    ledger.settle(ledger.order(instruction("RE", 1, order_number="RE-1")), LineState.REJECTED)
    assert ledger.held_by(SN1) == ("ENROLLED", "SO-0000")
    ledger.settle(ledger.order(order_row(2)), LineState.REVIEW)
    assert ledger.held_by(SN2) == ("NEW", None)
    ledger.conservation()


def test_a_void_of_an_order_releases_every_device_of_it(ledger: Ledger) -> None:
    enrolled(ledger, 1, 2)
    ledger.settle(ledger.order(void("SO-0000")), LineState.UNENROLLED)
    assert ledger.held_by(SN1) == ledger.held_by(SN2) == ("UNENROLLED", None)
    ledger.conservation()


def test_a_void_of_a_return_gives_the_device_back(ledger: Ledger) -> None:
    enrolled(ledger, 1, 2)
    ledger.settle(ledger.order(instruction("RE", 1, order_number="RE-1")), LineState.UNENROLLED)
    voided = ledger.order(void("RE-1", order_date=MUCH_LATER))
    assert len(voided) == 1
    ledger.settle(voided, LineState.ENROLLED)
    assert ledger.held_by(SN1) == ("ENROLLED", "SO-0000")
    ledger.conservation()


def test_an_override_releases_the_devices_it_leaves_out(ledger: Ledger) -> None:
    enrolled(ledger, 1, 2, 3)
    ledger.settle(ledger.order(override(1), override(2), override(4)), LineState.ENROLLED)
    assert ledger.held_by(SN1) == ledger.held_by(SN2) == ("ENROLLED", "SO-0000")
    assert ledger.held_by(SN3) == ("UNENROLLED", None)
    ledger.conservation()
    ledger.settle(ledger.order(order_row(33, serial_number=SN3)), LineState.ENROLLED)
    assert ledger.held_by(SN3) == ("ENROLLED", "SO-0003")
    ledger.conservation()


def test_an_override_answered_in_parts_releases_when_the_last_part_is_there(ledger: Ledger) -> None:
    enrolled(ledger, 1, 2, 3)
    first, second = ledger.order(override(1), override(2))
    ledger.send(ledger.seal([first, second]))
    ledger.answer({first: LineState.ENROLLED})
    assert ledger.held_by(SN3) == ("ENROLLED", "SO-0000")
    ledger.answer({second: LineState.ENROLLED})
    assert ledger.held_by(SN3) == ("UNENROLLED", None)
    ledger.conservation()


def test_an_override_with_a_rejected_device_releases_nothing(ledger: Ledger) -> None:
    enrolled(ledger, 1, 2, 3)
    first, second = ledger.order(override(1), override(2))
    ledger.send(ledger.seal([first, second]))
    ledger.answer({first: LineState.ENROLLED, second: LineState.REJECTED})
    assert ledger.held_by(SN3) == ("ENROLLED", "SO-0000")
    ledger.conservation()


def test_a_late_answer_changes_nothing_newer(ledger: Ledger) -> None:
    """The newer instruction overtook the older one, as it can once a person releases a line from review."""
    (ordered,) = ledger.order(order_row(1))
    (returned,) = ledger.order(instruction("RE", 1, order_number="RE-1"))
    ledger.send(ledger.seal([ordered]))
    ledger.send(ledger.seal([returned]))
    ledger.answer({returned: LineState.UNENROLLED})
    ledger.answer({ordered: LineState.ENROLLED})
    assert ledger.held_by(SN1) == ("UNENROLLED", None)
    with ledger.engine.connect() as connection:
        assert len(connection.execute(select(device_events)).all()) == 2
    ledger.conservation()


def test_a_second_answer_does_not_decide_again(ledger: Ledger) -> None:
    (line,) = ledger.order(order_row(1))
    ledger.send(ledger.seal([line]))
    assert ledger.answer({line: LineState.ENROLLED}) == 1
    assert ledger.answer({line: LineState.REJECTED}) == 0
    assert ledger.held_by(SN1) == ("ENROLLED", "SO-0000")
    with ledger.engine.connect() as connection:
        kept = connection.execute(select(outcomes.c.line_state, outcomes.c.applied).order_by(outcomes.c.file_id)).all()
    assert [tuple(row) for row in kept] == [("ENROLLED", True), ("REJECTED", False)]
    ledger.conservation()


def test_an_answer_before_the_batch_is_sent_decides_nothing(ledger: Ledger) -> None:
    (line,) = ledger.order(order_row(1))
    ledger.seal([line])
    assert ledger.answer({line: LineState.ENROLLED}) == 0
    assert ledger.buckets() == {"SEALED": 1}


def test_a_line_found_to_hold_already_counts_as_decided(ledger: Ledger) -> None:
    enrolled(ledger, 1)
    (again,) = ledger.order(order_row(1, line_number="9"))
    with ledger.registry.transaction() as tx:
        tx.claims.settle_unsent({again: (LineState.UNCHANGED, "ENROLLED_ALREADY")})
        tx.answers.settle_locally([again], ledger.moment())
    assert ledger.device(SN1)["decided_by"] == again
    assert ledger.buckets() == {"ENROLLED": 1, "UNCHANGED": 1}


def test_a_long_code_of_the_provider_is_kept(ledger: Ledger) -> None:
    """Codes may have 100 characters (the response layout)."""
    (line,) = ledger.order(order_row(1))
    ledger.send(ledger.seal([line]))
    ledger.answer({line: LineState.REVIEW}, code="X" * 100)
    with ledger.engine.connect() as connection:
        assert connection.execute(select(order_lines.c.reason)).scalar_one() == "X" * 100
