"""When files came and under which names, and which have not settled where they lie."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, String, Table

from adapters.registry.tables import metadata
from adapters.registry.types import Key, Moment

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("place", String(400), nullable=False),  # the folder it lay in; empty: handed in
    Column("name", String(300), nullable=False),
    Column("mtime", Key, nullable=False),  # as its server tells; 0: it does not
    Column("at", Moment, nullable=False),
    Index(None, "file_id"),
    Index(None, "run_id"),
)

unsettled_files = Table(
    "unsettled_files",
    metadata,
    Column("scope", String(400), primary_key=True),  # whose look it was
    Column("place", String(400), primary_key=True),
    Column("size", Key, nullable=False),
    Column("since", Moment, nullable=False),
    Column("size_since", Moment, nullable=False),  # it has had this size
)
