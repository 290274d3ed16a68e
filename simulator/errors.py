"""What can go wrong on the partner's side. Nothing here is shared with Muster's own errors."""

from __future__ import annotations

from collections.abc import Sequence


class SimulatorError(Exception):
    """The simulator cannot do what was asked; the text says why."""


class PlanFaulty(SimulatorError):
    """The behaviour plan cannot be used; `faults` names every wrong key."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("the plan is faulty: " + "; ".join(faults))
        self.faults = tuple(faults)


class MessageRefused(SimulatorError):
    """An OpenPGP message that is not one good signature by the trusted partner, encrypted to us."""


class CipherFailed(SimulatorError):
    """gpg could not do its work; the text holds its status words."""
