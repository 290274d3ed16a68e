"""Claiming lines, moving batches by compare-and-set, and whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import IntegrityError

from jobs.errors import StateMoved
from jobs.states import BATCH_TRANSITIONS, BatchState, FileState, LineState
from tests.support.installation import order_row
from tests.support.ledger import PROVIDER, Ledger
from tests.support.orders import instruction, void


@contextmanager
def refused(ledger: Ledger) -> Iterator[None]:
    before = ledger.buckets()
    with pytest.raises((IntegrityError, StateMoved)):
        yield
    assert ledger.buckets() == before


def test_a_line_is_in_one_live_batch_only(ledger: Ledger) -> None:
    ids = ledger.order(order_row(1), order_row(2))
    ledger.seal(ids)
    with refused(ledger):
        ledger.seal(ids[:1])
    assert ledger.buckets() == {"SEALED": 2}


def test_a_device_is_in_a_batch_once(ledger: Ledger) -> None:
    (ordered,) = ledger.order(order_row(1))
    (returned,) = ledger.order(instruction("RE", 1, order_number="RE-1"))
    with refused(ledger):
        ledger.seal([ordered, returned])


def test_a_claim_tells_how_many_lines_still_waited(ledger: Ledger) -> None:
    ids = ledger.order(order_row(1), order_row(2))
    with ledger.registry.transaction() as tx:
        assert tx.claims.settle_unsent({ids[0]: (LineState.REVIEW, "PROVIDER_REFUSES_LINE")}) == 1
    with ledger.registry.rehearsal() as tx:
        assert tx.claims.claim(ledger.create(tx), ledger.claims_of(tx, ids)) == 1
    assert ledger.buckets() == {"REVIEW": 1, "WAITING": 1}


def test_a_cancelled_batch_frees_its_lines(ledger: Ledger) -> None:
    ids = ledger.order(order_row(1), order_row(2))
    batch_id = ledger.seal(ids)
    with ledger.registry.transaction() as tx:
        tx.batches.move(batch_id, BatchState.SEALED, BatchState.CANCELLED)
        assert tx.batches.release_lines(batch_id) == 2
    assert ledger.buckets() == {"WAITING": 2}
    again = ledger.seal(ids)
    assert again != batch_id
    ledger.send(again)
    assert ledger.answer(dict.fromkeys(ids, LineState.ENROLLED)) == 2
    assert ledger.buckets() == {"ENROLLED": 2}


def test_a_batch_moves_from_the_expected_state_only(ledger: Ledger) -> None:
    batch_id = ledger.seal(ledger.order(order_row(1)))
    ledger.sending(batch_id)
    with pytest.raises(StateMoved):
        ledger.sending(batch_id)
    with ledger.registry.transaction() as tx:
        assert tx.batches.by_id(batch_id).state is BatchState.SENDING


@pytest.mark.parametrize("before", BatchState)
def test_only_the_listed_transitions_exist(ledger: Ledger, before: BatchState) -> None:
    batch_id = ledger.seal(ledger.order(order_row(1)))
    for after in set(BatchState) - BATCH_TRANSITIONS[before]:
        with ledger.registry.rehearsal() as tx, pytest.raises(ValueError, match="no transition"):
            tx.batches.move(batch_id, before, after)


def test_a_file_moves_from_the_expected_state_only(ledger: Ledger) -> None:
    with ledger.registry.transaction() as tx:
        file = ledger.file(tx)
        tx.files.move(file.id, FileState.COLLECTED, FileState.LOADED)
    with pytest.raises(StateMoved), ledger.registry.transaction() as tx:
        tx.files.move(file.id, FileState.COLLECTED, FileState.LOADED)
    with pytest.raises(StateMoved), ledger.registry.transaction() as tx:
        tx.files.set_aside(file, "FILE_UNREADABLE", "no", ledger.moment())
    with ledger.registry.transaction() as tx:
        assert tx.files.held() == []


def test_sequence_numbers_have_no_gap_after_a_roll_back(ledger: Ledger) -> None:
    with ledger.registry.rehearsal() as tx:
        assert tx.batches.next_sequence(PROVIDER) == 1
    with ledger.registry.transaction() as tx:
        assert [tx.batches.next_sequence(PROVIDER) for _ in range(2)] == [1, 2]
        assert tx.batches.next_sequence("bolt") == 1


def test_an_instruction_waits_for_the_older_one_on_its_device(ledger: Ledger) -> None:
    (ordered,) = ledger.order(order_row(1))
    (returned,) = ledger.order(instruction("RE", 1, order_number="RE-1"))
    assert ledger.eligible() == [ordered]
    ledger.send(ledger.seal([ordered]))
    assert ledger.eligible() == []
    ledger.answer({ordered: LineState.ENROLLED})
    assert ledger.eligible() == [returned]


def test_an_instruction_waits_for_the_older_one_on_its_order_number(ledger: Ledger) -> None:
    ordered = ledger.order(order_row(1), order_row(2))
    voided = ledger.order(void("SO-0000"))
    assert len(voided) == 2
    assert ledger.eligible() == ordered
    ledger.settle(ordered[:1], LineState.ENROLLED)
    assert ledger.eligible() == ordered[1:]
    ledger.settle(ordered[1:], LineState.ENROLLED)
    assert ledger.eligible() == voided


def test_a_void_goes_as_a_whole(ledger: Ledger) -> None:
    """One of its devices waits for a return on another order number."""
    ordered = ledger.order(order_row(1), order_row(2))
    ledger.settle(ordered, LineState.ENROLLED)
    (returned,) = ledger.order(instruction("RE", 1, order_number="RE-1"))
    voided = ledger.order(void("SO-0000"))
    assert ledger.eligible() == [returned]
    ledger.settle([returned], LineState.UNENROLLED)
    assert ledger.eligible() == voided


def test_an_order_that_is_made_anew_after_its_void_gets_its_turn(ledger: Ledger) -> None:
    """The new line belongs to the older order row, the void to a newer one: neither may wait for the other."""
    ledger.settle(ledger.order(order_row(1)), LineState.ENROLLED)
    voided = ledger.order(void("SO-0000"))
    anew = ledger.order(order_row(1, line_number="7"))
    assert ledger.eligible() == voided
    ledger.settle(voided, LineState.UNENROLLED)
    assert ledger.eligible() == anew


def test_a_provider_gets_its_own_lines_only(ledger: Ledger) -> None:
    with ledger.registry.transaction() as tx:
        tx.queries.set_customers([("C-1", "Example Schools", "bolt", "ORG-9")])
    (own,) = ledger.order(order_row(1))
    ledger.order(order_row(2, provider="bolt"))
    assert ledger.eligible() == [own]
    with ledger.registry.transaction() as tx:
        assert tx.claims.eligible_lines(PROVIDER, "SO-0001").num_rows == 0
        assert tx.claims.eligible_lines(PROVIDER, "SO-0000").num_rows == 1


def test_a_line_that_is_added_after_a_void_waits_for_it(ledger: Ledger) -> None:
    """Sent before the void, it would be voided with the order."""
    ordered = ledger.order(order_row(1))
    voided = ledger.order(void("SO-0000"))
    added = ledger.order(order_row(2))
    assert ledger.eligible() == ordered
    ledger.settle(ordered, LineState.ENROLLED)
    assert ledger.eligible() == voided
    ledger.settle(voided, LineState.UNENROLLED)
    assert ledger.eligible() == added
