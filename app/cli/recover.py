"""`muster recover`: a registry that was restored from a backup goes back to work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exit_codes import ExitCode
from app.cli.release import release
from app.cli.state import Json, command, group, guarded

if TYPE_CHECKING:
    from rich.console import Console

    from app.recovering import Plan

_WORD = "recover"
_NAMES_SHOWN = 20
_SUMMARY = "Let a registry that was restored from a backup work again."
_HELP = f"""\b
  $ muster recover
  $ muster recover --reason "restored the backup of Monday"
  $ muster recover release acme --sent acme-has.csv

{_SUMMARY}

Without --reason it only shows what was found. Sequence numbers that may have been used are skipped, order files that
only the archive knows are put into the inbox, and each provider that may have been sent something since is held:
nothing leaves for it before `muster recover release`. You are asked to type the word recover; in a script give it as
--confirm.
"""


def register(app: typer.Typer) -> None:
    recovering = group("recover", _HELP)
    recovering.info.short_help = _SUMMARY
    recovering.info.no_args_is_help = False
    recovering.callback(invoke_without_command=True)(guarded(recover))
    command(
        recovering,
        "release",
        "Let a held provider go on, once it has said what it has.",
        "muster recover release acme --sent acme-has.csv",
        'muster recover release acme --sent acme-has.csv --reason "their e-mail"',
        'muster recover release acme --none-sent --reason "asked by phone"',
        more="Without --reason it only shows what would become of the lines that wait. The file has one order number "
        "on each line, or order,serial. What it names goes to review, all else is sent. You are asked to type the "
        "provider's name; in a script give it as --confirm.",
    )(release)
    app.add_typer(recovering)


def recover(
    ctx: typer.Context,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)
    ] = "",
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="WORD", help="The word recover.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    from adapters.settings import actor
    from app.cli.screen import messages, print_json, results
    from app.recovering import look
    from app.recovering import recover as carry_out

    if ctx.invoked_subcommand is not None:
        return
    with ctx.obj.muster() as app:
        plan = look(app)
        if as_json:
            print_json({"plan": plan})
        else:
            _show(results(), plan)
        if not plan.lacking:
            raise typer.Exit(ExitCode.NOTHING)
        if not reason.strip():
            return
        if not confirm and messages().is_terminal and sys.stdin.isatty():
            confirm = typer.prompt(f"Type {_WORD} to go on", err=True)
        if confirm != _WORD:
            raise typer.BadParameter(f"must be the word {_WORD}", param_hint="--confirm")
        carry_out(app, plan, actor(), reason)
    messages().print("Recovered. Next: muster run order_dispatch, then muster status.")
    for name in plan.doubted:
        messages().print(f"{name} is held: ask what it has, then muster recover release {name}")


def _show(screen: Console, plan: Plan) -> None:
    from app.cli.screen import plural, table

    if not plan.lacking:
        screen.print("The registry knows everything that was noted outside it: there is nothing to recover.")
        return
    screen.print("The registry has forgotten:", style="bold red")
    for what in plan.lacking:
        screen.print(f"  {what}", markup=False)
    rows = [(name, item.here, item.used, item.used + 1) for name, item in plan.numbers.items()]
    screen.print(table(["Provider", "Sequence on record", "Perhaps used", "Next"], rows))
    for provider, names in plan.held.items():
        screen.print(f"{provider} holds {plural(len(names), 'file')}", markup=False)
        for name in names[:_NAMES_SHOWN]:
            screen.print(f"  {name}", markup=False)
    for provider, why in plan.away.items():
        screen.print(f"{provider} could not be asked: {why}", style="bold red", markup=False)
    if plan.doubted:
        screen.print(f"to be held until it is known what they were sent: {', '.join(plan.doubted)}", markup=False)
    screen.print(f"{plural(len(plan.orders), 'order file')} in the archive that the registry does not know")
