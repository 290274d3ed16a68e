"""Second IMEIs of devices"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    with op.batch_alter_table("devices") as devices:
        devices.add_column(sa.Column("imei2", sa.String(15)))
        devices.create_unique_constraint(op.f("uq_devices_imei2"), ["imei2"])
