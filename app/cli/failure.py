"""How an error looks to the person at the terminal: one line what, one line how."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from app.cli.exit_codes import ExitCode
from app.cli.screen import clean, messages
from jobs.causes import system_error
from jobs.errors import ConfigurationFaulty, MusterError

_HINT = "Run it again as `muster --debug …` to see where it happened, and report it"


@contextmanager
def reported(debug: bool) -> Iterator[None]:
    """Show an error and end with FAILED; the traceback only with `debug`."""
    _set_up_logging(debug)
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except Exception as error:
        if debug:
            traceback.print_exc(file=sys.stderr)
        show(error)
        raise typer.Exit(ExitCode.FAILED) from None


def show(error: Exception) -> None:
    """What went wrong and what to do, on standard error."""
    what, how = explain(error)
    screen = messages()
    screen.print(f"Error: {clean(what)}", style="bold red", soft_wrap=True)
    if how:
        screen.print(f"  Do:  {clean(how)}", soft_wrap=True)


def explain(error: Exception) -> tuple[str, str]:
    """(what, how). A text that may hold data, such as that of a database error, is not shown."""
    if isinstance(error, OSError):
        error = system_error(error)
    if isinstance(error, ConfigurationFaulty):
        faults = list(error.facts.get("faults", ()))  # type: ignore[call-overload]  # facts are objects; this is a list
        if len(faults) == 1:
            return f"{faults[0].path} {faults[0].what}", faults[0].remedy
    if isinstance(error, MusterError):
        return f"{error.what} [{error.code}]", error.remedy
    if "SimulatorError" in {kind.__name__ for kind in type(error).__mro__}:
        return str(error), ""
    return f"unexpected {type(error).__name__}", _HINT


def _set_up_logging(debug: bool) -> None:
    """Libraries log what their errors say, too; that is of use only for finding a fault."""
    if debug:
        logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    elif not logging.getLogger().handlers:
        logging.getLogger().addHandler(logging.NullHandler())
