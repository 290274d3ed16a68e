"""The reference page `docs/cli.md`, made from the commands' own help: `python -m app.cli.reference`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import typer

from app.cli.app import app

_WIDTH = 80
_INTRODUCTION = """\
# The command line

Made from the commands' own help by `python -m app.cli.reference > docs/cli.md`; a test holds the two equal.
"""


def reference() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    for path, text in helps():
        parts.append(f"## {path}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def helps() -> Iterator[tuple[str, str]]:
    """Every command and group: its full name and its help."""
    yield from _helps(typer.main.get_command(app), "muster", None)


def _helps(command: Any, name: str, parent: typer.Context | None) -> Iterator[tuple[str, str]]:
    context = typer.Context(command, info_name=name, parent=parent, terminal_width=_WIDTH)
    lines = command.get_help(context).splitlines()
    yield context.command_path, "\n".join(line.rstrip() for line in lines)
    for child, below in getattr(command, "commands", {}).items():
        yield from _helps(below, child, context)


if __name__ == "__main__":
    sys.stdout.write(reference())
