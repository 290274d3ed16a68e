"""Attempts to deliver batches."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, String, Table, UniqueConstraint, text

from adapters.registry.tables import metadata
from adapters.registry.types import Key, Moment
from jobs.attempts import AttemptOutcome

_OUTCOMES = ", ".join(f"'{value}'" for value in AttemptOutcome)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("token", String(8), nullable=False),  # makes its temporary name its own
    Column("started_at", Moment, nullable=False),  # committed before the first byte leaves
    Column("asked_at", Moment),  # committed before the rename is asked for
    Column("ended_at", Moment),
    Column("outcome", String(10)),  # null: under way, or its process died
    Column("cleared", Boolean, nullable=False, server_default=text("false")),  # no temporary file is left
    UniqueConstraint("batch_id", "token"),
    CheckConstraint(f"outcome IN ({_OUTCOMES})", name="outcome"),
)
