"""The part of the registry port that keeps bulk uploads. Implemented by `adapters.registry.uploads`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa

from jobs.upload import NewUpload, Upload, Uploader, UploadState


class Uploads(Protocol):
    """Uploads, their rows and findings, and the people who may send them."""

    def create(self, upload: NewUpload, run_id: str, now: datetime) -> Upload:
        """A new upload, IN PROGRESS; its file is not taken out of its folder yet."""

    def get(self, number: int) -> Upload:
        """Raises NotFound."""

    def same(self, template: str, file_id: int, uploader: str | None = None) -> Upload | None:
        """The first upload of these bytes under this template that was not refused; with `uploader` only theirs."""

    def not_taken(self, template: str, place: str, file_name: str, file_id: int) -> Upload | None:
        """The upload of this very file, if nobody has recorded that it left its folder."""

    def in_progress(self) -> list[Upload]:
        """Oldest first."""

    def to_answer(self) -> list[Upload]:
        """Ended uploads whose answer does not lie in its place yet, oldest first."""

    def applied_in(self, run_id: str) -> list[Upload]:
        """Completed uploads whose file this run handled, not those it only recognised."""

    def uploaders_in(self, run_id: str) -> set[str]:
        """Whose workbooks the run's report is about."""

    def history(
        self, limit: int, template: str | None = None, uploader: str | None = None, state: UploadState | None = None
    ) -> list[Upload]:
        """Newest first."""

    def move(self, number: int, before: UploadState, after: UploadState, **values: Any) -> None:
        """One compare-and-set that must hit one row. Raises StateMoved."""

    def describe(self, number: int, **values: Any) -> None: ...

    def advance(self, upload: Upload, rows: pa.Table, findings: pa.Table, now: datetime) -> Upload:
        """Record one chunk (`row`, `effect`; ROW_FINDINGS) behind what is done already. Raises StateMoved."""

    def add_findings(self, number: int, findings: pa.Table) -> None: ...

    def set_findings(self, number: int, findings: pa.Table) -> None:
        """Instead of those of a preview."""

    def effects(self, number: int) -> pa.Table:
        """`row` and `effect` of every row done, in sheet order."""

    def findings(self, number: int) -> pa.Table:
        """ROW_FINDINGS of the upload, by row."""

    def uploader(self, email: str) -> Uploader | None:
        """Who `email` is; None if others are registered and this one is not. Nobody registered: anybody."""

    def anybody_may(self) -> bool:
        """Whether nobody was ever registered."""

    def uploaders(self) -> list[Uploader]:
        """The active ones, by e-mail."""

    def was_removed(self, email: str) -> bool:
        """Whether somebody was an uploader and is one no more."""

    def set_uploader(self, email: str, account: str | None, active: bool = True) -> None:
        """Add or change an uploader; `account` limits to one customer. Raises NotFound."""
