"""Providers that are held since the registry was restored from a backup"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.registry.types import Moment

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "provider_holds",
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("since", Moment, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("first_skipped", sa.Integer()),
        sa.Column("last_skipped", sa.Integer()),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_holds")),
    )
