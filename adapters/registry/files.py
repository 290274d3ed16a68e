"""Files that came in: claimed by their digest, moved by compare-and-set, quarantined whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, select, update

from adapters.registry.arrival_tables import deliveries
from adapters.registry.tables import files, quarantine
from jobs.errors import NotFound, StateMoved
from jobs.files import Arrival, Delivery, FileKind, InboundFile
from jobs.states import FileState

_HELD = quarantine.c.state == "HELD"


class Files:
    """The ledger of inbound files."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def claim(self, arrival: Arrival, run_id: str, now: datetime) -> InboundFile:
        """A row for the file, or the row that has the same bytes already (`new` says which). Notes its delivery."""
        known = _find(self._db, arrival.kind, arrival.provider, arrival.sha256)
        if known is None:
            given = {name: value for name, value in asdict(arrival).items() if name in files.c}
            self._db.execute(insert(files).values(**given, state=FileState.COLLECTED, run_id=run_id, received_at=now))
        row = known or _find(self._db, arrival.kind, arrival.provider, arrival.sha256)
        assert row is not None  # noqa: S101 - inserted above, in this transaction
        self._deliver(row.id, arrival, run_id, now)
        return as_inbound(row, new=known is None)

    def deliveries(self, file_id: int) -> list[Delivery]:
        """Each time the file came, oldest first."""
        statement = select(deliveries).where(deliveries.c.file_id == file_id).order_by(deliveries.c.id)
        return [Delivery(row.place, row.name, row.at) for row in self._db.execute(statement)]

    def _deliver(self, file_id: int, arrival: Arrival, run_id: str, now: datetime) -> None:
        """One of the same name, place and time is the same delivery, seen again: it was not removed yet, or stays."""
        facts = {"file_id": file_id, "place": arrival.place, "name": arrival.name, "mtime": arrival.mtime}
        seen = select(deliveries.c.id).where(*(deliveries.c[name] == value for name, value in facts.items()))
        if arrival.place == "" or self._db.execute(seen).first() is None:
            self._db.execute(insert(deliveries).values(**facts, run_id=run_id, at=now))

    def get(self, file_id: int) -> InboundFile:
        """Raises NotFound."""
        row = self._db.execute(select(files).where(files.c.id == file_id)).first()
        if row is None:
            raise NotFound(f"there is no file {file_id}")
        return as_inbound(row)

    def move(self, file_id: int, before: FileState, after: FileState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""
        moved = self._db.execute(
            update(files).where(files.c.id == file_id, files.c.state == before).values(state=after, **values)
        )
        if moved.rowcount != 1:
            raise StateMoved(f"file {file_id} is not {before} any more", file=file_id, before=before, after=after)

    def describe(self, file_id: int, **values: Any) -> None:
        """Fill in what was learned about the file: counts, sequence, batch, signer."""
        self._db.execute(update(files).where(files.c.id == file_id).values(**values))

    def count(self, file_id: int, *, read: int, passed: int, duplicate: int, failed: int) -> None:
        """Add rows to what is counted of the file already."""
        more = {"rows_read": read, "rows_passed": passed, "rows_duplicate": duplicate, "rows_failed": failed}
        self.describe(file_id, **{name: files.c[name] + number for name, number in more.items()})

    def in_states(self, kind: str, provider: str, states: Sequence[FileState]) -> list[InboundFile]:
        """Oldest first."""
        statement = select(files).where(files.c.kind == kind, files.c.provider == provider, files.c.state.in_(states))
        return [as_inbound(row) for row in self._db.execute(statement.order_by(files.c.id))]

    def set_aside(self, file: InboundFile, code: str, reason: str, now: datetime) -> bool:
        """Quarantine the file: it is held, whole, in the archive. False if it is held for that code already."""
        held = quarantine.c.file_id == file.id
        if self._db.execute(select(quarantine.c.code).where(held, _HELD)).scalar_one_or_none() == code:
            return False
        self.move(file.id, file.state, FileState.QUARANTINED, reason=f"{code}: {reason}")
        self._db.execute(delete(quarantine).where(held))
        self._db.execute(insert(quarantine).values(file_id=file.id, code=code, reason=reason, state="HELD", at=now))
        return True

    def held_for(self, provider: str, codes: Sequence[str]) -> list[InboundFile]:
        """Answers of the provider that are in quarantine for one of these codes, by their sequence numbers."""
        statement = self._quarantined(provider).where(_HELD, quarantine.c.code.in_(codes))
        ordered = statement.order_by(func.coalesce(files.c.sequence, 0), files.c.id)
        return [as_inbound(row) for row in self._db.execute(ordered)]

    def supersede(self, file: InboundFile, sequence: int) -> list[InboundFile]:
        """Other answers in quarantine with this number leave it and lose the number to `file`; returns them."""
        others = (files.c.sequence == sequence) & (files.c.id != file.id)
        found = [as_inbound(row) for row in self._db.execute(self._quarantined(file.provider).where(_HELD, others))]
        chosen = [item.id for item in found]
        self._db.execute(update(quarantine).where(quarantine.c.file_id.in_(chosen)).values(state="SUPERSEDED"))
        reason = files.c.reason + f"; superseded by {file.name}"
        self._db.execute(update(files).where(files.c.id.in_(chosen)).values(reason=reason, sequence=None))
        return found

    def keep_sequence(self, file: InboundFile, sequence: int) -> None:
        """A file set aside has used its number, unless another bears it."""
        bears = (files.c.provider == file.provider) & (files.c.sequence == sequence) & (files.c.id != file.id)
        if self._db.execute(select(files.c.id).where(bears)).first() is None:
            self.describe(file.id, sequence=sequence or None)

    def rest(self, file_id: int) -> None:
        """An applied file whose remote copy was put away while it was in quarantine is DONE."""
        resting = (files.c.id == file_id) & (files.c.state == FileState.APPLIED) & files.c.put_away
        self._db.execute(update(files).where(resting).values(state=FileState.DONE))

    @staticmethod
    def _quarantined(provider: str) -> Select[Any]:
        joined = select(files).join(quarantine, quarantine.c.file_id == files.c.id)
        return joined.where(
            files.c.kind == FileKind.RESPONSE,
            files.c.provider == provider,
            files.c.state == FileState.QUARANTINED,
        )

    def to_put_away(self, provider: str) -> list[InboundFile]:
        """Settled answers whose remote copy has not been moved yet."""
        statement = select(files).where(
            files.c.kind == FileKind.RESPONSE,
            files.c.provider == provider,
            files.c.state.in_((FileState.APPLIED, FileState.QUARANTINED)),
            ~files.c.put_away,
        )
        return [as_inbound(row) for row in self._db.execute(statement.order_by(files.c.id))]

    def put_away(self, file_id: int) -> None:
        """The remote copy lies in the done folder: an applied file is DONE."""
        done = case((files.c.state == FileState.APPLIED, FileState.DONE), else_=files.c.state)
        self._db.execute(update(files).where(files.c.id == file_id).values(put_away=True, state=done))

    def release(self, file_id: int) -> None:
        """The file was applied after all: it waits in quarantine no more."""
        self._db.execute(update(quarantine).where(quarantine.c.file_id == file_id, _HELD).values(state="RELEASED"))

    def held(self) -> list[dict[str, Any]]:
        """What waits in quarantine, oldest first."""
        statement = (
            select(
                files.c.id,
                files.c.kind,
                files.c.provider,
                files.c.name,
                quarantine.c.code,
                quarantine.c.reason,
                quarantine.c.at,
            )
            .join(quarantine, quarantine.c.file_id == files.c.id)
            .where(_HELD)
            .order_by(files.c.id)
        )
        return [dict(row._mapping) for row in self._db.execute(statement)]

    def sequence_taken(self, provider: str, sequence: int, file_id: int) -> bool:
        """Another file of the provider has this sequence number, and is not in quarantine."""
        statement = select(func.count()).where(
            files.c.provider == provider,
            files.c.sequence == sequence,
            files.c.id != file_id,
            files.c.state != FileState.QUARANTINED,
        )
        return bool(self._db.execute(statement).scalar_one())

    def highest_sequence(self, provider: str, unless: str) -> int:
        """Highest answer sequence number seen from the provider, 0 before the first.

        Files that are in quarantine for the code `unless` do not count.
        """
        set_aside = select(quarantine.c.file_id).where(quarantine.c.code == unless)
        counted = (files.c.state != FileState.QUARANTINED) | files.c.id.not_in(set_aside)
        statement = select(func.coalesce(func.max(files.c.sequence), 0)).where(files.c.provider == provider, counted)
        return int(self._db.execute(statement).scalar_one())


def _find(connection: Connection, kind: str, provider: str, sha256: str) -> Row[Any] | None:
    statement = select(files).where(files.c.kind == kind, files.c.provider == provider, files.c.sha256 == sha256)
    return connection.execute(statement).first()


def as_inbound(row: Row[Any], *, new: bool = False) -> InboundFile:
    return InboundFile(
        id=row.id,
        kind=row.kind,
        provider=row.provider,
        name=row.name,
        media=row.media,
        sha256=row.sha256,
        size=row.size,
        state=FileState(row.state),
        batch_id=row.batch_id,
        new=new,
    )
