"""What a look at the partner's folder proves about each attempt, for every combination."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from jobs.attempts import Attempt, AttemptOutcome, Verdict, judge
from jobs.ports import Final, Sight
from jobs.providers import Keys, Provider, SftpSettings

NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
QUIET = timedelta(minutes=5)
LONG_AGO = NOW - QUIET
JUST_NOW = NOW - QUIET + timedelta(seconds=1)

# asked for its rename, ended: of an attempt whose outcome nobody knows
NEVER_ASKED = (None, JUST_NOW)
MAY_COME = (JUST_NOW, JUST_NOW)
RUNNING = (LONG_AGO, None)
OVER = (LONG_AGO, LONG_AGO)


def attempt(number: int, facts: tuple[datetime | None, datetime | None]) -> Attempt:
    asked, ended = facts
    outcome = None if ended is None else AttemptOutcome.UNKNOWN
    return Attempt(number, 7, f"token{number}", LONG_AGO, asked, ended, outcome)


def settled(number: int, outcome: AttemptOutcome) -> Attempt:
    return Attempt(number, 7, f"token{number}", LONG_AGO, LONG_AGO, LONG_AGO, outcome)


HELD, OPEN, NOT_SENT, SENT = Verdict.HELD, Verdict.OPEN, Verdict.NOT_SENT, Verdict.SENT


@pytest.mark.parametrize(
    ("facts", "part", "absent", "other", "doubtful"),
    [
        (NEVER_ASKED, True, NOT_SENT, NOT_SENT, NOT_SENT),
        (NEVER_ASKED, False, OPEN, HELD, HELD),
        (MAY_COME, True, HELD, HELD, HELD),
        (MAY_COME, False, HELD, HELD, HELD),
        (RUNNING, True, HELD, HELD, HELD),
        (RUNNING, False, HELD, HELD, HELD),
        (OVER, True, NOT_SENT, NOT_SENT, HELD),
        (OVER, False, OPEN, HELD, HELD),
    ],
)
def test_what_a_look_proves(
    facts: tuple[datetime | None, datetime | None], part: bool, absent: Verdict, other: Verdict, doubtful: Verdict
) -> None:
    """About one attempt, with its temporary file or without, by what lies under the final name."""
    parts = frozenset({"token1"} if part else ())
    expected = {Final.ABSENT: absent, Final.OTHER: other, Final.DOUBTFUL: doubtful, Final.OURS: SENT}
    for final, verdict in expected.items():
        assert judge([attempt(1, facts)], Sight(final, parts), NOW, QUIET).verdict is verdict, final
        # a temporary file of another attempt, and attempts that were settled, change nothing
        others = [settled(2, AttemptOutcome.NOT_SENT), attempt(1, facts)]
        sight = Sight(final, parts | {"token2", "token9"})
        assert judge(others, sight, NOW, QUIET).verdict is verdict, final


@pytest.mark.parametrize("final", [final for final in Final if final is not Final.OURS])
def test_two_attempts_are_settled_only_by_their_own_temporary_files(final: Final) -> None:
    """Whatever one attempt left, the batch is not proved unsent while the other is in doubt."""
    kinds = (NEVER_ASKED, MAY_COME, RUNNING, OVER)
    for first, second, parts in product(kinds, kinds, ((), ("token1",), ("token2",), ("token1", "token2"))):
        attempts = [attempt(1, first), attempt(2, second)]
        found = judge(attempts, Sight(final, frozenset(parts)), NOW, QUIET)
        alone = [judge([item], Sight(final, frozenset(parts)), NOW, QUIET) for item in attempts]
        assert {item.id for item in found.disproved} == {item.id for one in alone for item in one.disproved}
        assert (found.verdict is NOT_SENT) == all(one.verdict is NOT_SENT for one in alone)
        assert (found.verdict is OPEN) == (
            OPEN in (one.verdict for one in alone) and all(one.verdict in (OPEN, NOT_SENT) for one in alone)
        )


def test_a_batch_without_an_attempt_on_record_is_never_proved_unsent() -> None:
    """One in doubt from before attempts were recorded."""
    assert judge([], Sight(Final.ABSENT), NOW, QUIET).verdict is OPEN
    assert judge([], Sight(Final.OURS), NOW, QUIET).verdict is SENT


@pytest.mark.parametrize(("timeout", "expected"), [(30, 300), (60, 300), (68, 302), (600, 2_430)])
def test_the_quiet_time_is_longer_than_the_channel_waits(timeout: int, expected: int) -> None:
    sftp = SftpSettings("sftp.example.com", "us", (), "env:UNUSED", timeout=timedelta(seconds=timeout))
    assert Provider("acme", "generic", Keys((), ()), sftp=sftp).quiet == timedelta(seconds=expected)
