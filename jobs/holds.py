"""A provider that is held: its registry was restored from a backup, and what it has been sent since is not known.

Nothing is sealed and nothing leaves until a person has said what the provider has (`jobs.release`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from jobs.errors import ProviderHeld


@dataclass(frozen=True)
class Hold:
    """`skipped`: first and last of the sequence numbers that were skipped, if any were.

    `found`: names of theirs that lay at the provider when the registry recovered.
    """

    provider: str
    since: datetime
    reason: str
    by: str
    skipped: tuple[int, int] | None = None
    found: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnsentLine:
    """An order line that waits, or lies in the sealed batch of that number."""

    line_id: int
    order_id: int
    order_number: str
    request_type: str
    identifiers: tuple[str, ...]
    batch: str | None


class Holds(Protocol):
    """The part of the registry port that keeps holds. Implemented by `adapters.registry.holds`."""

    def place(self, hold: Hold) -> None:
        """Hold the provider; one that is held already goes on being held, with what was found both times."""

    def of(self, provider: str) -> Hold | None: ...

    def all(self) -> list[Hold]:
        """By provider."""

    def lift(self, provider: str) -> None: ...

    def unsent(self, provider: str) -> list[UnsentLine]:
        """Every line of the provider that waits or lies in a sealed batch, by order and line."""

    def order_numbers(self, provider: str) -> set[str]:
        """Of every order of the provider."""


def must_not_be_held(holds: Holds, provider: str) -> None:
    """Raises ProviderHeld."""
    hold = holds.of(provider)
    if hold is not None:
        since = f"{hold.since:%Y-%m-%dT%H:%M:%SZ}"
        raise ProviderHeld(f"{provider} is held since {since}: {hold.reason}", provider=provider)
