"""The ledger of bulk uploads."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Row, Select, delete, func, insert, or_, select, update

from adapters.registry.bulk import fetch, load
from adapters.registry.tables import customers, files, run_files
from adapters.registry.upload_tables import bulk_uploads, upload_findings, upload_rows, uploaders
from formats.template import ROW_FINDINGS, Effect
from jobs.errors import NotFound, StateMoved
from jobs.upload import EVERYONE, Consent, Counts, NewUpload, Upload, Uploader, UploadState

_COUNTED = {
    Effect.NEW: bulk_uploads.c.rows_new,
    Effect.CHANGED: bulk_uploads.c.rows_changed,
    Effect.UNCHANGED: bulk_uploads.c.rows_unchanged,
    Effect.FAILED: bulk_uploads.c.rows_failed,
}
_OPEN = (UploadState.IN_PROGRESS, UploadState.HELD)


class Uploads:
    """Uploads, their rows and findings, and the people who may send them."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def create(self, upload: NewUpload, run_id: str, now: datetime) -> Upload:
        """A new upload, IN PROGRESS; its file is not taken out of its folder yet."""
        created = self._db.execute(
            insert(bulk_uploads).values(
                **asdict(upload),
                state=UploadState.IN_PROGRESS,
                taken=False,
                run_id=run_id,
                received_at=now,
                updated_at=now,
                updated_by=upload.uploader,
            )
        )
        (number,) = created.inserted_primary_key or (0,)
        return self.get(number)

    def get(self, number: int) -> Upload:
        """Raises NotFound."""
        row = self._db.execute(_select().where(bulk_uploads.c.id == number)).first()
        if row is None:
            raise NotFound(f"there is no upload {number}")
        return _upload(row)

    def same(self, template: str, file_id: int, uploader: str | None = None) -> Upload | None:
        """The first upload of these bytes under this template that was not refused; with `uploader` only theirs."""
        statement = _select().where(
            bulk_uploads.c.template == template,
            bulk_uploads.c.file_id == file_id,
            bulk_uploads.c.state != UploadState.FAILED,
        )
        if uploader is not None:
            statement = statement.where(bulk_uploads.c.uploader == uploader)
        row = self._db.execute(statement.order_by(bulk_uploads.c.id).limit(1)).first()
        return None if row is None else _upload(row)

    def not_taken(self, template: str, place: str, file_name: str, file_id: int) -> Upload | None:
        """The upload of this very file, if nobody has recorded that it left its folder."""
        statement = _select().where(
            bulk_uploads.c.template == template,
            bulk_uploads.c.place == place,
            bulk_uploads.c.file_name == file_name,
            bulk_uploads.c.file_id == file_id,
            ~bulk_uploads.c.taken,
        )
        row = self._db.execute(statement.order_by(bulk_uploads.c.id.desc()).limit(1)).first()
        return None if row is None else _upload(row)

    def in_progress(self) -> list[Upload]:
        """Oldest first."""
        statement = _select().where(bulk_uploads.c.state == UploadState.IN_PROGRESS).order_by(bulk_uploads.c.id)
        return [_upload(row) for row in self._db.execute(statement)]

    def to_answer(self) -> list[Upload]:
        """Ended uploads whose answer does not lie in its place yet, oldest first."""
        ended = bulk_uploads.c.state.not_in(_OPEN) & ~bulk_uploads.c.answered
        return [_upload(row) for row in self._db.execute(_select().where(ended).order_by(bulk_uploads.c.id))]

    def applied_in(self, run_id: str) -> list[Upload]:
        """Completed uploads whose file this run handled, not those it only recognised."""
        handled = select(run_files.c.file_id).where(run_files.c.run_id == run_id, run_files.c.note == "")
        statement = _select().where(
            bulk_uploads.c.file_id.in_(handled),
            bulk_uploads.c.state == UploadState.COMPLETED,
            bulk_uploads.c.same_as.is_(None),
        )
        return [_upload(row) for row in self._db.execute(statement.order_by(bulk_uploads.c.id))]

    def uploaders_in(self, run_id: str) -> set[str]:
        """Whose workbooks the run's report is about."""
        handled = select(run_files.c.file_id).where(run_files.c.run_id == run_id)
        chosen = or_(bulk_uploads.c.file_id.in_(handled), bulk_uploads.c.run_id == run_id)
        statement = select(bulk_uploads.c.uploader).where(chosen).distinct()
        return set(self._db.execute(statement).scalars())

    def history(
        self, limit: int, template: str | None = None, uploader: str | None = None, state: UploadState | None = None
    ) -> list[Upload]:
        """Newest first."""
        statement = _select().order_by(bulk_uploads.c.id.desc()).limit(limit)
        if template:
            statement = statement.where(bulk_uploads.c.template == template)
        if uploader:
            statement = statement.where(bulk_uploads.c.uploader == uploader)
        if state:
            statement = statement.where(bulk_uploads.c.state == state)
        return [_upload(row) for row in self._db.execute(statement)]

    def move(self, number: int, before: UploadState, after: UploadState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""
        moved = self._db.execute(
            update(bulk_uploads)
            .where(bulk_uploads.c.id == number, bulk_uploads.c.state == before)
            .values(state=after, **values)
        )
        if moved.rowcount != 1:
            raise StateMoved(f"upload {number} is not {before} any more", upload=number, before=before, after=after)

    def describe(self, number: int, **values: Any) -> None:
        self._db.execute(update(bulk_uploads).where(bulk_uploads.c.id == number).values(**values))

    def advance(self, upload: Upload, rows: pa.Table, findings: pa.Table, now: datetime) -> Upload:
        """Record one chunk (`row`, `effect`; ROW_FINDINGS) behind what is done already. Raises StateMoved.

        Another run that has done the chunk meanwhile makes this one hit no row, and its transaction void.
        """
        effects = rows["effect"].to_pylist()
        counted = {column.name: column + effects.count(effect) for effect, column in _COUNTED.items()}
        moved = self._db.execute(
            update(bulk_uploads)
            .where(
                bulk_uploads.c.id == upload.id,
                bulk_uploads.c.state == UploadState.IN_PROGRESS,
                bulk_uploads.c.rows_done == upload.rows_done,
            )
            .values(rows_done=upload.rows_done + rows.num_rows, updated_at=now, **counted)
        )
        if moved.rowcount != 1:
            raise StateMoved(f"upload {upload.id} has moved on", upload=upload.id)
        load(self._db, upload_rows, _numbered(upload.id, rows))
        self.add_findings(upload.id, findings)
        return self.get(upload.id)

    def add_findings(self, number: int, findings: pa.Table) -> None:
        load(self._db, upload_findings, _numbered(number, findings))

    def set_findings(self, number: int, findings: pa.Table) -> None:
        """Instead of those of a preview."""
        self._db.execute(delete(upload_findings).where(upload_findings.c.upload_id == number))
        self.add_findings(number, findings)

    def effects(self, number: int) -> pa.Table:
        """`row` and `effect` of every row done, in sheet order."""
        statement = select(upload_rows.c.row, upload_rows.c.effect).where(upload_rows.c.upload_id == number)
        schema = (("row", pa.int64()), ("effect", pa.string()))
        return fetch(self._db, statement.order_by(upload_rows.c.row), schema)

    def findings(self, number: int) -> pa.Table:
        """ROW_FINDINGS of the upload, by row."""
        columns = (upload_findings.c.row, upload_findings.c.column, upload_findings.c.code, upload_findings.c.fact)
        statement = select(*columns).where(upload_findings.c.upload_id == number)
        listed = fetch(
            self._db,
            statement.order_by(upload_findings.c.row, upload_findings.c.id),
            [(item.name, item.type) for item in ROW_FINDINGS],
        )
        return listed.cast(ROW_FINDINGS)

    def uploader(self, email: str) -> Uploader | None:
        """Who `email` is; None if others are registered and this one is not. Nobody registered: anybody."""
        if self.anybody_may():
            return Uploader(email)
        return next((found for found in self.uploaders() if found.email == email), None)

    def anybody_may(self) -> bool:
        """Whether nobody was ever registered."""
        return self._db.execute(select(func.count()).select_from(uploaders)).scalar_one() == 0

    def uploaders(self) -> list[Uploader]:
        """The active ones, by e-mail."""
        source = uploaders.outerjoin(customers, customers.c.id == uploaders.c.customer_id)
        statement = select(
            uploaders.c.email, uploaders.c.customer_id, customers.c.account, customers.c.name
        ).select_from(source)
        rows = self._db.execute(statement.where(uploaders.c.active).order_by(uploaders.c.email))
        return [Uploader(row.email, row.customer_id, row.account or EVERYONE, row.name or "") for row in rows]

    def was_removed(self, email: str) -> bool:
        """Whether somebody was an uploader and is one no more."""
        statement = select(uploaders.c.email).where(uploaders.c.email == email, ~uploaders.c.active)
        return self._db.execute(statement).first() is not None

    def set_uploader(self, email: str, account: str | None, active: bool = True) -> None:
        """Add or change an uploader; `account` limits to one customer. Raises NotFound."""
        customer_id = None
        if account is not None:
            statement = select(customers.c.id).where(customers.c.account == account)
            customer_id = self._db.execute(statement).scalar_one_or_none()
            if customer_id is None:
                raise NotFound(f"there is no customer {account!r}")
        values = {"customer_id": customer_id, "active": active}
        changed = self._db.execute(update(uploaders).where(uploaders.c.email == email).values(**values))
        if changed.rowcount == 0:
            self._db.execute(insert(uploaders).values(email=email, **values))


def _numbered(number: int, table: pa.Table) -> pa.Table:
    return table.add_column(0, "upload_id", pa.array([number] * table.num_rows, pa.int64()))


def _select() -> Select[Any]:
    return select(bulk_uploads, files.c.sha256).join(files, files.c.id == bulk_uploads.c.file_id)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        id=row.id,
        template=row.template,
        version=row.version,
        file_id=row.file_id,
        file_name=row.file_name,
        sha256=row.sha256,
        uploader=row.uploader,
        place=row.place,
        state=UploadState(row.state),
        consent=Consent(row.consent),
        reason=row.reason,
        same_as=row.same_as,
        rows_total=row.rows_total,
        rows_done=row.rows_done,
        counts=Counts(row.rows_new, row.rows_changed, row.rows_unchanged, row.rows_failed),
        answered=row.answered,
        run_id=row.run_id,
        received_at=row.received_at,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )
