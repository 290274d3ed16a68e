"""A complete installation for tests: a workspace with keys, customers, and the simulator as its provider."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters.settings import Workspace
from app.bootstrap import Muster
from app.installing import connect_simulator, initialise
from simulator import SimulatorHome

COLUMNS = (
    "order_number",
    "line_number",
    "request_type",
    "order_date",
    "customer_account",
    "provider",
    "enrolment_requested",
    "po_number",
    "delivery_number",
    "ship_date",
    "serial_number",
    "imei",
    "meid",
    "mac",
    "model",
)
CUSTOMERS = [("C-1", "Example Schools", "acme", "ORG-1"), ("C-2", "Example Clinics", "acme", "ORG-2")]


@dataclass(frozen=True)
class Installation:
    """A workspace and the simulator's home beside it."""

    workspace: Workspace
    simulator: SimulatorHome

    def drop(self, name: str, rows: Sequence[Mapping[str, str]]) -> Path:
        """Drop an order file of these rows; columns that are not given are left empty."""
        lines = [",".join(COLUMNS), *(",".join(row.get(column, "") for column in COLUMNS) for row in rows)]
        target = self.workspace.inbox / name
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return target

    @contextmanager
    def open(self, **overrides: Any) -> Iterator[Muster]:
        """The wired application, with some ports of the exchange replaced if asked for."""
        with Muster.open(self.workspace) as app:
            yield Muster(app.workspace, app.settings, replace(app.exchange, **overrides), app.registry)

    @contextmanager
    def simulating(self) -> Iterator[None]:
        """The simulator as a process of its own, on the port the provider's file names."""
        code = "import sys; from pathlib import Path; from simulator import run; run(Path(sys.argv[1]))"
        command = [sys.executable, "-c", code, str(self.simulator.ready.parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            try:
                assert process.stdout is not None
                announced = json.loads(process.stdout.readline())
                assert announced["port"] == self.simulator.last_port
                yield
            finally:
                process.terminate()


def order_row(number: int, **values: str) -> dict[str, str]:
    """One good ORDER row; `number` makes order line and serial number unique."""
    return {
        "order_number": f"SO-{number // 10:04d}",
        "line_number": str(number % 10 + 1),
        "request_type": "OR",
        "order_date": "2026-03-01T09:00:00Z",
        "customer_account": "C-1",
        "provider": "acme",
        "enrolment_requested": "Y",
        "delivery_number": f"DL-{number // 10:04d}",
        "ship_date": "2026-03-02T09:00:00Z",
        "serial_number": f"SN{number:08d}",
        "model": "ED-10",
    } | values


def make_installation(home: Path, port: int, registry_url: str = "", **provider: object) -> Installation:
    """A new installation below `home`, whose provider `acme` is the simulator on `port`."""
    workspace = Workspace(home)
    settings: dict[str, object] = {"inbox": {"settle": "0s"}, "uploads": {"settle": "0s"}}
    if registry_url:
        settings["registry_url"] = registry_url
    initialise(workspace, "Example Ltd", settings)
    simulator = SimulatorHome.create(workspace.simulator / "acme", "acme")
    simulator.remember_port(port)
    connect_simulator(workspace, simulator, "acme", {"settle": "0s", **provider}, port)
    with Muster.open(workspace) as app, app.registry.transaction() as tx:
        tx.queries.set_customers(CUSTOMERS)
    return Installation(workspace, simulator)
