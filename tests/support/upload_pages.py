"""Uploads as the pages show them: every state, long and hostile texts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from formats.template import ROW_FINDINGS
from jobs.upload import Consent, Counts, Upload, UploadState

HOSTILE = "<script>alert(1)</script><img src=https://example.com/x.png onerror=alert(2)>\"'&"
_RECEIVED = datetime(2024, 3, 4, 23, 40, tzinfo=UTC)

COMPLETED = Upload(
    id=41,
    template="enrolment_order",
    version=1,
    file_id=1,
    file_name="orders march.xlsx",
    sha256="a" * 64,
    uploader="ada@example.com",
    place="handed in:1",
    state=UploadState.COMPLETED,
    consent=Consent.GIVEN,
    reason="checked with sales",
    same_as=None,
    rows_total=1200,
    rows_done=1200,
    counts=Counts(new=1100, changed=60, unchanged=17, failed=23),
    answered=True,
    run_id="20240304T234000Z-0000",
    received_at=_RECEIVED,
    updated_at=_RECEIVED + timedelta(minutes=2),
    updated_by="ada@example.com",
)
HELD = replace(
    COMPLETED, id=42, state=UploadState.HELD, consent=Consent.ASK, rows_done=0, reason="it waits for somebody to agree"
)
CHECKED = replace(
    HELD, id=43, state=UploadState.IN_PROGRESS, rows_total=0, counts=Counts(), reason="", template="leases"
)
APPLIED = replace(
    HELD, id=44, state=UploadState.IN_PROGRESS, consent=Consent.GIVEN, rows_done=400, counts=Counts(new=390, failed=10)
)
REFUSED = replace(
    COMPLETED,
    id=45,
    state=UploadState.FAILED,
    rows_total=0,
    rows_done=0,
    counts=Counts(),
    reason="WORKBOOK_MACROS: The workbook contains macros",
)
NASTY = replace(
    COMPLETED,
    id=46,
    file_name=f"{HOSTILE}{'x' * 150}.xlsx",
    uploader=f"{HOSTILE}@example.com",
    updated_by="a" * 200 + "@example.com",
    reason=HOSTILE,
)
AGAIN = replace(COMPLETED, id=47, same_as=41, template="gone_template", counts=Counts(unchanged=1177, failed=23))
ALL = (AGAIN, NASTY, REFUSED, APPLIED, CHECKED, HELD, COMPLETED)

FINDINGS = pa.Table.from_pylist(
    [
        {"row": 0, "column": None, "code": "SHEET_STRAY", "fact": "Sheet2"},
        {"row": 3, "column": "imei", "code": "IMEI_INVALID", "fact": "490154203237519"},
        {"row": 17, "column": "customer_account", "code": "CUSTOMER_UNKNOWN", "fact": HOSTILE},
        {"row": 18, "column": None, "code": "ROW_DUPLICATE", "fact": None},
        *({"row": 20 + n, "column": "serial_number", "code": "DEVICE_CONFLICT", "fact": "x" * 80} for n in range(25)),
    ],
    schema=ROW_FINDINGS,
)
NO_FINDINGS = ROW_FINDINGS.empty_table()
