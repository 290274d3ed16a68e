"""The conservation count: where every instruction and every ordered device is, and the identities that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, case, distinct, func, or_, select

from adapters.registry.covered import EVIDENCE, compare
from adapters.registry.decisions import agreeing
from adapters.registry.tables import (
    batches,
    device_events,
    devices,
    files,
    lines,
    order_lines,
    outcomes,
)
from adapters.registry.upload_tables import bulk_uploads, upload_rows
from formats.generic.totals import hash_total
from jobs.files import FileKind
from jobs.runs import Bucket, Conservation, ConservationCheck
from jobs.states import BUCKETS, REFUSED_BUCKET, UNCERTAIN_BUCKET, BatchState, DeviceState, LineState

_ORDER_FILES = [kind for kind in FileKind if kind.makes_orders]
_UNDER_WAY = (LineState.SEALED, LineState.SENT)
_UNSENT = (BatchState.SEALED, BatchState.SENDING, BatchState.UNCERTAIN)
_ANSWERABLE = (BatchState.SENT, BatchState.ANSWERED)


class ConservationCount:
    """The count and its proofs."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def count(self) -> Conservation:
        """Buckets over everything ever ordered, and every identity checked from independent tables."""
        buckets = _buckets(self._db)
        read, passed, failed, duplicate = _file_rows(self._db)
        buckets[REFUSED_BUCKET] = failed
        by_state = _devices_by_state(self._db)
        in_states = sum(by_state.values())
        ordered = _one(self._db, select(func.count()).select_from(order_lines))
        source_rows = _one(self._db, _distinct_source_rows())
        in_buckets = sum(buckets.values()) - failed
        checks = [
            ConservationCheck("rows read = accepted + refused + known already", read, passed + failed + duplicate),
            ConservationCheck("accepted rows = rows that became order lines", passed, source_rows),
            ConservationCheck("order lines = sum of the buckets", ordered, in_buckets),
            ConservationCheck("lines sealed or sent = lines in live batches", *_under_way(self._db)),
            ConservationCheck("lines in batches without a result = lines sealed or sent", *_unanswered(self._db)),
            ConservationCheck("records in sealed batches = lines in them", *_batch_records(self._db)),
            ConservationCheck("lines decided by an answer = deciding results", *_decided(self._db)),
            ConservationCheck("rows of uploads that were dealt with = passed + failed", *_upload_rows(self._db)),
            ConservationCheck("devices whose state is the fold of their instructions = devices", *_folded(self._db)),
            ConservationCheck("lines in the state their decision says = order lines", *_agreeing(self._db)),
            ConservationCheck("devices ordered = sum of the devices by state", _ordered_devices(self._db), in_states),
            ConservationCheck("evidence as the audit trail has it = evidence", *_evidence(self._db)),
        ]
        listed = [Bucket(str(name), buckets.get(str(name), 0)) for name in BUCKETS]
        return Conservation(listed, checks, [Bucket(str(state), by_state.get(state, 0)) for state in DeviceState])

    def hash_totals(self, batch_ids: Sequence[int]) -> ConservationCheck:
        """The hash totals in the ledger against the lines, counted again, for the batches of one run."""
        ledger = select(func.coalesce(func.sum(batches.c.hash_total), 0)).where(batches.c.id.in_(batch_ids))
        keys = select(lines.c.device_key).where(lines.c.batch_id.in_(batch_ids))
        counted = hash_total(self._db.execute(keys).scalars())
        return ConservationCheck(
            "hash totals in the ledger = hash totals of the lines", int(_one(self._db, ledger)), counted
        )


def _one(connection: Connection, statement: Select[Any]) -> int:
    return int(connection.execute(statement).scalar_one())


def _buckets(connection: Connection) -> dict[str, int]:
    uncertain = batches.c.state.in_((BatchState.SENDING, BatchState.UNCERTAIN))
    bucket = case(
        ((order_lines.c.state == LineState.SEALED) & uncertain, UNCERTAIN_BUCKET), else_=order_lines.c.state
    ).label("bucket")
    source = order_lines.outerjoin(lines, (lines.c.order_line_id == order_lines.c.id) & ~lines.c.released).outerjoin(
        batches, batches.c.id == lines.c.batch_id
    )
    counted = connection.execute(select(bucket, func.count()).select_from(source).group_by(bucket))
    return {str(name): int(number) for name, number in counted}


