"""What people read of a run: the line of a step, and the provider's messages in a workflow event."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from formats.enrolment import Level, Outcome
from jobs.resolution import Decision
from jobs.response import notes
from jobs.runs import RunStatus
from jobs.states import LineState
from jobs.work import Work


def decisions(code: str | None, message: str | None, number: int) -> list[Decision]:
    return [Decision(1, Level.DEVICE, Outcome.REJECTED, LineState.REJECTED, code, message)] * number


def test_messages_are_counted_and_the_most_frequent_comes_first() -> None:
    members = [*decisions("DE-1", "unknown", 2), *decisions("DE-2", "taken", 3), *decisions("DE-1", "other", 2)]
    assert notes(members, 2_000).splitlines() == [
        "DE-2: taken (3 devices)",
        "DE-1: unknown (2 devices)",
        "DE-1: other (2 devices)",
    ]


def test_notes_that_fit_exactly_are_whole() -> None:
    members = [*decisions("DE-1", "unknown", 2), *decisions("DE-2", "taken", 2)]
    whole = notes(members, 2_000)
    assert notes(members, len(whole)) == whole
    assert notes(members, len(whole) - 1) != whole
    assert notes([], 100) == ""


def test_one_long_message_is_cut_with_a_mark() -> None:
    cut = notes(decisions("DE-1", "x" * 500, 1), 100)
    assert (len(cut), cut[:8], cut[-1]) == (100, "DE-1: xx", "…")


MEMBERS = st.lists(
    st.tuples(st.none() | st.text("ab", max_size=3), st.none() | st.text("xy ", max_size=150), st.integers(1, 3)),
    max_size=12,
)


@given(MEMBERS, st.integers(100, 400))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_notes_keep_to_the_limit(groups: list[tuple[str | None, str | None, int]], limit: int) -> None:
    assert len(notes([item for group in groups for item in decisions(*group)], limit)) <= limit


def test_notes_are_cut_between_notes() -> None:
    members = [item for number in range(9) for item in decisions(f"DE-{number}", "m" * 20, 9 - number)]
    whole = notes(members, 2_000).splitlines()
    for limit in range(100, 300):
        *kept, last = notes(members, limit).splitlines()
        assert kept == whole[: len(kept)]
        assert last == f"… and {len(whole) - len(kept)} more"


@pytest.mark.parametrize(
    ("done", "failed", "status"),
    [(0, 0, RunStatus.NOTHING), (2, 0, RunStatus.DONE), (2, 1, RunStatus.PARTLY), (0, 1, RunStatus.PARTLY)],
)
def test_how_a_step_ended(done: int, failed: int, status: RunStatus) -> None:
    assert Work("load", done=done, failed=failed).step("idle").status is status


def test_counts_add_up_and_are_shown_after_the_notes() -> None:
    work = Work("load", done=1)
    work.count({"rows read": 1_200, "rows failed": 1})
    work.count({"rows read": 34})
    work.notes.append("a.csv set aside")
    step = work.step("nothing to load")
    assert (step.name, step.done, dict(step.counts)) == ("load", 1, {"rows read": 1_234, "rows failed": 1})
    assert step.message == "a.csv set aside; rows read 1,234, rows failed 1"


def test_a_step_without_work_says_so_and_a_note_is_never_lost() -> None:
    assert Work("load").step("nothing to load").message == "nothing to load"
    assert Work("load", notes=["the provider is switched off"]).step("idle").message == "the provider is switched off"
