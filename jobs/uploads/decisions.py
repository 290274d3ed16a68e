"""What a person decides about an upload that waits: commit it or discard it. Both are in the audit trail."""

from __future__ import annotations

from formats.template import ROW_FINDINGS
from jobs.context import Exchange
from jobs.errors import NotWaiting
from jobs.upload import Consent, Upload, UploadState
from jobs.uploads.reading import refused

_NOTHING_YET = {"rows_new": 0, "rows_changed": 0, "rows_unchanged": 0, "rows_failed": 0}


def commit_upload(exchange: Exchange, number: int, actor: str, reason: str) -> Upload:
    """Let a held upload go on; the next run applies it. Raises NotFound, NotWaiting."""
    return _decide(exchange, number, actor, reason, UploadState.IN_PROGRESS, "upload committed")


def discard_upload(exchange: Exchange, number: int, actor: str, reason: str) -> Upload:
    """Close a held upload without applying anything. Raises NotFound, NotWaiting."""
    return _decide(exchange, number, actor, reason, UploadState.FAILED, "upload discarded")


def _decide(exchange: Exchange, number: int, actor: str, reason: str, after: UploadState, action: str) -> Upload:
    now = exchange.clock.now()
    with exchange.registry.transaction() as tx:
        upload = tx.uploads.get(number)
        if upload.state is not UploadState.HELD:
            raise NotWaiting(f"upload {number} is {upload.state}, not {UploadState.HELD}", upload=number)
        tx.uploads.move(
            number,
            UploadState.HELD,
            after,
            consent=Consent.GIVEN,
            reason=reason,
            updated_at=now,
            updated_by=actor,
            **_NOTHING_YET,
        )
        discarded = after is UploadState.FAILED
        tx.uploads.set_findings(
            number, refused("UPLOAD_DISCARDED", reason) if discarded else ROW_FINDINGS.empty_table()
        )
        tx.audit.append(
            actor=actor,
            action=action,
            subject=f"upload {number}",
            now=now,
            reason=reason,
            facts={"template": upload.template, "sha256": upload.sha256},
        )
        return tx.uploads.get(number)
