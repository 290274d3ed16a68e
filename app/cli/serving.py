"""Commands that serve: the console, the simulator, the demo; and the pools of Airflow."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.state import command
from jobs.errors import Setup
from jobs.names import unknown

_IDENTITY = "identity.json"


class NoSimulator(Setup):
    code = "NO_SIMULATOR"
    remedy = "Make one with `muster init --simulator NAME`"


def register(app: typer.Typer) -> None:
    command(
        app,
        "console",
        "Start the Airflow console on this machine.",
        "muster console",
        "muster console --port 8090 --simulate acme",
        more="It runs until Ctrl-C and leaves nothing behind. --simulate starts that provider's simulator beside it.",
    )(console)
    command(
        app,
        "simulate",
        "Play a provider to test against.",
        "muster simulate acme",
        "muster simulate acme --plan faults.toml",
        more="It runs until Ctrl-C. Its address and keys are the one JSON line on standard output.",
    )(simulate)
    command(
        app,
        "demo",
        "Show the whole round: orders in, devices enrolled.",
        "muster demo",
        "muster demo --devices 10000 --stay",
        more="It makes a workspace and a simulated provider of its own and reaches no other machine.",
    )(demo)
    command(
        app,
        "airflow-pools",
        "The Airflow pools of the providers, as JSON.",
        "muster airflow-pools > pools.json && airflow pools import pools.json",
    )(airflow_pools)


def console(
    ctx: typer.Context,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="PORT", help="Default: the one in muster.toml.", show_default=False, min=0, max=65535
        ),
    ] = 0,
    simulate: Annotated[
        list[str] | None,
        typer.Option("--simulate", metavar="NAME", help="Start this provider's simulator, too.", show_default=False),
    ] = None,
) -> None:
    from app.cli.screen import messages
    from app.console import Console, Stopped

    workspace, settings = ctx.obj.workspace, ctx.obj.settings()
    companions = {}
    for name in simulate or ():
        home = workspace.simulator / settings.provider(name).name
        if not (home / _IDENTITY).exists():
            raise NoSimulator(f"provider {name!r} has no simulator in this workspace")
        companions[f"simulator-{name}"] = [sys.executable, "-m", "app.cli", "simulate", str(home)]
    wanted = port or settings.console.port
    pools = {provider.pool: 1 for provider in settings.providers}

    def say(text: str) -> None:
        messages().print(text, soft_wrap=True)

    try:
        with Console(workspace, wanted, pools=pools, companions=companions, say=say) as running:
            typer.echo(running.banner)
            running.stay()
    except Stopped as stopped:
        say("The console has stopped.")
        raise typer.Exit(128 + stopped.number) from None


def simulate(
    ctx: typer.Context,
    home: Annotated[
        str, typer.Argument(metavar="NAME", help="The provider it plays, or its folder.", show_default=False)
    ],
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", help="0: that of its last run, else any.", min=0, max=65535)
    ] = 0,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="How it behaves (TOML).", exists=True, dir_okay=False, show_default=False
        ),
    ] = None,
) -> None:
    from simulator import run

    run(_simulator(ctx.obj.workspace.simulator, home), host, port, plan)


def _simulator(folder: Path, name: str) -> Path:
    """The home of the simulator of that name, or in that folder. Raises NotFound."""
    for home in (folder / name, Path(name)):
        if (home / _IDENTITY).exists():
            return home
    raise unknown("home of a simulator", name, (path.parent.name for path in folder.glob(f"*/{_IDENTITY}")))


def demo(
    ctx: typer.Context,
    devices: Annotated[int, typer.Option("--devices", metavar="COUNT", help="How many devices.", min=1)] = 1000,
    stay: Annotated[bool, typer.Option("--stay", help="Keep the console running afterwards.")] = False,
) -> None:
    from rich.console import Console

    from app.demo import run_demo

    raise typer.Exit(run_demo(ctx.obj.workspace, devices, stay=stay, console=Console()))


def airflow_pools(ctx: typer.Context) -> None:
    from app.cli.screen import print_json

    print_json(
        {
            provider.pool: {
                "slots": 1,
                "description": f"One task at a time works with {provider.label}",
                "include_deferred": True,
            }
            for provider in ctx.obj.settings().providers
        }
    )
