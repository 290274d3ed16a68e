"""What the uploader of a workbook is told of it: nothing about uploads of others, if they may not see those."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from jobs.registry import Transaction
from jobs.upload import Upload

_NUMBER = re.compile(r"upload (\d+)")


def told_of(tx: Transaction, upload: Upload) -> tuple[Upload, pa.Table]:
    """The upload and its ROW_FINDINGS as its own uploader may see them.

    One that was once compared with somebody else's keeps its numbers, and no longer says with what.
    """
    findings = tx.uploads.findings(upload.same_as or upload.id)
    uploader = tx.uploads.uploader(upload.uploader)
    if uploader is not None and uploader.customer_id is None:
        return upload, findings
    if all(tx.uploads.get(number).uploader == upload.uploader for number in _named(upload, findings)):
        return upload, findings
    return replace(upload, same_as=None, reason=""), findings.schema.empty_table()


def _named(upload: Upload, findings: pa.Table) -> set[int]:
    """Numbers of other uploads that the upload or a finding names."""
    waits = findings.filter(pc.equal(findings["code"], "UPLOAD_WAITS"))["fact"].to_pylist()
    named = {int(number) for fact in waits for number in _NUMBER.findall(fact or "")}
    return named | ({upload.same_as} if upload.same_as is not None else set())
