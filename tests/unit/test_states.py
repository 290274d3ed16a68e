"""The states: no transition but those of the design, and none out of an end."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from jobs.states import (
    AWAITING_ANSWER,
    BATCH_TRANSITIONS,
    BUCKETS,
    REFUSED_BUCKET,
    UNCERTAIN_BUCKET,
    BatchState,
    LineState,
)

S = BatchState
ENDS = {S.CLOSED, S.CANCELLED}
SENDABLE = {S.CREATING, S.SEALED}


def before(state: BatchState) -> set[BatchState]:
    return {origin for origin, ways in BATCH_TRANSITIONS.items() if state in ways}


def reachable(start: BatchState) -> set[BatchState]:
    found: set[BatchState] = set()
    todo = [start]
    while todo:
        for state in BATCH_TRANSITIONS[todo.pop()] - found:
            found.add(state)
            todo.append(state)
    return found


def test_the_table_is_closed() -> None:
    assert set(BATCH_TRANSITIONS) == set(BatchState)
    assert set().union(*BATCH_TRANSITIONS.values()) <= set(BatchState)
    assert all(state not in ways for state, ways in BATCH_TRANSITIONS.items())


def test_there_is_no_way_out_of_an_end_and_a_way_to_one_from_everywhere_else() -> None:
    assert {state for state, ways in BATCH_TRANSITIONS.items() if not ways} == ENDS
    assert all(reachable(state) & ENDS for state in set(BatchState) - ENDS)
    assert reachable(S.CREATING) == set(BatchState) - {S.CREATING}


def test_sending_comes_only_after_sealing() -> None:
    assert before(S.SENDING) == {S.SEALED}
    assert before(S.CREATING) == set()
    assert before(S.SENT) == {S.SENDING, S.UNCERTAIN}
    assert before(S.UNCERTAIN) == {S.SENDING, S.SEALED}  # sealed: in a registry restored from a backup


def test_a_batch_is_cancelled_only_before_it_is_sent() -> None:
    assert before(S.CANCELLED) <= SENDABLE
    assert S.CANCELLED not in reachable(S.SENT)
    assert S.CANCELLED not in reachable(S.ANSWERED)


def test_nothing_that_was_sent_is_sent_again() -> None:
    """Back to SEALED, and so to a second sending, leads only from where nothing was proved."""
    assert before(S.SEALED) == {S.CREATING, S.SENDING, S.UNCERTAIN}
    for state in (S.SENT, S.ANSWERED, S.CLOSED):
        assert S.SENDING not in reachable(state)


def test_answers_have_effect_only_where_they_can_move_the_batch_on() -> None:
    assert set(AWAITING_ANSWER) == {S.SENT, S.UNCERTAIN, S.ANSWERED}
    assert all(S.CLOSED in BATCH_TRANSITIONS[state] for state in AWAITING_ANSWER)
    assert before(S.ANSWERED) | before(S.CLOSED) == set(AWAITING_ANSWER)


def test_every_line_state_is_one_bucket() -> None:
    assert len(BUCKETS) == len(set(BUCKETS))
    assert set(BUCKETS) == {*LineState, UNCERTAIN_BUCKET, REFUSED_BUCKET}


class Batches(RuleBasedStateMachine):
    """Walks the table at random."""

    @initialize()
    def create(self) -> None:
        self.path = [BatchState.CREATING]

    @precondition(lambda self: bool(BATCH_TRANSITIONS[self.path[-1]]))
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        self.path.append(data.draw(st.sampled_from(sorted(BATCH_TRANSITIONS[self.path[-1]]))))

    @precondition(lambda self: not BATCH_TRANSITIONS[self.path[-1]])
    @rule()
    def stay(self) -> None:
        assert self.path[-1] in ENDS

    @invariant()
    def a_delivered_batch_is_never_sent_or_cancelled(self) -> None:
        delivered = [place for place, state in enumerate(self.path) if state in (S.SENT, S.ANSWERED)]
        if delivered:
            assert not {S.SENDING, S.SEALED, S.CANCELLED} & set(self.path[delivered[0] :])

    @invariant()
    def sending_follows_sealing(self) -> None:
        assert all(self.path[place - 1] is S.SEALED for place, state in enumerate(self.path) if state is S.SENDING)


TestBatches = Batches.TestCase
TestBatches.settings = settings(max_examples=60, stateful_step_count=15, deadline=None, derandomize=True)
