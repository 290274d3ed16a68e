"""Attempts to deliver a batch

Batches in doubt from before have none: what their one temporary name shows proves nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key, Moment

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", Key, nullable=False),
        sa.Column("batch_id", Key, nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("token", sa.String(length=8), nullable=False),
        sa.Column("started_at", Moment, nullable=False),
        sa.Column("asked_at", Moment),
        sa.Column("ended_at", Moment),
        sa.Column("outcome", sa.String(length=10)),
        sa.Column("cleared", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("outcome IN ('UNKNOWN', 'NOT_SENT', 'SENT')", name=op.f("ck_attempts_outcome")),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_attempts_batch_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("batch_id", "token", name=op.f("uq_attempts_batch_id_token")),
    )
