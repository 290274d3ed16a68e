"""Providers that are held since the registry was restored from a backup."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table, Text

from adapters.registry.tables import metadata
from adapters.registry.types import Moment

provider_holds = Table(
    "provider_holds",
    metadata,
    Column("provider", String(40), primary_key=True),
    Column("since", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("by", String(255), nullable=False),
    Column("first_skipped", Integer),
    Column("last_skipped", Integer),
    Column("found", JSON, nullable=False),  # names at the provider that bear a skipped number
)
