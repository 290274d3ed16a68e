"""Whether a dropped workbook has left its folder"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("bulk_uploads", sa.Column("taken", sa.Boolean(), server_default=sa.text("true"), nullable=False))
