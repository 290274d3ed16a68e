"""Environment variables: the one module that reads them.

`MUSTER_HOME` is the workspace, `MUSTER_ACTOR` the name the audit trail shows, `NO_COLOR` plain output.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

_ACTOR_LENGTH = 100


@dataclass(frozen=True)
class Environment:
    """What the environment says about this process; None where it says nothing."""

    home: Path | None
    actor: str | None
    no_color: bool


def environment() -> Environment:
    """The environment as it is now."""
    home = os.environ.get("MUSTER_HOME", "")
    return Environment(
        home=Path(home) if home else None,
        actor=_printable(os.environ.get("MUSTER_ACTOR", "")) or None,
        no_color=bool(os.environ.get("NO_COLOR")),
    )


def actor() -> str:
    """Who acts, for the audit trail: MUSTER_ACTOR, else the name of the operating system's user."""
    return environment().actor or _user()


def variable(name: str) -> str | None:
    """One variable by name; None if it is not set."""
    return os.environ.get(name)


def variables(prefix: str) -> dict[str, str]:
    """All variables whose names begin with `prefix`."""
    return {name: value for name, value in os.environ.items() if name.startswith(prefix)}


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may run under a number without a name
        return f"uid{os.geteuid()}"


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:_ACTOR_LENGTH]
