"""What of an upload, and of a run report, somebody may see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import pyarrow as pa

from formats.template import ROW_FINDINGS
from jobs.job import Job
from jobs.registry import Transaction
from jobs.runs import Run, RunReport
from jobs.upload import Upload

ANOTHER = "another person"
SCHEDULE = "airflow"
"""Who starts a run that nobody started."""


class Sight(StrEnum):
    """How much somebody sees who may read the runs of bulk_upload."""

    ALL = "all"  # operators, and uploaders of every customer
    OWN = "own"  # uploaders of one customer, and those who were removed: their own uploads
    NUMBERS = "numbers"  # everybody else: no addresses, file names or cells, nothing of a workbook


@dataclass(frozen=True)
class Viewer:
    """Who looks at the pages. `refusal` says why they may not upload."""

    address: str
    token: str
    refusal: str = ""
    sight: Sight = Sight.ALL
    closed: bool = False  # only templates whose rows can be traced to a customer


def seen(viewer: Viewer, upload: Upload) -> Upload:
    """The upload without what the viewer may not see."""
    if viewer.sight is Sight.ALL:
        return upload
    shown = replace(
        upload, uploader=_person(viewer, upload.uploader), updated_by=_person(viewer, upload.updated_by), place=""
    )
    return replace(shown, file_name="", reason="") if viewer.sight is Sight.NUMBERS else shown


def seen_findings(viewer: Viewer, findings: pa.Table) -> pa.Table:
    """Without what stands in cells, for those who see numbers only. `findings`: ROW_FINDINGS."""
    if viewer.sight is not Sight.NUMBERS:
        return findings
    nothing = pa.nulls(findings.num_rows, pa.string())
    return findings.set_column(findings.column_names.index("fact"), ROW_FINDINGS.field("fact"), nothing)


def seen_report(viewer: Viewer, report: RunReport) -> RunReport:
    """A report on uploads of the viewer's own: its steps and findings may speak of others' folders and uploads."""
    if viewer.sight is not Sight.OWN:
        return report
    names = {name for file in report.files for name in (file.name, *file.other_names)}
    return replace(
        report,
        run=seen_run(viewer, report.run),
        steps=[replace(step, message="") for step in report.steps],
        findings=[found for found in report.findings if found.file in names],
    )


def sees_run(tx: Transaction, viewer: Viewer, run: Run) -> bool:
    """Whether the viewer may see the run and its report, once they may read the runs of its DAG."""
    if viewer.sight is Sight.OWN:
        return run.job is Job.BULK_UPLOAD and tx.uploads.uploaders_in(run.id) == {viewer.address}
    return viewer.sight is Sight.ALL or run.job is not Job.BULK_UPLOAD


def seen_run(viewer: Viewer, run: Run) -> Run:
    """Without another person's address, for those who see their own."""
    return replace(run, actor=_person(viewer, run.actor)) if viewer.sight is Sight.OWN else run


def _person(viewer: Viewer, address: str) -> str:
    return address if address in (viewer.address, SCHEDULE) else ANOTHER