def _devices_by_state(connection: Connection) -> dict[str, int]:
    """Every device once, however many instructions name it."""
    named = devices.c.id.in_(select(order_lines.c.device_id))
    counted = connection.execute(select(devices.c.state, func.count()).where(named).group_by(devices.c.state))
    return {str(state): int(number) for state, number in counted}


def _ordered_devices(connection: Connection) -> int:
    return _one(connection, select(func.count(distinct(order_lines.c.device_id))))


def _agreeing(connection: Connection) -> tuple[int, int]:
    return _one(connection, agreeing()), _one(connection, select(func.count()).select_from(order_lines))


def _evidence(connection: Connection) -> tuple[int, int]:
    compared = compare(connection, EVIDENCE)
    return sum(compared.values()), len(compared)


def _file_rows(connection: Connection) -> tuple[int, int, int, int]:
    columns = (files.c.rows_read, files.c.rows_passed, files.c.rows_failed, files.c.rows_duplicate)
    statement = select(*(func.coalesce(func.sum(column), 0) for column in columns))
    row = connection.execute(statement.where(files.c.kind.in_(_ORDER_FILES))).one()
    return int(row[0]), int(row[1]), int(row[2]), int(row[3])


def _distinct_source_rows() -> Select[Any]:
    rows = select(order_lines.c.file_id, order_lines.c.source_row).distinct().subquery()
    return select(func.count()).select_from(rows)


def _under_way(connection: Connection) -> tuple[int, int]:
    under_way = select(func.count()).select_from(order_lines).where(order_lines.c.state.in_(_UNDER_WAY))
    agrees = or_(
        (order_lines.c.state == LineState.SEALED) & batches.c.state.in_(_UNSENT),
        (order_lines.c.state == LineState.SENT) & batches.c.state.in_(_ANSWERABLE),
    )
    in_batch = (
        select(func.count(distinct(order_lines.c.id)))
        .select_from(
            order_lines.join(lines, lines.c.order_line_id == order_lines.c.id).join(
                batches, batches.c.id == lines.c.batch_id
            )
        )
        .where(agrees, ~lines.c.released)
    )
    return _one(connection, under_way), _one(connection, in_batch)


def _unanswered(connection: Connection) -> tuple[int, int]:
    decided = (outcomes.c.order_line_id == lines.c.order_line_id) & outcomes.c.applied
    waiting = (
        select(func.count())
        .select_from(lines.outerjoin(outcomes, decided))
        .where(~lines.c.released, outcomes.c.order_line_id.is_(None))
    )
    under_way = select(func.count()).select_from(order_lines).where(order_lines.c.state.in_(_UNDER_WAY))
    return _one(connection, waiting), _one(connection, under_way)


def _batch_records(connection: Connection) -> tuple[int, int]:
    claimed = select(func.coalesce(func.sum(batches.c.record_count), 0))
    counted = select(func.count()).select_from(lines)
    return _one(connection, claimed), _one(connection, counted)


def _decided(connection: Connection) -> tuple[int, int]:
    settled = (
        select(func.count())
        .select_from(order_lines.join(lines, lines.c.order_line_id == order_lines.c.id))
        .where(~lines.c.released, order_lines.c.state.not_in((LineState.WAITING, *_UNDER_WAY)))
    )
    deciding = select(func.count()).select_from(outcomes).where(outcomes.c.applied)
    return _one(connection, settled), _one(connection, deciding)


def _upload_rows(connection: Connection) -> tuple[int, int]:
    columns = ("rows_new", "rows_changed", "rows_unchanged", "rows_failed")
    counted = select(*(func.coalesce(func.sum(bulk_uploads.c[name]), 0) for name in columns)).where(
        bulk_uploads.c.same_as.is_(None), bulk_uploads.c.rows_done > 0
    )
    listed = _one(connection, select(func.count()).select_from(upload_rows))
    return listed, sum(int(number) for number in connection.execute(counted).one())


def _folded(connection: Connection) -> tuple[int, int]:
    newest = func.row_number().over(
        partition_by=device_events.c.device_id,
        order_by=(device_events.c.order_line_id.desc(), device_events.c.id.desc()),
    )
    ranked = select(device_events.c.device_id, device_events.c.effect, newest.label("rank")).subquery()
    state = func.coalesce(ranked.c.effect, DeviceState.NEW)
    source = devices.outerjoin(ranked, (ranked.c.device_id == devices.c.id) & (ranked.c.rank == 1))
    right = select(func.count()).select_from(source).where(devices.c.state == state)
    return _one(connection, right), _one(connection, select(func.count()).select_from(devices))
