"""Bulk uploads, their rows and findings, and the people who may send them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key, Moment

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "uploaders",
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("customer_id", Key, nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_uploaders_customer_id")),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_uploaders")),
    )
    op.create_table(
        "bulk_uploads",
        sa.Column("id", Key, nullable=False),
        sa.Column("template", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("file_name", sa.String(length=300), nullable=False),
        sa.Column("uploader", sa.String(length=254), nullable=False),
        sa.Column("place", sa.String(length=400), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("consent", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("same_as", Key, nullable=True),
        sa.Column("rows_total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_new", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_changed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("answered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("updated_by", sa.String(length=254), nullable=False),
        sa.CheckConstraint("consent IN ('BY_SETTING', 'ASK', 'GIVEN')", name=op.f("ck_bulk_uploads_consent")),
        sa.CheckConstraint(
            "state IN ('IN PROGRESS', 'HELD', 'COMPLETED', 'FAILED')", name=op.f("ck_bulk_uploads_state")
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_bulk_uploads_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_bulk_uploads_run_id")),
        sa.ForeignKeyConstraint(["same_as"], ["bulk_uploads.id"], name=op.f("fk_bulk_uploads_same_as")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_uploads")),
    )
    op.create_index(op.f("ix_bulk_uploads_file_id"), "bulk_uploads", ["file_id"], unique=False)
    op.create_index(op.f("ix_bulk_uploads_state"), "bulk_uploads", ["state"], unique=False)
    op.create_table(
        "upload_findings",
        sa.Column("id", Key, nullable=False),
        sa.Column("upload_id", Key, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("column", sa.String(length=60), nullable=True),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("fact", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["upload_id"], ["bulk_uploads.id"], name=op.f("fk_upload_findings_upload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_findings")),
    )
    op.create_index(op.f("ix_upload_findings_upload_id"), "upload_findings", ["upload_id"], unique=False)
    op.create_table(
        "upload_rows",
        sa.Column("upload_id", Key, nullable=False),
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("effect", sa.String(length=10), nullable=False),
        sa.CheckConstraint("effect IN ('NEW', 'CHANGED', 'UNCHANGED', 'FAILED')", name=op.f("ck_upload_rows_effect")),
        sa.ForeignKeyConstraint(["upload_id"], ["bulk_uploads.id"], name=op.f("fk_upload_rows_upload_id")),
        sa.PrimaryKeyConstraint("upload_id", "row", name=op.f("pk_upload_rows")),
    )
