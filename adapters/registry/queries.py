"""Read models for people: where is a device, how do the batches stand, who are the customers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select

from adapters.registry import lives
from adapters.registry.sources import SOURCES
from adapters.registry.tables import (
    batches,
    customer_organisations,
    customers,
    device_events,
    devices,
    files,
    lines,
    order_lines,
    orders,
    outcomes,
)
from formats.identifiers import DEVICE_COLUMNS
from jobs.archive_proof import Archived
from jobs.files import FileKind

Record = dict[str, Any]

VEHICLE_IDENTIFIERS = ("vin", "vcu_id", "device_id", "motor_id", "bms_id", "registration_number")
_VEHICLE_FACTS = ("status", "model", "battery_model", "communication_type", "customer_name", "city", "purchase_date")


class Queries:
    """Read models."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def find_devices(self, identifiers: Sequence[str]) -> list[Record]:
        """Devices that carry one of these identifiers (several spellings of one may be given)."""
        match = or_(*(devices.c[name].in_(identifiers) for name in DEVICE_COLUMNS))
        return [dict(row._mapping) for row in self._db.execute(select(devices).where(match).order_by(devices.c.id))]

    def archived(self) -> list[Archived]:
        """Everything the registry says the archive keeps, batches first, each once."""
        sealed = select(batches.c.archive_key, batches.c.number, batches.c.file_name).where(batches.c.archive_key != "")
        found = [
            Archived(row.archive_key, f"batch {row.number} ({row.file_name})", True)
            for row in self._db.execute(sealed.order_by(batches.c.id))
        ]
        came = select(files.c.sha256, files.c.name, files.c.kind).order_by(files.c.id)
        found += [
            Archived(row.sha256, f"file {row.name}", row.kind == FileKind.RESPONSE) for row in self._db.execute(came)
        ]
        return list({item.key: item for item in reversed(found)}.values())[::-1]

    def find_vehicles(self, identifiers: Sequence[str]) -> list[Record]:
        """Vehicles with this frame id, registration number or part."""
        source = SOURCES["products"]
        match = or_(*(source.columns[name].in_(identifiers) for name in VEHICLE_IDENTIFIERS))
        shown = (source.columns[name].label(name) for name in (*VEHICLE_IDENTIFIERS, *_VEHICLE_FACTS))
        found = self._db.execute(select(*shown).select_from(source.start).where(match).order_by(source.columns["id"]))
        return [dict(row._mapping) for row in found]

    def device_lines(self, device_id: int) -> list[Record]:
        """Every instruction on the device, oldest first, with its batch."""
        statement = (
            select(
                order_lines.c.id,
                orders.c.order_number,
                order_lines.c.line_number,
                orders.c.request_type,
                orders.c.order_date,
                orders.c.provider,
                customers.c.account,
                order_lines.c.state,
                order_lines.c.reason,
                files.c.name.label("source_file"),
                order_lines.c.file_id,
                order_lines.c.source_row,
                batches.c.number.label("batch"),
                batches.c.state.label("batch_state"),
                batches.c.sent_at,
            )
            .select_from(
                order_lines.join(orders, orders.c.id == order_lines.c.order_id)
                .join(customers, customers.c.id == orders.c.customer_id)
                .join(files, files.c.id == order_lines.c.file_id)
                .outerjoin(lines, (lines.c.order_line_id == order_lines.c.id) & ~lines.c.released)
                .outerjoin(batches, batches.c.id == lines.c.batch_id)
            )
            .where(order_lines.c.device_id == device_id)
            .order_by(order_lines.c.id)
        )
        return [dict(row._mapping) for row in self._db.execute(statement)]

    def device_answers(self, device_id: int) -> list[Record]:
        """Every result the provider gave for the device, oldest first."""
        statement = (
            select(
                outcomes.c.order_line_id,
                outcomes.c.level,
                outcomes.c.outcome,
                outcomes.c.line_state,
                outcomes.c.applied,
                outcomes.c.provider_code,
                outcomes.c.message,
                outcomes.c.at,
                files.c.name.label("file"),
            )
            .select_from(
                outcomes.join(order_lines, order_lines.c.id == outcomes.c.order_line_id).join(
                    files, files.c.id == outcomes.c.file_id
                )
            )
            .where(order_lines.c.device_id == device_id)
            .order_by(outcomes.c.at, outcomes.c.order_line_id)
        )
        return [dict(row._mapping) for row in self._db.execute(statement)]

    def device_history(self, device_id: int) -> list[Record]:
        statement = (
            select(device_events.c.effect, device_events.c.order_line_id, device_events.c.at)
            .where(device_events.c.device_id == device_id)
            .order_by(device_events.c.id)
        )
        return [dict(row._mapping) for row in self._db.execute(statement)]

    def registered(self, identifiers: Sequence[str]) -> list[Record]:
        """Rows of the registers of DMP, Fleet Freedom and RemotEye that name one of these identifiers."""
        return lives.registered(self._db, identifiers)

    def removals(self, device_id: int) -> list[Record]:
        """What instructions on other devices made of this one, oldest first."""
        return lives.removals(self._db, device_id)

    def refusals(self, digests: Sequence[str]) -> list[Record]:
        """Findings of refused rows with one of these identifiers, newest file first."""
        return lives.refusals(self._db, digests)

    def batch_counts(self) -> list[Record]:
        """Batches and their records by provider and state."""
        statement = (
            select(
                batches.c.provider,
                batches.c.state,
                func.count().label("batches"),
                func.sum(batches.c.record_count).label("lines"),
            )
            .group_by(batches.c.provider, batches.c.state)
            .order_by(batches.c.provider, batches.c.state)
        )
        return [dict(row._mapping) for row in self._db.execute(statement)]

    def set_customers(self, rows: Sequence[tuple[str, str, str, str]]) -> int:
        """(account, name, provider, organisation id): add what is new, change what differs; returns changes."""
        changed = 0
        for account, name, provider, organisation_id in rows:
            known = self._db.execute(
                select(customers.c.id, customers.c.name).where(customers.c.account == account)
            ).first()
            if known is None:
                created = self._db.execute(insert(customers).values(account=account, name=name))
                (customer_id,) = created.inserted_primary_key or (0,)
                changed += 1
            else:
                customer_id = known.id
                if known.name != name:
                    self._db.execute(customers.update().where(customers.c.id == customer_id).values(name=name))
                    changed += 1
            changed += _set_organisation(self._db, customer_id, provider, organisation_id)
        return changed


def _set_organisation(connection: Connection, customer_id: int, provider: str, organisation_id: str) -> int:
    key = (customer_organisations.c.customer_id == customer_id) & (customer_organisations.c.provider == provider)
    known = connection.execute(select(customer_organisations.c.organisation_id).where(key)).scalar_one_or_none()
    if known == organisation_id:
        return 0
    values = {"customer_id": customer_id, "provider": provider, "organisation_id": organisation_id}
    statement = insert(customer_organisations).values(values)
    if known is not None:
        connection.execute(customer_organisations.update().where(key).values(organisation_id=organisation_id))
    else:
        connection.execute(statement)
    return 1
