"""A registry driven by hand, without files, keys or a provider: one method per step of the exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import Connection, Engine, select

from adapters.registry.engine import make_engine
from adapters.registry.registry import Registry
from adapters.registry.schema import metadata
from adapters.registry.tables import devices, order_lines
from formats import identifiers
from formats.enrolment import Level, Outcome
from formats.generic.totals import hash_total
from formats.order_dispatch.loading import load
from jobs.files import Arrival, FileKind, InboundFile
from jobs.intake import content_digests
from jobs.job import Job
from jobs.registry import Transaction
from jobs.resolution import Decision
from jobs.runs import Conservation, Run
from jobs.states import BatchState, LineState
from tests.support.installation import CUSTOMERS
from tests.support.orders import order_text

NOW = datetime(2026, 3, 5, 14, 30, tzinfo=UTC)
PROVIDER = "acme"

_OUTCOME = {
    LineState.ENROLLED: Outcome.ENROLLED,
    LineState.UNENROLLED: Outcome.UNENROLLED,
    LineState.UNCHANGED: Outcome.UNCHANGED,
    None: Outcome.IN_PROGRESS,
}


def dump(connection: Connection, without: Sequence[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but those named, in an order that does not depend on the database."""
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in metadata.sorted_tables
        if table.name not in without
    }


class Ledger:
    """`run` is a run that every row hangs on."""

    def __init__(self, url: str) -> None:
        self.registry = Registry(url)
        self.registry.migrate()
        self.engine: Engine = make_engine(url)
        self.run = Run("R-1", Job.REQUEST, PROVIDER, "tests", NOW)
        self._numbers = count(1)
        with self.registry.transaction() as tx:
            tx.queries.set_customers(CUSTOMERS)
            tx.runs.begin(self.run, self.run.id)

    def close(self) -> None:
        self.engine.dispose()
        self.registry.close()

    def moment(self) -> datetime:
        """Later than any it gave before."""
        return NOW + timedelta(seconds=next(self._numbers))

    def file(self, tx: Transaction, kind: FileKind = FileKind.ORDER_DISPATCH) -> InboundFile:
        number = next(self._numbers)
        return tx.files.claim(
            Arrival(
                kind=kind,
                provider=PROVIDER if kind is FileKind.RESPONSE else "",
                name=f"file{number}",
                media="text",
                sha256=f"{number:064x}",
                size=1,
            ),
            self.run.id,
            NOW,
        )

    def order(self, *rows: Mapping[str, str]) -> list[int]:
        """Take in good rows of one request type; returns the ids of the new order lines."""
        loaded = load(order_text(rows).encode())
        assert pc.all(loaded.passed).as_py(), loaded.findings.to_pylist()
        accepted = loaded.rows.append_column("content_sha256", content_digests(loaded.rows))
        with self.registry.transaction() as tx:
            file = self.file(tx)
            tx.intake.insert_rows(accepted, file.id)
            tx.files.describe(file.id, rows_read=loaded.read, rows_passed=loaded.read)
        with self.engine.connect() as connection:
            chosen = select(order_lines.c.id).where(order_lines.c.file_id == file.id)
            return list(connection.execute(chosen.order_by(order_lines.c.id)).scalars())

    def eligible(self) -> list[int]:
        with self.registry.transaction() as tx:
            return list(tx.claims.eligible_lines(PROVIDER, None)["order_line_id"].to_pylist())

    def claims_of(self, tx: Transaction, line_ids: Sequence[int]) -> pa.Table:
        details = tx.claims.request_details(line_ids)
        keys = identifiers.device_id(details)
        return details.select(["order_line_id", "device_id"]).append_column("device_key", keys)

    def create(self, tx: Transaction) -> int:
        sequence = tx.batches.next_sequence(PROVIDER)
        names = {"number": f"B-{sequence}", "file_name": f"b{sequence}.pgp"}
        return tx.batches.create(provider=PROVIDER, sequence=sequence, **names, run_id=self.run.id, now=NOW)

    def seal(self, line_ids: Sequence[int]) -> int:
        """Claim the lines into a new sealed batch; returns its id."""
        with self.registry.transaction() as tx:
            batch_id = self.create(tx)
            claimed = self.claims_of(tx, line_ids)
            assert tx.claims.claim(batch_id, claimed) == len(line_ids)
            totals = {"record_count": len(line_ids), "hash_total": hash_total(claimed["device_key"].to_pylist())}
            tx.batches.move(batch_id, BatchState.CREATING, BatchState.SEALED, **totals)
        return batch_id

    def sending(self, batch_id: int) -> None:
        with self.registry.transaction() as tx:
            tx.batches.move(batch_id, BatchState.SEALED, BatchState.SENDING)

    def send(self, batch_id: int) -> None:
        self.sending(batch_id)
        with self.registry.transaction() as tx:
            tx.batches.move(batch_id, BatchState.SENDING, BatchState.SENT)
            tx.batches.mark_sent(batch_id)

    def answer(self, results: Mapping[int, LineState | None], code: str = "C-1") -> int:
        """Apply one answer file (line id → state, None: in progress); returns how many lines it settled."""
        decisions = [
            Decision(line_id, Level.DEVICE, _OUTCOME.get(state, Outcome.REJECTED), state, code, "a message")
            for line_id, state in results.items()
        ]
        with self.registry.transaction() as tx:
            file = self.file(tx, FileKind.RESPONSE)
            return tx.answers.apply(file.id, decisions, self.moment())

    def settle(self, line_ids: Sequence[int], state: LineState) -> None:
        """The whole way of some lines: sealed, sent, answered with `state`."""
        self.send(self.seal(line_ids))
        assert self.answer(dict.fromkeys(line_ids, state)) == len(line_ids)

    def conservation(self) -> Conservation:
        """The count, which must hold."""
        with self.registry.rehearsal() as tx:
            counted = tx.conservation.count()
        assert counted.holds, [check for check in counted.checks if not check.holds]
        return counted

    def buckets(self) -> dict[str, int]:
        """The buckets that are not empty."""
        return {bucket.name: bucket.count for bucket in self.conservation().buckets if bucket.count}

    def device(self, serial: str) -> dict[str, Any]:
        with self.engine.connect() as connection:
            row = connection.execute(select(devices).where(devices.c.serial_number == serial)).one()
        return dict(row._mapping)

    def held_by(self, serial: str) -> tuple[str, str | None]:
        """State of the device and the order that holds it."""
        device = self.device(serial)
        return device["state"], device["order_number"]


@pytest.fixture
def ledger(registry_url: str) -> Iterator[Ledger]:
    made = Ledger(registry_url)
    yield made
    made.close()
