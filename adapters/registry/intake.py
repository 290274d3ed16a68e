"""Order lines into the registry: one join to judge them, a few set-based inserts to keep them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    update,
)

from adapters.registry.bulk import fetch, load, staged
from adapters.registry.decisions import decide, undecided
from adapters.registry.enrichment import devices_by, enrichment
from adapters.registry.standing import stands
from adapters.registry.tables import customers, devices, order_lines, orders, refused_rows
from adapters.registry.types import Moment
from formats.enrolment import RequestType
from formats.generic.layout import OVERRIDE_DELIVERY
from formats.identifiers import DEVICE_COLUMNS, DEVICE_LINKS, IDENTIFIER_COLUMNS, SECOND_IMEI
from jobs.intake import ENRICHMENT
from jobs.states import LineState


class Intake:
    """Order lines on their way in."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def enrich(self, rows: pa.Table) -> pa.Table:
        """`rows` (order dispatch columns + row) with what the registry knows: `jobs.intake.ENRICHMENT`."""
        with staged(self._db, "orders_known", rows) as stage:
            found = fetch(self._db, enrichment(stage), ENRICHMENT)
        return found

    def keep_refused(self, traces: pa.Table, file_id: int) -> None:
        """Refused rows of the file, to be found by an identifier: `formats.traces.traces`."""
        files = pa.array([file_id] * traces.num_rows, pa.int64())
        load(self._db, refused_rows, traces.append_column("file_id", files))

    def insert_rows(self, rows: pa.Table, file_id: int) -> int:
        """Insert accepted rows (order dispatch columns, row, content_sha256); returns new lines.

        All rows have one request type, so that each new device stands in one row only.
        """
        with staged(self._db, "orders_in", rows) as stage:
            given = [name for name in DEVICE_COLUMNS if rows[name].null_count < rows.num_rows]
            _complete_devices(self._db, stage, given)
            _insert_devices(self._db, stage)
            _insert_orders(self._db, stage)
            void = rows["request_type"][0].as_py() == RequestType.VOID
            new_lines = (_void_lines if void else _new_lines)(stage, file_id)
            inserted = self._db.execute(insert(order_lines).from_select(_LINE_COLUMNS, new_lines))
            not_asked = (order_lines.c.file_id == file_id) & (order_lines.c.state == LineState.NOT_REQUESTED)
            decide(self._db, undecided(not_asked))
        return inserted.rowcount


_LINE_COLUMNS = [
    "order_id",
    "line_number",
    "device_id",
    "delivery_number",
    "ship_date",
    "asset_tag",
    "content_sha256",
    "file_id",
    "source_row",
    "state",
]


def _complete_devices(connection: Connection, stage: Table, given: Sequence[str]) -> None:
    """Fill in identifiers a known device lacked, one identifier at a time (each is indexed)."""
    links = [link for link in DEVICE_LINKS.values() if link[1] in given]
    for (kept, name), missing in product(links, given):
        if missing != kept:
            _complete(connection, stage, devices.c[kept] == stage.c[name], missing)


def _complete(connection: Connection, stage: Table, link: ColumnElement[bool], missing: str) -> None:
    value: ColumnElement[Any] = stage.c[missing]
    if missing == SECOND_IMEI:  # the columns may stand the other way round on record
        value = case((devices.c.imei == value, stage.c.imei), else_=value)
    connection.execute(
        update(devices)
        .where(link, devices.c[missing].is_(None), stage.c[missing].is_not(None))
        .values({missing: value})
    )


def _insert_devices(connection: Connection, stage: Table) -> None:
    """One new device per row whose identifiers are all unknown; the judge saw to it that no two rows share one."""
    unknown = [~exists(select(literal(1)).select_from(known).where(link)) for known, link in devices_by(stage).values()]
    given = func.coalesce(*(stage.c[name] for name in IDENTIFIER_COLUMNS))
    columns = [*DEVICE_COLUMNS, "manufacturer", "model"]
    connection.execute(
        insert(devices).from_select(
            columns, select(*(stage.c[name] for name in columns)).where(given.is_not(None), *unknown)
        )
    )


def _insert_orders(connection: Connection, stage: Table) -> None:
    moment = cast(stage.c.order_date, Moment)
    key = [stage.c.provider, stage.c.order_number, stage.c.request_type, stage.c.order_date]
    first = select(func.min(stage.c.row)).group_by(*key)
    absent = ~exists(
        select(literal(1))
        .select_from(orders)
        .where(
            orders.c.provider == stage.c.provider,
            orders.c.order_number == stage.c.order_number,
            orders.c.request_type == stage.c.request_type,
            orders.c.order_date == moment,
        )
    )
    connection.execute(
        insert(orders).from_select(
            ["provider", "order_number", "request_type", "order_date", "customer_id", "po_number"],
            select(
                stage.c.provider,
                stage.c.order_number,
                stage.c.request_type,
                moment,
                customers.c.id,
                stage.c.po_number,
            )
            .select_from(stage.join(customers, customers.c.account == stage.c.customer_account))
            .where(stage.c.row.in_(first), absent)
            .order_by(stage.c.row),
        )
    )


def _order_of(stage: Table):  # type: ignore[no-untyped-def]  # a join clause
    return and_(
        orders.c.provider == stage.c.provider,
        orders.c.order_number == stage.c.order_number,
        orders.c.request_type == stage.c.request_type,
        orders.c.order_date == cast(stage.c.order_date, Moment),
    )


def _new_lines(stage: Table, file_id: int) -> Select[tuple[object, ...]]:
    by = devices_by(stage)
    source = stage.join(orders, _order_of(stage))
    for known, link in by.values():
        source = source.outerjoin(known, link)
    return (
        select(
            orders.c.id,
            cast(stage.c.line_number, BigInteger),
            func.coalesce(*(known.c.id for known, _ in by.values())),
            case((stage.c.request_type == RequestType.OVERRIDE, OVERRIDE_DELIVERY), else_=stage.c.delivery_number),
            cast(stage.c.ship_date, Moment),
            stage.c.asset_tag,
            stage.c.content_sha256,
            literal(file_id),
            stage.c.row,
            case((stage.c.enrolment_requested == "Y", LineState.WAITING), else_=LineState.NOT_REQUESTED),
        )
        .select_from(source)
        .order_by(stage.c.row)
    )


def _void_lines(stage: Table, file_id: int) -> Select[tuple[object, ...]]:
    """A void row becomes one line per device of the order it reverses."""
    original = orders.alias("original")
    reached = order_lines.alias("reached")
    source = (
        stage.join(orders, _order_of(stage))
        .join(
            original,
            and_(
                original.c.provider == stage.c.provider,
                original.c.order_number == stage.c.order_number,
                original.c.request_type != RequestType.VOID,
            ),
        )
        .join(reached, and_(reached.c.order_id == original.c.id, stands(reached, original)))
    )
    members = (
        select(
            orders.c.id.label("order_id"),
            reached.c.device_id,
            func.min(stage.c.content_sha256).label("content_sha256"),
            func.min(stage.c.row).label("row"),
        )
        .select_from(source)
        .group_by(orders.c.id, reached.c.device_id)
        .subquery("members")
    )
    position = func.row_number().over(partition_by=members.c.order_id, order_by=members.c.device_id)
    return select(
        members.c.order_id,
        position,
        members.c.device_id,
        null(),
        null(),
        null(),
        members.c.content_sha256,
        literal(file_id),
        members.c.row,
        literal(LineState.WAITING),
    ).order_by(members.c.row, members.c.device_id)
