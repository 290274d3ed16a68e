"""Questions before something is changed for good: typed answers at a terminal, options in a script."""

from __future__ import annotations

import sys

import typer

from app.cli.screen import messages


def can_ask() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and messages().is_terminal


def must_type(expected: str, given: str, to: str) -> None:
    """Have `expected` typed (`given` is what --confirm holds). Raises BadParameter when it is something else."""
    if not given and can_ask():
        given = typer.prompt(f"Type {expected} to {to}", err=True)
    if given != expected:
        raise typer.BadParameter(f"must be {expected}, typed once more", param_hint="--confirm")


def must_say_why(reason: str) -> None:
    """Raises BadParameter for an empty reason."""
    if not reason.strip():
        raise typer.BadParameter("must say why", param_hint="--reason")
