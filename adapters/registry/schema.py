"""The whole schema: `metadata` with every table on it, for migrations and whoever compares with them."""

from __future__ import annotations

from adapters.registry import arrival_tables, attempt_tables, business_tables, hold_tables, upload_tables
from adapters.registry.tables import metadata

__all__ = ["arrival_tables", "attempt_tables", "business_tables", "hold_tables", "metadata", "upload_tables"]
