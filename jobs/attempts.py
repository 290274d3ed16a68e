"""Attempts to deliver a batch, and what a look at the partner's folder proves about them.

While one attempt is unsettled, its batch is UNCERTAIN. A temporary file tells of its own attempt alone, and what is
not there tells nothing before the quiet time is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from jobs.ports import Final, Sight


class AttemptOutcome(StrEnum):
    """How an attempt ended; none while it is under way, or since its process died."""

    UNKNOWN = "UNKNOWN"  # unsettled: its file may have arrived, or may still
    NOT_SENT = "NOT_SENT"
    SENT = "SENT"  # its batch was proved sent, by this attempt or by another


@dataclass(frozen=True)
class Attempt:
    """One attempt. `asked_at`: when its rename was about to be asked for; without it none ever was."""

    id: int
    batch_id: int
    token: str
    started_at: datetime
    asked_at: datetime | None
    ended_at: datetime | None
    outcome: AttemptOutcome | None

    @property
    def unsettled(self) -> bool:
        return self.outcome in (None, AttemptOutcome.UNKNOWN)

    def may_be_under_way(self, now: datetime, quiet: timedelta) -> bool:
        """Whether its rename was asked for and may still be carried out."""
        return self.asked_at is not None and (self.ended_at is None or now < self.ended_at + quiet)


class Verdict(StrEnum):
    """What becomes of a batch in doubt."""

    SENT = "sent"
    NOT_SENT = "not sent"
    HELD = "held"
    OPEN = "open"  # held, or sent again where the provider's policy says so


@dataclass(frozen=True)
class Judgement:
    """`disproved`: attempts that certainly delivered nothing and never will."""

    verdict: Verdict
    disproved: tuple[Attempt, ...] = ()


def judge(attempts: Sequence[Attempt], sight: Sight, now: datetime, quiet: timedelta) -> Judgement:
    """What is proved about a batch in doubt, from its attempts and a look at the partner's folder."""
    if sight.final is Final.OURS:
        return Judgement(Verdict.SENT)
    unsettled = [attempt for attempt in attempts if attempt.unsettled]
    under_way = [attempt for attempt in unsettled if attempt.may_be_under_way(now, quiet)]
    disproved = tuple(
        attempt
        for attempt in unsettled
        if attempt.token in sight.parts
        and attempt not in under_way
        and (attempt.asked_at is None or sight.final is not Final.DOUBTFUL)
    )
    if unsettled and len(disproved) == len(unsettled):
        return Judgement(Verdict.NOT_SENT, disproved)
    may_send = sight.final is Final.ABSENT and not under_way
    return Judgement(Verdict.OPEN if may_send else Verdict.HELD, disproved)


class Attempts(Protocol):
    """The part of the registry port that keeps attempts. Implemented by `adapters.registry.attempts`."""

    def begin(self, batch_id: int, run_id: str, now: datetime) -> Attempt:
        """A new attempt, with a token that no other has."""

    def ask(self, attempt_id: int, now: datetime) -> None:
        """Its rename is about to be asked for."""

    def end(self, attempt_id: int, outcome: AttemptOutcome, now: datetime) -> None: ...

    def interrupt(self, batch_id: int, now: datetime) -> int:
        """End the attempts of processes that died, outcome unknown; returns how many."""

    def prove_sent(self, batch_id: int, now: datetime) -> None:
        """The batch was proved sent: no attempt of it is unsettled any more."""

    def of_batch(self, batch_id: int) -> list[Attempt]:
        """Oldest first."""

    def leftovers(self, provider: str) -> list[tuple[Attempt, str]]:
        """Attempts whose temporary file may lie there, of batches without an unsettled one; with the file name."""

    def clear(self, attempt_id: int) -> None:
        """Its temporary file is gone, or not ours to remove."""
