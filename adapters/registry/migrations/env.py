"""Alembic environment: runs on the connection it is given, inside its transaction."""

from __future__ import annotations

from alembic import context

from adapters.registry.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
