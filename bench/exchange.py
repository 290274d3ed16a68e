"""The main job at size: order file in, request out, answer in, each step a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from adapters.settings import Workspace
from app.bootstrap import Muster
from app.installing import connect_simulator, initialise
from app.loopback import free_port
from bench.database import database
from bench.timing import Timing, timed
from simulator import SimulatorHome


def measure(devices: int, per_batch: int, postgresql: bool) -> None:
    """Print what each job takes, and the conservation count in the end."""
    with tempfile.TemporaryDirectory(prefix="mb", dir="/tmp") as folder, database(postgresql) as url:
        workspace = Workspace(Path(folder) / "m")
        home = _prepare(workspace, url, per_batch)
        _drop_orders(workspace, devices)
        with _simulating(home):
            timings = [_job(workspace, "order_dispatch"), _job(workspace, "device_enrolment_request", "acme")]
            _await_answers(home, -(-devices // per_batch))
            timings.append(_job(workspace, "device_enrolment_response", "acme"))
        _print(devices, "PostgreSQL" if postgresql else "SQLite", timings)
        with Muster.open(workspace) as app, app.registry.rehearsal() as tx:
            counted = tx.conservation.count()
        print("conserved:", counted.holds, {item.name: item.count for item in counted.buckets if item.count})


def _prepare(workspace: Workspace, url: str, per_batch: int) -> SimulatorHome:
    settings: dict[str, object] = {"inbox": {"settle": "0s"}}
    if url:
        settings["registry_url"] = url
    initialise(workspace, "Example Ltd", settings)
    home = SimulatorHome.create(workspace.simulator / "acme", "acme")
    home.plan.write_text("settle_seconds = 0.5\n")
    home.remember_port(free_port())
    limits = {"settle": "1s", "limits": {"devices_per_batch": per_batch}}
    connect_simulator(workspace, home, "acme", limits, home.last_port)
    with Muster.open(workspace) as app, app.registry.transaction() as tx:
        tx.queries.set_customers([("C-1", "Example Schools", "acme", "ORG-1")])
    return home


def _drop_orders(workspace: Workspace, devices: int) -> None:
    heading = (
        "order_number,line_number,request_type,order_date,customer_account,provider,enrolment_requested,"
        "delivery_number,ship_date,serial_number,model,asset_tag\n"
    )
    with (workspace.inbox / "orders.csv").open("w") as file:
        file.write(heading)
        for number in range(devices):
            order = number // 50
            file.write(
                f"SO-{order:06d},{number % 50 + 1},OR,2026-03-01T09:00:00Z,C-1,acme,Y,"
                f"DL-{order:06d},2026-03-02T09:00:00Z,SN{number:010d},ED-10,AT-{number:08d}\n"
            )


@contextmanager
def _simulating(home: SimulatorHome) -> Iterator[None]:
    command = [sys.executable, "-m", "app.cli", "simulate", str(home.ready.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        if process.stdout is not None:
            process.stdout.readline()
        try:
            yield
        finally:
            process.terminate()


def _job(workspace: Workspace, job: str, provider: str = "") -> Timing:
    chosen = ["--provider", provider] if provider else []
    command = [sys.executable, "-m", "app.cli", "--home", str(workspace.home), "run", job, *chosen]
    return timed(job, command)[0]


def _await_answers(home: SimulatorHome, files: int) -> None:
    for _ in range(600):
        if len(list(home.from_provider.glob("*.pgp"))) >= files:
            return
        time.sleep(0.5)
    raise SystemExit("the simulator has not answered within five minutes")


def _print(devices: int, database: str, timings: Sequence[Timing]) -> None:
    print(f"\n{devices:,} devices, {database}, each job a process of its own (imports and report included)\n")
    print(f"{'job':<28}{'wall s':>9}{'cpu s':>9}{'devices/s':>12}{'peak MiB':>10}")
    for item in timings:
        print(f"{item.name:<28}{item.wall:>9.1f}{item.cpu:>9.1f}{devices / item.wall:>12,.0f}{item.peak:>10,}")
