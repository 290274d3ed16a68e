"""Every table of the registry, with the constraints that make the promises hold.

Hot state (`order_lines.state`, `batches.state`) lies in its own columns and is changed only
by compare-and-set; outcomes, device events, evidence and audit are append-only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from adapters.registry.types import Key, Moment
from formats.enrolment import BATCH_NUMBER_LENGTH, ORDER_NUMBER_LENGTH
from jobs.states import BatchState, DeviceState, LineState

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

_HOT: dict[str, Any] = {"postgresql_with": {"fillfactor": 50}}  # room for in-page (HOT) updates


def _one_of(column: str, values: type[BatchState] | type[LineState] | type[DeviceState]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


customers = Table(
    "customers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("account", String(64), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("address", String(255)),
    Column("city", String(100)),
    Column("pin_code", String(12)),
    Column("phone", String(16)),
    Column("email", String(254)),
    Column("parent_account", String(64)),
    Index(None, "name"),
)

customer_organisations = Table(
    "customer_organisations",
    metadata,
    Column("customer_id", ForeignKey("customers.id"), primary_key=True),
    Column("provider", String(40), primary_key=True),
    Column("organisation_id", String(32), nullable=False),
)

provider_states = Table(
    "provider_states",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("out_sequence", Integer, nullable=False, server_default="0"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("owner", String(120)),
    Column("until", Moment),
)

runs = Table(
    "runs",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("job", String(40), nullable=False),
    Column("key", String(520), nullable=False),
    Column("provider", String(40)),
    Column("actor", String(255), nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("order_number", String(ORDER_NUMBER_LENGTH)),
    Column("batch_number", String(BATCH_NUMBER_LENGTH)),
    Column("status", String(20), nullable=False),
    Column("owner", String(120)),  # the process that began it
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("report", JSON),
    UniqueConstraint("job", "key"),
    Index(None, "started_at"),
)

run_steps = Table(
    "run_steps",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("name", String(60), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("message", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("validations", JSON, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(20), nullable=False),  # order_dispatch, response
    Column("provider", String(40), nullable=False, server_default=""),
    Column("name", String(300), nullable=False),
    Column("media", String(10), nullable=False),  # pgp, pgp+json, plain, xlsx, csv, tsv
    Column("sha256", String(64), nullable=False),
    Column("size", Key, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("received_at", Moment, nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("signer", String(64)),
    Column("sequence", Key),
    Column("batch_id", Key),
    Column("put_away", Boolean, nullable=False, server_default=text("false")),  # remote copy moved
    Column("rows_read", Integer, nullable=False, server_default="0"),
    Column("rows_passed", Integer, nullable=False, server_default="0"),
    Column("rows_failed", Integer, nullable=False, server_default="0"),
    Column("rows_duplicate", Integer, nullable=False, server_default="0"),
    UniqueConstraint("kind", "provider", "sha256"),
    Index(
        "uq_files_provider_sequence",
        "provider",
        "sequence",
        unique=True,
        sqlite_where=text("sequence IS NOT NULL"),
        postgresql_where=text("sequence IS NOT NULL"),
    ),
)

run_files = Table(
    "run_files",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("file_id", ForeignKey("files.id"), primary_key=True),
    Column("note", String(40), nullable=False, server_default=""),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Key, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("file_id", ForeignKey("files.id")),
    Column("source", String(300), nullable=False),
    Column("row", Integer),
    Column("column", String(60)),
    Column("code", String(40), nullable=False),
    Index(None, "run_id"),
    Index(None, "file_id", "row"),
)

refused_rows = Table(
    "refused_rows",  # one for each identifier of a row that was refused; the row's findings say why
    metadata,
    Column("id", Key, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("row", Integer, nullable=False),
    Column("digest", String(64), nullable=False),  # of the identifier, never the identifier
    Index(None, "digest"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", Key, primary_key=True),
    Column("serial_number", String(40), unique=True),
    Column("imei", String(15), unique=True),
    Column("imei2", String(15), unique=True),  # its second one; none without a first
    Column("meid", String(14), unique=True),
    Column("mac", String(17), unique=True),
    Column("manufacturer", String(100)),
    Column("model", String(100)),
    Column("state", String(12), nullable=False, server_default=DeviceState.NEW),
    Column("decided_by", Key, nullable=False, server_default="0"),  # order line whose effect stands
    Column("provider", String(40)),
    Column("order_number", String(ORDER_NUMBER_LENGTH)),  # the order that holds the device, while enrolled
    _one_of("state", DeviceState),
    **_HOT,
)

orders = Table(
    "orders",
    metadata,
    Column("id", Key, primary_key=True),
    Column("provider", String(40), nullable=False),
    Column("order_number", String(ORDER_NUMBER_LENGTH), nullable=False),
    Column("request_type", String(2), nullable=False),
    Column("order_date", Moment, nullable=False),
    Column("customer_id", ForeignKey("customers.id"), nullable=False),
    Column("po_number", String(100)),
    UniqueConstraint("provider", "order_number", "request_type", "order_date"),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_id", ForeignKey("orders.id"), nullable=False),
    Column("line_number", Key, nullable=False),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("delivery_number", String(32)),
    Column("ship_date", Moment),
    Column("asset_tag", String(128)),
    Column("extensions", Text),
    Column("content_sha256", String(64), nullable=False),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("source_row", Integer, nullable=False),
    Column("state", String(20), nullable=False, server_default=LineState.WAITING),
    Column("reason", String(100)),  # a finding's code or the provider's
    UniqueConstraint("order_id", "line_number"),
    Index(None, "device_id"),
    Index(None, "file_id"),
    Index(
        "ix_order_lines_open",
        "order_id",
        sqlite_where=text("state IN ('WAITING', 'SEALED', 'SENT')"),
        postgresql_where=text("state IN ('WAITING', 'SEALED', 'SENT')"),
    ),
    _one_of("state", LineState),
    **_HOT,
)

batches = Table(
    "batches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("number", String(BATCH_NUMBER_LENGTH), nullable=False, unique=True),
    Column("provider", String(40), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("file_name", String(128), nullable=False),
    Column("state", String(12), nullable=False),
    Column("made_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("record_count", Integer, nullable=False),
    Column("order_count", Integer, nullable=False),
    Column("hash_total", Key, nullable=False),
    Column("detail_sha256", String(64), nullable=False),
    Column("plaintext_sha256", String(64), nullable=False),
    Column("archive_key", String(64), nullable=False),  # digest of the ciphertext, frozen by sealing
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    UniqueConstraint("provider", "sequence"),
    UniqueConstraint("provider", "file_name"),
    _one_of("state", BatchState),
)

lines = Table(
    "lines",
    metadata,
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
    Column("line_number", Integer, primary_key=True),
    Column("order_line_id", ForeignKey("order_lines.id"), nullable=False),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("device_key", String(40), nullable=False),  # the device id on the wire
    Column("released", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("batch_id", "device_id"),  # never the same device twice in one batch
    Index(
        "uq_lines_claim",  # an order line is in at most one live batch
        "order_line_id",
        unique=True,
        sqlite_where=text("NOT released"),
        postgresql_where=text("NOT released"),
    ),
)

run_batches = Table(
    "run_batches",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), primary_key=True),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", Key, primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("kind", String(20), nullable=False),  # delivery, listing, answer, not_sent
    Column("facts", JSON, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "batch_id"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("file_id", ForeignKey("files.id"), primary_key=True),
    Column("order_line_id", ForeignKey("order_lines.id"), primary_key=True),
    Column("level", String(8), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("line_state", String(12), nullable=False),
    Column("applied", Boolean, nullable=False),
    Column("provider_code", String(100)),
    Column("message", String(1000)),
    Column("at", Moment, nullable=False),
    Index(None, "order_line_id"),
)

line_decisions = Table(
    "line_decisions",  # of lines that no outcome decided: ended unsent, or put into review afterwards
    metadata,
    Column("id", Key, primary_key=True),
    Column("order_line_id", ForeignKey("order_lines.id"), nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", String(100)),
    Index(None, "order_line_id"),
    _one_of("state", LineState),
)

envelope_results = Table(
    "envelope_results",
    metadata,
    Column("id", Key, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("level", String(8), nullable=False),
    Column("order_number", String(ORDER_NUMBER_LENGTH)),
    Column("delivery_number", String(32)),
    Column("outcome", String(20), nullable=False),
    Column("provider_code", String(100)),
    Column("message", String(1000)),
    Index(None, "batch_id"),
)

device_events = Table(
    "device_events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("order_line_id", ForeignKey("order_lines.id"), nullable=False),  # the instruction
    Column("effect", String(12), nullable=False),
    Column("file_id", ForeignKey("files.id")),
    Column("at", Moment, nullable=False),
    Index(None, "device_id"),
)

workflow_events = Table(
    "workflow_events",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", String(30), nullable=False),
    Column("provider", String(40), nullable=False),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("order_number", String(ORDER_NUMBER_LENGTH), nullable=False),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("devices", Integer, nullable=False),
    Column("notes", Text, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("file_id", "order_number", "kind"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("file_id", ForeignKey("files.id"), primary_key=True),
    Column("code", String(40), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(10), nullable=False),  # HELD, RELEASED, SUPERSEDED
    Column("at", Moment, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("action", String(60), nullable=False),
    Column("object", String(300), nullable=False),
    Column("reason", Text, nullable=False),
    Column("facts", Text, nullable=False),  # canonical JSON: it is hashed
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
