"""When files came and under which names, and which have not settled where they lie"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key, Moment

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", Key, nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("run_id", sa.String(length=40), nullable=False),
        sa.Column("place", sa.String(length=400), nullable=False),
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("mtime", Key, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_deliveries_file_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_deliveries_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_file_id"), "deliveries", ["file_id"], unique=False)
    op.create_index(op.f("ix_deliveries_run_id"), "deliveries", ["run_id"], unique=False)
    op.create_table(
        "unsettled_files",
        sa.Column("scope", sa.String(length=400), nullable=False),
        sa.Column("place", sa.String(length=400), nullable=False),
        sa.Column("size", Key, nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.Column("size_since", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "place", name=op.f("pk_unsettled_files")),
    )
