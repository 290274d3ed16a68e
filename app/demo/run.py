"""The demo from beginning to end."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from rich.console import Console

from adapters.registry.engine import make_engine
from adapters.registry.registry import Registry
from adapters.settings import Workspace
from app.console import Console as AirflowConsole
from app.console import Stopped
from app.console.signals import StopSignals
from app.demo.flow import Flow, await_dags
from app.demo.ledger import Ledger
from app.demo.orders import CUSTOMERS, PROVIDER, Dispatch, make_dispatch
from app.demo.stage import Stage, set_up
from app.demo.steps import Steps
from app.demo.summary import Outcome, show
from app.loopback import free_port

_NEXT = """
  Next:  {program} where {serial}
         {program} console --simulate {provider}   to see the runs in Airflow
"""


def run_demo(workspace: Workspace, devices: int, *, stay: bool = False, console: Console) -> int:
    """Enrol `devices` devices at the simulated provider through Airflow, and show what became of each.

    Returns 0 if every row ended where it must, 1 if not, and 128 + n after the stop signal n. With `stay`
    the system then goes on running until a stop signal. Raises MusterError if it cannot be done at all.
    """
    workspace = Workspace(workspace.home.absolute())
    console.print(f"\n[bold]Muster demo[/]: {devices:,} devices ordered, enrolled and returned, through Airflow")
    console.print(f"Everything it makes lies in {workspace.home}\n", markup=False, highlight=False, soft_wrap=True)
    try:
        with StopSignals():
            return _run(workspace, make_dispatch(devices), stay, console)
    except Stopped as stopped:
        console.print("\nStopped, and all that was started. Run it again: it goes on where it was.")
        return 128 + stopped.number


def _run(workspace: Workspace, dispatch: Dispatch, stay: bool, console: Console) -> int:
    steps = Steps(console)
    with steps.step("Set-up") as step:
        stage = set_up(workspace, dispatch.rows, scheduled=stay)
        made = "made" if stage.new else "found"
        step.result = f"{made}: keys of both sides, provider {PROVIDER}, {len(CUSTOMERS)} customers"
    engine = make_engine(stage.registry_url)
    ledger = Ledger(engine, hashlib.sha256(dispatch.data).hexdigest())
    done_before = ledger.is_loaded() and ledger.open_lines() == 0
    before = ledger.sizes() if done_before else None
    try:
        port = stage.settings.console.port if stay else free_port(0)
        with _airflow(stage, port, steps) as airflow:
            allowance = 1_800 + dispatch.rows / 10  # a loaded machine takes long, and is no reason to give up
            Flow(stage, airflow, ledger, steps, allowance).exchange(dispatch)
            if stay:
                code = _show(stage, dispatch, ledger, before, console)
                with suppress(Stopped):
                    console.print(f"\n{airflow.banner}\n", markup=False, soft_wrap=True)
                    airflow.stay()
                return code
        code = _show(stage, dispatch, ledger, before, console)
        next_commands = _NEXT.format(program=_program(), serial=dispatch.example, provider=PROVIDER)
        console.print(next_commands, markup=False, highlight=False, soft_wrap=True)
        return code
    finally:
        engine.dispose()


@contextmanager
def _airflow(stage: Stage, port: int, steps: Steps) -> Iterator[AirflowConsole]:
    """Airflow with the simulator beside it, stopped at the end of the block."""
    pools = {provider.pool: 1 for provider in stage.settings.providers}
    companions = {"simulator": stage.command}
    with ExitStack() as running:
        with steps.step("Airflow") as step:
            console = AirflowConsole(stage.workspace, port, pools=pools, companions=companions, say=step.note)
            airflow = running.enter_context(console)
            step.note("reading the DAGs")
            await_dags(airflow)
            step.result = f"at {airflow.url}, {PROVIDER}'s SFTP server too"
        try:
            yield airflow
        finally:
            with steps.step("Stop") as step:
                running.close()
                step.result = "Airflow and the provider have ended"


def _program() -> str:
    """How this program was called, so that the next command can be copied."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "muster" and not shutil.which("muster") else "muster"


def _show(stage: Stage, dispatch: Dispatch, ledger: Ledger, before: Mapping[str, int] | None, console: Console) -> int:
    registry = Registry(stage.registry_url)
    try:
        with registry.view() as tx:
            conservation = tx.conservation.count()
    finally:
        registry.close()
    outcome = Outcome(
        dispatch=dispatch,
        buckets=ledger.buckets(),
        batches=ledger.batches(),
        intake_findings=ledger.intake_findings(),
        answer_findings=ledger.answer_findings(),
        runs=ledger.runs(),
        conservation=conservation,
        before=before,
        after=ledger.sizes(),
    )
    show(outcome, stage.workspace, console)
    return 1 if outcome.faults() else 0
