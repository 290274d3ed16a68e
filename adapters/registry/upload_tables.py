"""The ledger of bulk uploads: who sent which workbook, how far it is, and what became of each row."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, text

from adapters.registry.tables import metadata
from adapters.registry.types import Key, Moment
from formats.template import Effect
from jobs.upload import Consent, UploadState

_NONE = text("0")


def _one_of(column: str, values: type[UploadState] | type[Consent] | type[Effect]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


uploaders = Table(
    "uploaders",
    metadata,
    Column("email", String(254), primary_key=True),
    Column("customer_id", ForeignKey("customers.id")),  # null: every customer
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

bulk_uploads = Table(
    "bulk_uploads",
    metadata,
    Column("id", Key, primary_key=True),
    Column("template", String(40), nullable=False),
    Column("version", Integer, nullable=False),
    Column("file_id", ForeignKey("files.id"), nullable=False),
    Column("file_name", String(300), nullable=False),
    Column("uploader", String(254), nullable=False),
    Column("place", String(400), nullable=False),  # the inbox that waits for the answer; empty: none does
    Column("state", String(12), nullable=False),
    Column("consent", String(10), nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("same_as", ForeignKey("bulk_uploads.id")),  # the earlier upload of the same bytes
    Column("rows_total", Integer, nullable=False, server_default=_NONE),
    Column("rows_done", Integer, nullable=False, server_default=_NONE),
    Column("rows_new", Integer, nullable=False, server_default=_NONE),
    Column("rows_changed", Integer, nullable=False, server_default=_NONE),
    Column("rows_unchanged", Integer, nullable=False, server_default=_NONE),
    Column("rows_failed", Integer, nullable=False, server_default=_NONE),
    Column("answered", Boolean, nullable=False, server_default=text("false")),
    Column("taken", Boolean, nullable=False, server_default=text("true")),  # false: perhaps still in its folder
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("received_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("updated_by", String(254), nullable=False),
    Index(None, "file_id"),
    Index(None, "state"),
    _one_of("state", UploadState),
    _one_of("consent", Consent),
)

upload_rows = Table(
    "upload_rows",
    metadata,
    Column("upload_id", ForeignKey("bulk_uploads.id"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("effect", String(10), nullable=False),
    _one_of("effect", Effect),
)

upload_findings = Table(
    "upload_findings",
    metadata,
    Column("id", Key, primary_key=True),
    Column("upload_id", ForeignKey("bulk_uploads.id"), nullable=False),
    Column("row", Integer, nullable=False),  # 0: the file as a whole
    Column("column", String(60)),
    Column("code", String(40), nullable=False),
    Column("fact", Text),
    Index(None, "upload_id"),
)
