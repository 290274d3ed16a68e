"""What the options before the command say, and the ways a command reaches the installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from adapters.registry.registry import Registry
    from adapters.settings import Settings, Workspace
    from app.bootstrap import Muster


@dataclass(frozen=True)
class State:
    """The options before the command."""

    home: Path | None = None
    debug: bool = False

    @property
    def workspace(self) -> Workspace:
        from adapters.settings import Workspace

        return Workspace.find(self.home)

    def settings(self) -> Settings:
        """Raises ConfigurationFaulty."""
        from adapters.providers import KINDS
        from adapters.settings import load

        return load(self.workspace, KINDS)

    @contextmanager
    def muster(self) -> Iterator[Muster]:
        """The whole application, for commands that do work."""
        from app.bootstrap import Muster

        with Muster.open(self.workspace) as app:
            yield app

    @contextmanager
    def registry(self, change: bool = False) -> Iterator[tuple[Registry, Settings]]:
        """The registry alone: it needs no keys and starts faster.

        With `change` its schema is brought up to date first, which waits for writers; reading does not.
        """
        from adapters.registry.registry import Registry
        from adapters.settings import registry_url

        settings = self.settings()
        registry = Registry(registry_url(settings, self.workspace).reveal())
        try:
            if change:
                registry.migrate()
            yield registry, settings
        finally:
            registry.close()


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def group(name: str, summary: str) -> typer.Typer:
    """A group of commands, such as `muster batch …`."""
    return typer.Typer(name=name, help=summary, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


def command(
    app: typer.Typer, name: str, summary: str, *examples: str, more: str = ""
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command. Its help shows the examples first; its errors are shown as what + how."""
    shown = "\n".join(f"  $ {example}" for example in examples)
    text = "\n\n".join(part for part in (f"\b\n{shown}", summary, more) if part)

    def register(function: Callable[..., None]) -> Callable[..., None]:
        app.command(name, help=text, short_help=summary)(guarded(function))
        return function

    return register


def by_default(app: typer.Typer, function: Callable[[typer.Context], None]) -> None:
    """Let a group without a command do this."""

    def default(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            function(ctx)

    app.info.invoke_without_command = True
    app.info.no_args_is_help = False
    app.callback(invoke_without_command=True)(guarded(default))


def guarded(function: Callable[..., None]) -> Callable[..., None]:
    """The function, its errors shown as what + how."""

    @wraps(function)
    def reporting(ctx: typer.Context, **arguments: Any) -> None:
        from app.cli.failure import reported

        with reported(debug=ctx.obj.debug):
            function(ctx, **arguments)

    return reporting
