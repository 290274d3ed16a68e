"""The Typer application: the options before the command, and every group of commands.

Modules of commands import what is heavy inside their functions, so that help is there at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli import (
    archive,
    batches,
    customers,
    device,
    jobs,
    keys,
    lines,
    records,
    recover,
    serving,
    setup,
    standing,
    templates,
    upload,
    uploaders,
    uploads,
)
from app.cli.state import State

_HELP = """Enrol hardware devices in bulk: order files in, encrypted batches out, answers back.

\b
  $ muster init --simulator acme                          first steps
  $ muster run device_enrolment_request --provider acme   do the work
  $ muster status                                         see how it stands
  $ muster where 356938035643809                          follow one device

The workspace is the folder of --home, else of MUSTER_HOME, else .muster in the current folder.

\b
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing to do, 4 partly failed,
            130 stopped by Ctrl-C.
Results go to standard output, messages to standard error.
"""

app = typer.Typer(
    name="muster",
    help=_HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"muster {version('muster')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="FOLDER", help="The workspace.", show_default=False)
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and what libraries log.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    ctx.obj = State(home, debug)


setup.register(app)
jobs.register(app)
standing.register(app)
device.register(app)
lines.register(app)
templates.register(app)
upload.register(app)
uploads.register(app)
uploaders.register(app)
batches.register(app)
customers.register(app)
keys.register(app)
records.register(app)
archive.register(app)
recover.register(app)
serving.register(app)
