"""Refused rows, by the digests of their identifiers

Rows refused before this have none: the run reports of their files say what was wrong.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Key

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "refused_rows",
        sa.Column("id", Key, nullable=False),
        sa.Column("file_id", Key, nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_refused_rows_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refused_rows")),
    )
    op.create_index(op.f("ix_refused_rows_digest"), "refused_rows", ["digest"])
    op.create_index(op.f("ix_findings_file_id_row"), "findings", ["file_id", "row"])
