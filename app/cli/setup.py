"""`muster init`, `muster check-config` and `muster doctor`: from nothing to an installation in order."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exit_codes import ExitCode
from app.cli.keys import CONTACT
from app.cli.state import Json, State, command
from jobs.errors import Setup

if TYPE_CHECKING:
    from adapters.settings import Workspace
    from app.doctor import Check


class NameTaken(Setup):
    code = "PROVIDER_TAKEN"
    remedy = "Choose another name for the simulator"


def register(app: typer.Typer) -> None:
    command(
        app,
        "init",
        "Make a workspace: folders, own keys, settings, registry.",
        'muster init --organisation "Example Ltd"',
        'muster init --organisation "Example Ltd" --simulator acme',
        more="What is there already stays as it is, so it may be run again at any time.",
    )(init)
    command(
        app,
        "check-config",
        "Every fault of muster.toml and providers/*.toml.",
        "muster check-config",
        "muster check-config --json",
    )(check_config)
    command(
        app,
        "doctor",
        "Check everything the jobs need, each with its fix.",
        "muster doctor",
        "muster doctor --offline --json",
        more="Checks gpg, keys, providers, registry, audit trail, disk and rights. Exit code 1 on a FAIL.",
    )(doctor)


def init(
    ctx: typer.Context,
    organisation: Annotated[
        str,
        typer.Option(
            "--organisation", metavar="NAME", help="Your name in reports and on your key.", show_default=False
        ),
    ] = "",
    email: Annotated[
        str, typer.Option("--email", metavar="ADDRESS", help="Stands on the key, for partners to see.")
    ] = CONTACT,
    simulator: Annotated[
        str,
        typer.Option("--simulator", metavar="NAME", help="Add a simulated provider of this name.", show_default=False),
    ] = "",
    registry_url: Annotated[
        str,
        typer.Option(
            "--registry-url",
            metavar="URL",
            help="The database, or env:NAME of a variable; else SQLite.",
            show_default=False,
        ),
    ] = "",
) -> None:
    from app.cli.keys import spaced
    from app.cli.screen import results, working
    from app.installing import initialise

    workspace = ctx.obj.workspace
    values = {"registry_url": _checked(registry_url)} if registry_url else {}
    with working("making keys"):
        made = initialise(workspace, organisation or f"Muster at {platform.node()}", values, email)
    with ctx.obj.registry(change=True):
        pass
    screen = results()
    what = "Made the workspace" if made.new else "The workspace is there already:"
    screen.print(f"{what} {workspace.home}", soft_wrap=True)
    screen.print(f"  settings   {workspace.config}", soft_wrap=True)
    screen.print(f"  our key    {spaced(made.fingerprint)}", soft_wrap=True)
    if simulator:
        _add_simulator(ctx.obj, workspace, simulator)
    _say_next(workspace, simulator)


def check_config(ctx: typer.Context, as_json: Json = False) -> None:
    from adapters.providers import KINDS
    from adapters.settings import check
    from app.cli.screen import plural, print_json, results

    faults = check(ctx.obj.workspace, KINDS)
    if as_json:
        print_json({"faults": faults})
    elif faults:
        screen = results()
        screen.print(plural(len(faults), "fault"), style="bold red")
        for fault in faults:
            screen.print(f"  {fault.path}", style="bold", soft_wrap=True)
            screen.print(f"    {fault.what}")
            screen.print(f"    Do: {fault.remedy}.")
    else:
        providers = len(ctx.obj.settings().providers)
        results().print(f"In order: muster.toml and {plural(providers, 'provider file')}.", style="green")
    if faults:
        raise typer.Exit(ExitCode.FAILED)


def doctor(
    ctx: typer.Context,
    offline: Annotated[bool, typer.Option("--offline", help="Connect to no provider.")] = False,
    as_json: Json = False,
) -> None:
    from app.cli.screen import print_json
    from app.doctor import Status, examine

    checks: list[Check] = []
    for check in examine(ctx.obj.workspace, offline=offline):
        checks.append(check)
        if not as_json:
            _show_check(check)
    if as_json:
        print_json({"checks": checks})
    else:
        _show_sum(checks)
    if any(check.status is Status.FAIL for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def _checked(registry_url: str) -> str:
    """Refused before it is written down: a URL with a password, or of another database."""
    from adapters.settings.faults import Wrong
    from adapters.settings.model import Config
    from adapters.settings.rules import RULES

    try:
        RULES[Config, "registry_url"](registry_url)
    except Wrong as wrong:
        raise typer.BadParameter(f"{wrong.what}. {wrong.remedy}.", param_hint="--registry-url") from None
    return registry_url


def _show_check(check: Check) -> None:
    """At once: a provider that does not answer takes its time."""
    from rich.text import Text

    from app.cli.screen import clean, results, state

    screen = results()
    screen.print(Text.assemble(state(f"{check.status}"), " " * (6 - len(check.status)), (check.name, "bold")), end="")
    screen.print(f": {clean(check.what)}", soft_wrap=True)
    if check.fix:
        screen.print(f"      Do: {clean(check.fix)}", soft_wrap=True)


def _show_sum(checks: list[Check]) -> None:
    from app.cli.screen import plural, results
    from app.doctor import Status

    counts = {status: sum(1 for check in checks if check.status is status) for status in Status}
    parts = [f"{counts[status]} {status}" for status in Status if counts[status]]
    results().print(f"{plural(len(checks), 'check')}: {', '.join(parts)}", style="bold")


def _add_simulator(state: State, workspace: Workspace, name: str) -> None:
    from app.cli.screen import results
    from app.installing import connect_simulator
    from app.loopback import free_port
    from simulator import SimulatorHome

    place = workspace.simulator / name
    provider = workspace.providers / f"{name}.toml"
    if provider.exists() and not place.exists():
        raise NameTaken(f"there is a provider {name!r} already, and it is no simulator")
    if provider.exists():
        results().print(f"  simulator  {place} (there already)", soft_wrap=True)
        return
    home = SimulatorHome.create(place, name)
    port = home.last_port or free_port()
    home.remember_port(port)
    connect_simulator(workspace, home, name, {"title": f"{name} (simulator)"}, port)
    results().print(f"  simulator  {place}, port {port}", soft_wrap=True)
    results().print(f"  provider   {provider}", soft_wrap=True)


def _say_next(workspace: Workspace, simulator: str) -> None:
    from app.cli.screen import results

    screen = results()
    screen.print("\nNext:", style="bold")
    if simulator:
        screen.print(f"  muster simulate {workspace.simulator / simulator}   (in another terminal)", soft_wrap=True)
    else:
        screen.print(f"  write a provider's file into {workspace.providers}, then", soft_wrap=True)
        screen.print("  muster check-config")
    screen.print("  muster doctor")
    screen.print("  muster customers import customers.csv")
    screen.print(f"  put order files into {workspace.inbox}, then", soft_wrap=True)
    screen.print("  muster run order_dispatch")
