"""Sets the demo's stage: the workspace, the provider `acme` (our simulator), its accounts and keys, customers."""

from __future__ import annotations

import fcntl
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.providers import KINDS
from adapters.registry.registry import Registry
from adapters.settings import Settings, Workspace, load, registry_url
from app.console.home import Home
from app.demo.orders import CUSTOMERS, FOREIGN, PROVIDER, PUZZLING, REFUSED_ORDER
from app.installing import connect_simulator, initialise
from app.loopback import free_port
from jobs.errors import GpgMissing, Setup
from simulator import SimulatorHome

_MARK = "# How the demo's provider answers. Each run of the demo writes this file again.\n"
_PLAN = f"""\
{_MARK}
settle_seconds = 0.5
delay_seconds = 1

[[reject]]
level = "ORDER"
field = "order_id"
pattern = '{REFUSED_ORDER}'
code = "OR-4110"
message = "Order header differs from the order we hold"

[[reject]]
field = "serial_number"
pattern = '{FOREIGN}.*'
code = "DE-4304"
message = "Device is assigned to another customer"

[[code]]
field = "serial_number"
pattern = '{PUZZLING}.*'
outcome = "REJECTED"
code = "DE-4999"
message = "Please contact the program team"
"""


class WorkspaceTaken(Setup):
    code = "WORKSPACE_TAKEN"
    remedy = "Give the demo a folder of its own, with --home or MUSTER_HOME"


class DemoRunning(Setup):
    code = "DEMO_RUNNING"
    remedy = "Stop it first (Ctrl-C where it runs)"


@dataclass(frozen=True)
class Stage:
    """What is set up: the workspace, the settings in force and the simulator's home."""

    workspace: Workspace
    settings: Settings
    simulator: SimulatorHome
    new: bool

    @property
    def registry_url(self) -> str:
        return registry_url(self.settings, self.workspace).reveal()

    @property
    def command(self) -> Sequence[str]:
        """Starts the simulator as a process of its own."""
        return (sys.executable, "-m", "app.cli", "simulate", str(self.simulator.path))


def set_up(workspace: Workspace, devices: int, *, scheduled: bool) -> Stage:
    """Make or mend everything the demo needs; what is there already is kept.

    `scheduled` puts the provider's DAGs on their schedules; else they run by hand only. Raises
    GpgMissing, WorkspaceTaken if the workspace is not the demo's, and DemoRunning.
    """
    if shutil.which("gpg") is None:
        raise GpgMissing("gpg is not installed")
    _refuse_others_workspace(workspace)
    _refuse_second(workspace)
    # crash window: the simulator and its plan come first, so that a half-made workspace is known as the demo's
    simulator = SimulatorHome.create(workspace.simulator / PROVIDER, PROVIDER)
    simulator.plan.write_text(_PLAN, encoding="utf-8")
    made = initialise(workspace, "Example Ltd", {"inbox": {"settle": "0s", "schedule": ""}})
    port = free_port(simulator.last_port)
    simulator.remember_port(port)
    connect_simulator(workspace, simulator, PROVIDER, _account(devices, scheduled), port)
    stage = Stage(workspace, load(workspace, KINDS), simulator, made.new)
    registry = Registry(stage.registry_url)
    try:
        registry.migrate()
        with registry.transaction() as tx:
            tx.queries.set_customers(CUSTOMERS)
    finally:
        registry.close()
    return stage


def _account(devices: int, scheduled: bool) -> dict[str, object]:
    """The provider's settings; its limit makes several batches of any number of devices."""
    account: dict[str, object] = {
        "title": "Acme Devices (simulator)",
        "settle": "0s",
        "limits": {"devices_per_batch": min(10_000, max(50, devices // 3))},
    }
    return account if scheduled else account | {"schedules": {"request": "", "response": ""}}


def _refuse_others_workspace(workspace: Workspace) -> None:
    """Airflow would run the DAGs of its providers, too, and send them what waits."""
    plan = workspace.simulator / PROVIDER / "plan.toml"
    ours = plan.exists() and plan.read_text(encoding="utf-8").startswith(_MARK)
    others = [path for path in workspace.providers.glob("*.toml") if path.stem != PROVIDER]
    if others or (workspace.config.exists() and not ours):
        raise WorkspaceTaken(f"{workspace.home} is not the demo's own, so the demo leaves it alone")


def _refuse_second(workspace: Workspace) -> None:
    """A console that runs on this workspace holds its lock, and its simulator the port we would give away."""
    lock = Home(workspace.home / "airflow").lock
    if not lock.exists():
        return
    with lock.open("r") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoRunning(f"a console or demo runs on {workspace.home}") from None
