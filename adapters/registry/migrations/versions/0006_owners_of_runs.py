"""The process that began a run, so that a later one can tell that it is dead"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.String(120)))
