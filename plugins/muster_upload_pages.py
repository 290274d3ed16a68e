"""The two pages about bulk uploads: the form with the history, and one upload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from muster_pages import page
from muster_viewers import Sight, Viewer, seen

from formats.findings import CATALOGUE, Severity
from formats.template import Template
from formats.templates import NAMES, all_templates, template
from formats.workbook.layout import address
from jobs.upload import Consent, Upload, UploadState

FINDINGS_SHOWN = 20
_CLASS = {
    UploadState.IN_PROGRESS: "going",
    UploadState.HELD: "warn",
    UploadState.COMPLETED: "good",
    UploadState.FAILED: "bad",
}
_SAID = {
    "received": "Upload {} was received.",
    "waiting": "This file waits already: it is upload {}. It was not taken in a second time.",
    "commit": "Upload {} was confirmed.",
    "discard": "Upload {} was discarded: nothing of it was applied.",
}


@dataclass(frozen=True)
class Wanted:
    """The filter of the history."""

    template: str = ""
    status: UploadState | None = None
    mine: bool = False

    @property
    def narrow(self) -> bool:
        return bool(self.template or self.status or self.mine)


@dataclass(frozen=True)
class UploadBounds:
    """What is stated before a person uploads."""

    size: int
    rows: int


@dataclass(frozen=True)
class Remarks:
    """What a page says beside its content. `typed`: the reasons of a form that is shown again.

    `reported`: the viewer may see the report of the upload's run.
    """

    note: str = ""
    error: str = ""
    said: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    reported: bool = True


def uploads_page(
    history: Sequence[Upload],
    more: bool,
    wanted: Wanted,
    viewer: Viewer,
    limits: UploadBounds,
    zone: tzinfo,
    remarks: Remarks,
) -> str:
    """Template, download, upload, and the history as given, newest first."""
    every = sorted(all_templates(), key=lambda item: item.title)
    return page(
        "uploads",
        templates=[item for item in every if item.owners or not viewer.closed],
        every=every,
        selected=wanted.template,
        action=f"uploads?token={viewer.token}",
        refusal=viewer.refusal,
        size=_size(limits.size),
        rows_limit=f"{limits.rows:,}",
        wanted=wanted,
        states=list(UploadState),
        limited=viewer.sight is Sight.OWN,
        history=[_line(seen(viewer, item), zone) for item in history],
        more=more,
        zone=zone,
        note=remarks.note,
        error=remarks.error,
    )


def upload_page(upload: Upload, findings: pa.Table, viewer: Viewer, zone: tzinfo, remarks: Remarks) -> str:
    """One upload as seen: how far it is, what was found, what can be decided, its answered workbook."""
    counts = upload.counts
    return page(
        "upload",
        upload=upload,
        title=title_of(upload.template),
        css=_css(upload),
        meaning=_meaning(upload),
        going=upload.state is UploadState.IN_PROGRESS,
        held=upload.state is UploadState.HELD,
        done=f"{upload.rows_done:,}" + (f" of {upload.rows_total:,}" if upload.rows_total else ""),
        counted=_counted(upload),
        counts={name: f"{getattr(counts, name):,}" for name in ("new", "changed", "unchanged")}
        | {"failed": f"{counts.failed:,}" if counts.failed else 0},
        answers=[] if viewer.sight is Sight.NUMBERS else _answers(upload),
        decide=not viewer.refusal,
        apply=_apply(counts.passed),
        commit=f"{upload.id}/commit?token={viewer.token}",
        discard=f"{upload.id}/discard?token={viewer.token}",
        typed={"commit": "", "discard": "", **remarks.typed},
        findings=_findings(upload.template, findings.slice(0, FINDINGS_SHOWN)),
        more=f"{findings.num_rows - FINDINGS_SHOWN:,}" if findings.num_rows > FINDINGS_SHOWN else "",
        received=shown_at(upload.received_at, zone),
        updated=shown_at(upload.updated_at, zone),
        zone=zone,
        run=quote(upload.run_id, safe=""),
        reported=remarks.reported,
        said=_SAID[remarks.said].format(upload.id) if remarks.said in _SAID else "",
        note=remarks.note,
        error=remarks.error,
    )


def title_of(name: str) -> str:
    """The template's title; an old upload may be of one that is gone."""
    return template(name).title if name in NAMES else name


def shown_at(moment: datetime, zone: tzinfo) -> str:
    """`05-Mar-2024 05:12 AM`, as staff know it from their portal."""
    return moment.astimezone(zone).strftime("%d-%b-%Y %I:%M %p")


def _line(upload: Upload, zone: tzinfo) -> dict[str, object]:
    return {
        "upload": upload,
        "title": title_of(upload.template),
        "css": _css(upload),
        "passed": f"{upload.counts.passed:,}",
        "failed": f"{upload.counts.failed:,}",
        "updated": shown_at(upload.updated_at, zone),
    }


def _css(upload: Upload) -> str:
    partly = upload.state is UploadState.COMPLETED and upload.counts.failed
    return "warn" if partly else _CLASS[upload.state]


def _meaning(upload: Upload) -> str:
    agreed = upload.consent is Consent.GIVEN
    return {
        UploadState.IN_PROGRESS: "The good rows are being applied." if agreed else "The workbook is being checked.",
        UploadState.HELD: "Nothing is applied yet: look at what it would do, then confirm or discard it.",
        UploadState.COMPLETED: f"Every row was dealt with: {upload.outcome}.",
        UploadState.FAILED: "Nothing was applied.",
    }[upload.state]


def _counted(upload: Upload) -> str:
    """The heading of the counts; empty where there is nothing to count yet."""
    if upload.state is UploadState.HELD:
        return "What it would do"
    if upload.state is UploadState.COMPLETED:
        return "What it did"
    return "So far" if upload.state is UploadState.IN_PROGRESS and upload.rows_done else ""


def _apply(passed: int) -> str:
    if passed == 0:
        return "Close it and get the answered workbook"
    return "Apply the 1 good row" if passed == 1 else f"Apply the {passed:,} good rows"


def _answers(upload: Upload) -> list[dict[str, str]]:
    if upload.state not in (UploadState.COMPLETED, UploadState.FAILED):
        return []
    links = [{"path": "answer", "text": "Download the answered workbook"}]
    if upload.counts.failed and upload.state is UploadState.COMPLETED:
        links.append({"path": "failed", "text": "Download the failed rows"})
    return links


def _findings(name: str, listed: pa.Table) -> list[dict[str, Any]]:
    chosen = template(name) if name in NAMES else None
    return [_finding(chosen, item) for item in listed.to_pylist()]


def _finding(chosen: Template | None, item: dict[str, Any]) -> dict[str, Any]:
    kind = CATALOGUE[item["code"]]
    headings = {column.name: column.heading for column in chosen.schema.columns} if chosen else {}
    cell = "File"
    if item["row"]:
        cell = address(chosen.schema, item["column"], item["row"]) if chosen else str(item["row"])
    return {
        "cell": cell if cell[0].isalpha() else f"Row {cell}",
        "heading": headings.get(item["column"], ""),
        "title": kind.title,
        "warning": kind.severity is Severity.WARNING,
        "fact": item["fact"],
        "remedy": kind.remedy,
    }


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB".replace(".0 ", " ") if size >= 1_000_000 else f"{size:,} bytes"
