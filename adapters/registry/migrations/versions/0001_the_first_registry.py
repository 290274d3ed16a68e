"""The first registry"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key, Moment

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("object", sa.String(length=300), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_table(
        "customers",
        sa.Column("id", Key, nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sa.UniqueConstraint("account", name=op.f("uq_customers_account")),
    )
    op.create_table(
        "devices",
        sa.Column("id", Key, nullable=False),
        sa.Column("serial_number", sa.String(length=40), nullable=True),
        sa.Column("imei", sa.String(length=15), nullable=True),
        sa.Column("meid", sa.String(length=14), nullable=True),
        sa.Column("mac", sa.String(length=17), nullable=True),
        sa.Column("manufacturer", sa.String(length=100), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=12), server_default="NEW", nullable=False),
        sa.Column("decided_by", Key, server_default="0", nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=True),
        sa.Column("order_number", sa.String(length=32), nullable=True),
        sa.CheckConstraint("state IN ('NEW', 'ENROLLED', 'UNENROLLED')", name=op.f("ck_devices_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("imei", name=op.f("uq_devices_imei")),
        sa.UniqueConstraint("mac", name=op.f("uq_devices_mac")),
        sa.UniqueConstraint("meid", name=op.f("uq_devices_meid")),
        sa.UniqueConstraint("serial_number", name=op.f("uq_devices_serial_number")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=True),
        sa.Column("until", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "provider_states",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("out_sequence", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_states")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("job", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=520), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=True),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=True),
        sa.Column("batch_number", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("job", "key", name=op.f("uq_runs_job_key")),
    )
    op.create_index(op.f("ix_runs_started_at"), "runs", ["started_at"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", Key, nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("order_count", sa.Integer(), nullable=False),
        sa.Column("hash_total", Key, nullable=False),
        sa.Column("detail_sha256", sa.String(length=64), nullable=False),
        sa.Column("plaintext_sha256", sa.String(length=64), nullable=False),
        sa.Column("archive_key", sa.String(length=64), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.CheckConstraint(
            "state IN ('CREATING', 'SEALED', 'SENDING', 'SENT', 'UNCERTAIN', 'ANSWERED', 'CLOSED', 'CANCELLED')",
            name=op.f("ck_batches_state"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_batches_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("number", name=op.f("uq_batches_number")),
        sa.UniqueConstraint("provider", "file_name", name=op.f("uq_batches_provider_file_name")),
        sa.UniqueConstraint("provider", "sequence", name=op.f("uq_batches_provider_sequence")),
    )
    op.create_table(
        "customer_organisations",
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_customer_organisations_customer_id")),
        sa.PrimaryKeyConstraint("customer_id", "provider", name=op.f("pk_customer_organisations")),
    )
    op.create_table(
        "files",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("provider", sa.String(length=40), server_default="", nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("media", sa.String(length=10), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", Key, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("signer", sa.String(length=64), nullable=True),
        sa.Column("sequence", Key, nullable=True),
        sa.Column("batch_id", Key, nullable=True),
        sa.Column("put_away", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("rows_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_passed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_failed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_duplicate", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_files_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("kind", "provider", "sha256", name=op.f("uq_files_kind_provider_sha256")),
    )
    op.create_index(
        "uq_files_provider_sequence",
        "files",
        ["provider", "sequence"],
        unique=True,
        sqlite_where=sa.text("sequence IS NOT NULL"),
        postgresql_where=sa.text("sequence IS NOT NULL"),
    )
    op.create_table(
        "orders",
        sa.Column("id", Key, nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=False),
        sa.Column("request_type", sa.String(length=2), nullable=False),
        sa.Column("order_date", Moment(), nullable=False),
        sa.Column("customer_id", Key, nullable=False),
        sa.Column("po_number", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "provider",
            "order_number",
            "request_type",
            "order_date",
            name=op.f("uq_orders_provider_order_number_request_type_order_date"),
        ),
    )
    op.create_table(
        "run_steps",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("validations", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_steps_run_id")),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_run_steps")),
    )
    op.create_table(
        "envelope_results",
        sa.Column("id", Key, nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=True),
        sa.Column("delivery_number", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("provider_code", sa.String(length=100), nullable=True),
        sa.Column("message", sa.String(length=1000), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_envelope_results_batch_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_envelope_results_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_envelope_results")),
    )
    op.create_index(op.f("ix_envelope_results_batch_id"), "envelope_results", ["batch_id"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", Key, nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_evidence_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_batch_id"), "evidence", ["batch_id"], unique=False)
    op.create_table(
        "findings",
        sa.Column("id", Key, nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("file_id", Key, nullable=True),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        sa.Column("column", sa.String(length=60), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_findings_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_findings_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_run_id"), "findings", ["run_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", Key, nullable=False),
        sa.Column("order_id", Key, nullable=False),
        sa.Column("line_number", Key, nullable=False),
        sa.Column("device_id", Key, nullable=False),
        sa.Column("delivery_number", sa.String(length=32), nullable=True),
        sa.Column("ship_date", Moment(), nullable=True),
        sa.Column("asset_tag", sa.String(length=128), nullable=True),
        sa.Column("extensions", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("source_row", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), server_default="WAITING", nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=True),
        sa.CheckConstraint(
            "state IN ('WAITING', 'NOT_REQUESTED', 'SEALED', 'SENT', 'ENROLLED', 'UNENROLLED', 'UNCHANGED', 'REJECTED', 'REVIEW', 'CANCELLED')",
            name=op.f("ck_order_lines_state"),
        ),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_order_lines_device_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_order_lines_file_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_order_lines_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_lines")),
        sa.UniqueConstraint("order_id", "line_number", name=op.f("uq_order_lines_order_id_line_number")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(op.f("ix_order_lines_device_id"), "order_lines", ["device_id"], unique=False)
    op.create_index(op.f("ix_order_lines_file_id"), "order_lines", ["file_id"], unique=False)
    op.create_index(
        "ix_order_lines_open",
        "order_lines",
        ["order_id"],
        unique=False,
        sqlite_where=sa.text("state IN ('WAITING', 'SEALED', 'SENT')"),
        postgresql_where=sa.text("state IN ('WAITING', 'SEALED', 'SENT')"),
    )
    op.create_table(
        "quarantine",
        sa.Column("file_id", Key, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_quarantine_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "run_batches",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_run_batches_batch_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_batches_run_id")),
        sa.PrimaryKeyConstraint("run_id", "batch_id", name=op.f("pk_run_batches")),
    )
    op.create_table(
        "run_files",
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("note", sa.String(length=40), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_run_files_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_files_run_id")),
        sa.PrimaryKeyConstraint("run_id", "file_id", name=op.f("pk_run_files")),
    )
    op.create_table(
        "workflow_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("order_number", sa.String(length=32), nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("devices", sa.Integer(), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_workflow_events_batch_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_workflow_events_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_events")),
        sa.UniqueConstraint(
            "file_id", "order_number", "kind", name=op.f("uq_workflow_events_file_id_order_number_kind")
        ),
    )
    op.create_table(
        "device_events",
        sa.Column("id", Key, nullable=False),
        sa.Column("device_id", Key, nullable=False),
        sa.Column("order_line_id", Key, nullable=False),
        sa.Column("effect", sa.String(length=12), nullable=False),
        sa.Column("file_id", Key, nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_device_events_device_id")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_device_events_file_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_device_events_order_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_events")),
    )
    op.create_index(op.f("ix_device_events_device_id"), "device_events", ["device_id"], unique=False)
    op.create_table(
        "lines",
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("line_number", sa.Integer(), nullable=False),
        sa.Column("order_line_id", Key, nullable=False),
        sa.Column("device_id", Key, nullable=False),
        sa.Column("device_key", sa.String(length=40), nullable=False),
        sa.Column("released", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_lines_batch_id")),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_lines_device_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_lines_order_line_id")),
        sa.PrimaryKeyConstraint("batch_id", "line_number", name=op.f("pk_lines")),
        sa.UniqueConstraint("batch_id", "device_id", name=op.f("uq_lines_batch_id_device_id")),
    )
    op.create_index(
        "uq_lines_claim",
        "lines",
        ["order_line_id"],
        unique=True,
        sqlite_where=sa.text("NOT released"),
        postgresql_where=sa.text("NOT released"),
    )
    op.create_table(
        "outcomes",
        sa.Column("file_id", Key, nullable=False),
        sa.Column("order_line_id", Key, nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("line_state", sa.String(length=12), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("provider_code", sa.String(length=100), nullable=True),
        sa.Column("message", sa.String(length=1000), nullable=True),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_outcomes_file_id")),
        sa.ForeignKeyConstraint(["order_line_id"], ["order_lines.id"], name=op.f("fk_outcomes_order_line_id")),
        sa.PrimaryKeyConstraint("file_id", "order_line_id", name=op.f("pk_outcomes")),
    )
    op.create_index(op.f("ix_outcomes_order_line_id"), "outcomes", ["order_line_id"], unique=False)
