"""A desk to exchange at: an installation with the application open and the simulator running beside it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Engine, select, update

from adapters.openpgp import keyring
from adapters.registry.attempt_tables import attempts
from adapters.registry.engine import make_engine
from adapters.registry.registry import Registry
from adapters.settings import Workspace
from app.bootstrap import Muster
from app.loopback import free_port
from formats.schema import RecordSchema
from jobs.job import Job
from jobs.providers import Provider
from jobs.runs import RunReport, Validation
from tests.support.forge import Forge
from tests.support.installation import Installation, make_installation
from tests.support.ledger import dump
from tests.support.machine import need
from tests.support.orders import order_text
from tests.support.postgres import DATABASES, new_url

SETTLE = "settle_seconds = 0.2\n"  # lets us look at our file after the rename
NEVER = "settle_seconds = 80000\n"
PATIENCE = timedelta(seconds=60)
RUN_TABLES = ("runs", "run_steps", "run_files", "run_batches", "findings")


class Desk:
    """`numbers` gives numbers of rows that nobody used before (`tests.support.installation.order_row`)."""

    def __init__(self, installation: Installation, app: Muster, engine: Engine) -> None:
        self.installation = installation
        self.app = app
        self.engine = engine
        self.simulator = installation.simulator
        self.numbers = count(10, 10)
        self._files = count(1)
        self._silent = False

    @property
    def registry(self) -> Registry:
        return self.app.registry

    def plan(self, text: str = "") -> None:
        """Change how the simulator behaves. Requests it was silent about are taken away for good."""
        if self._silent:
            for path in self.simulator.to_provider.glob("*.pgp"):
                path.unlink()
        self._silent = text.startswith("settle_seconds")
        part = self.simulator.plan.with_suffix(".part")
        part.write_text(text if self._silent else SETTLE + text)
        part.replace(self.simulator.plan)

    @property
    def forge(self) -> Forge:
        return Forge(self.simulator, self.app.settings.own_key)

    @contextmanager
    def configured(self, **values: Any) -> Iterator[Provider]:
        """The provider with other settings, for as long as the block lasts."""
        usual = self.app
        provider = replace(usual.settings.provider("acme"), **values)
        settings = replace(usual.settings, providers=(provider,))
        exchange = replace(usual.exchange, providers={provider.name: provider})
        self.app = Muster(usual.workspace, settings, exchange, usual.registry)
        try:
            yield provider
        finally:
            self.app = usual

    def drop(self, data: str | bytes, name: str = "") -> Path:
        """Put a file into the inbox."""
        path = self.installation.workspace.inbox / (name or f"orders{next(self._files)}.csv")
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def dispatch(self, *rows: Mapping[str, str], **options: Any) -> RunReport:
        """Drop these rows (if any) and take in what lies in the inbox."""
        if rows:
            self.drop(order_text(rows))
        return self.run(Job.ORDER_DISPATCH, **options)

    def request(self, **options: Any) -> RunReport:
        return self.run(Job.REQUEST, provider="acme", **options)

    def response(self, **options: Any) -> RunReport:
        return self.run(Job.RESPONSE, provider="acme", **options)

    def run(self, job: Job, **options: Any) -> RunReport:
        """A whole run; the count is proved at its end (`NotConserved`)."""
        report, _ = self.app.run(job, actor="ada@example.com", **options)
        return report

    def answers(self, number: int) -> list[str]:
        """Names of the answer files that wait to be collected, as soon as there are `number` of them."""
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while len(found := sorted(path.name for path in self.simulator.from_provider.glob("*.pgp"))) < number:
            assert time.monotonic() < deadline, f"{found} instead of {number} answers"
            time.sleep(0.05)
        return found

    def exchange(self, parts: int = 1) -> RunReport:
        """Request, wait for `parts` answers to each batch, response."""
        sent = self.request().totals.get("batches sent", 0)
        self.answers(sent * parts)
        return self.response()

    def batch(self, *rows: Mapping[str, str]) -> str:
        """Send these rows to a provider who stays silent until `plan`; returns the number of their batch."""
        self.silence()
        self.dispatch(*rows)
        (batch,) = self.request().batches
        return batch.number

    def silence(self) -> None:
        """The simulator leaves requests where they are, until the next plan."""
        self.plan(NEVER)

    def speak(self) -> None:
        """After `silence`: the simulator deals with the requests that lie there."""
        self._silent = False
        self.plan()

    def time_passes(self) -> None:
        """Every attempt to deliver lies an hour further back: longer than the quiet time."""
        moments = ("started_at", "asked_at", "ended_at")
        with self.engine.begin() as connection:
            for row in connection.execute(select(attempts)).all():
                earlier = {name: row._mapping[name] and row._mapping[name] - timedelta(hours=1) for name in moments}
                connection.execute(update(attempts).where(attempts.c.id == row.id).values(earlier))

    def lines(self, serial: str) -> list[tuple[str, str, str]]:
        """Order number, request type and state of every instruction on the device, oldest first."""
        with self.registry.view() as tx:
            (device,) = tx.queries.find_devices([serial])
            return [
                (item["order_number"], item["request_type"], item["state"])
                for item in tx.queries.device_lines(device["id"])
            ]

    def states(self, serial: str) -> list[str]:
        return [state for _, _, state in self.lines(serial)]

    def held_by(self, serial: str) -> tuple[str, str | None]:
        """State of the device and the order that holds it."""
        with self.registry.view() as tx:
            (device,) = tx.queries.find_devices([serial])
        return device["state"], device["order_number"]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the registry but what a run says about itself."""
        with self.engine.connect() as connection:
            return dump(connection, without=RUN_TABLES)

    def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def remote(self) -> dict[str, tuple[int, int]]:
        """Every file at the provider's: size and time of change."""
        files = (path for path in self.simulator.files.rglob("*") if path.is_file())
        return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def unvalidated(schema: RecordSchema, table: pa.Table, name: str) -> Validation:
    """The reporter takes most of a small run's time; it has tests of its own."""
    return Validation(name, schema.name, table.num_rows, True, ())


def _soften_keys(workspace: Workspace) -> None:
    """A key that is made here opens at once: guarding its passphrase would take a tenth of a second each time."""
    workspace.create()
    keyring.create_home(workspace.gnupg)
    with (workspace.gnupg / "gpg-agent.conf").open("a") as settings:
        settings.write("s2k-count 65536\n")


@contextmanager
def open_desk(
    home: Path, registry_url: str, *, reporter: bool = False, hide_url: bool = False, **provider: object
) -> Iterator[Desk]:
    """`hide_url`: the settings name a file with the database's address, as an installation whose holds a password."""
    need("gpg")
    _soften_keys(Workspace(home))
    if hide_url:
        hidden = Workspace(home).secrets / "registry_url"
        hidden.touch(0o600)
        hidden.write_text(registry_url, encoding="utf-8")
    in_settings = "file:secrets/registry_url" if hide_url else registry_url
    installation = make_installation(home, free_port(), in_settings, **provider)
    engine = make_engine(registry_url)
    overrides = {} if reporter else {"validate": unvalidated}
    with installation.open(**overrides) as app:
        desk = Desk(installation, app, engine)
        desk.plan()
        with installation.simulating():
            yield desk
    engine.dispose()


@pytest.fixture(scope="module", params=DATABASES)
def desk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One desk per module and database; tests use numbers and names of their own. Its reports hold no validations."""
    home = tmp_path_factory.mktemp("desk")
    with open_desk(home / "workspace", new_url(request.param, home, request)) as opened:
        yield opened
