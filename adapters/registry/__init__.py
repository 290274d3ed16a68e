"""The registry: SQLAlchemy Core on SQLite (default) or PostgreSQL. `registry.Registry` is the door.

Bulk work is set-based: a staging table (`bulk`), then one INSERT … SELECT or UPDATE … FROM.
"""
