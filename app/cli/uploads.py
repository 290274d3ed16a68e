"""`muster uploads`: the history, what waits for a decision, and the answered workbooks."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.state import Json, by_default, command, group
from app.cli.upload import row_counts, watch
from jobs.errors import NotFound

if TYPE_CHECKING:
    from jobs.upload import Upload

Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The number of the upload.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)]


def register(app: typer.Typer) -> None:
    uploads = group("uploads", "The bulk uploads: history, one of them, decisions.")
    command(
        uploads,
        "list",
        "The history, newest first.",
        "muster uploads list",
        "muster uploads list --template leases --as ada@example.com",
    )(list_uploads)
    command(uploads, "show", "One upload: rows, findings, who and when.", "muster uploads show 12")(show_upload)
    command(
        uploads,
        "answer",
        "Write the answered workbook once more.",
        "muster uploads answer 12 --to .",
        more="It is made from the archived workbook and the registry.",
    )(answer)
    command(
        uploads,
        "commit",
        "Apply an upload that waits for a decision.",
        'muster uploads commit 12 --reason "checked with sales"',
    )(commit)
    command(
        uploads,
        "discard",
        "Close an upload that waits for a decision; nothing is applied.",
        'muster uploads discard 12 --reason "wrong month"',
        more="You are asked to type the number; in a script give it as --confirm.",
    )(discard)
    by_default(uploads, list_uploads)
    app.add_typer(uploads)


def list_uploads(
    ctx: typer.Context,
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help="Only this template's.", show_default=False)
    ] = "",
    uploader: Annotated[
        str, typer.Option("--as", metavar="EMAIL", help="Only this person's.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="How many.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    from rich.text import Text

    from app.cli import screen
    from jobs.uploads.templates import named

    if template:
        named(template)
    with ctx.obj.registry() as (registry, settings), registry.view() as tx:
        found = tx.uploads.history(limit, template or None, uploader or None)
    if as_json:
        screen.print_json({"uploads": [_document(item) for item in found]})
    elif found:
        rows = [
            (
                Text(str(item.id)),
                _title(item),
                item.counts.passed,
                item.counts.failed,
                screen.state(item.state),
                item.outcome,
                Text(updated_at(item.updated_at, settings.zone)),
                item.updated_by,
            )
            for item in found
        ]
        headings = [
            "#",
            "Template Name",
            "Passed Records",
            "Failed Records",
            "Status",
            "Outcome",
            "Updated At",
            "Updated By",
        ]
        screen.results().print(screen.table(headings, rows))
        screen.results().print(f"  Times: {settings.zone}", style="dim")
    elif template or uploader:
        screen.messages().print("No such upload")
    else:
        screen.messages().print("No upload yet: muster template, then muster upload")


def updated_at(moment: datetime, zone: tzinfo) -> str:
    """`05-Mar-2024 05:12 AM`, as staff know it from their portal."""
    return moment.astimezone(zone).strftime("%d-%b-%Y %I:%M %p")


def show_upload(ctx: typer.Context, number: Number, as_json: Json = False) -> None:
    from app.cli import screen
    from app.cli.upload import show_findings
    from formats.templates import template

    with ctx.obj.registry() as (registry, settings), registry.view() as tx:
        upload = tx.uploads.get(number)
        findings = tx.uploads.findings(upload.same_as or upload.id)
    if as_json:
        screen.print_json({**_document(upload), "findings": findings.to_pylist()})
        return
    pairs = [
        ("template", f"{_title(upload)}, version {upload.version}"),
        ("status", screen.state(upload.state)),
        ("outcome", upload.outcome),
        ("why", upload.reason),
        ("file", upload.file_name),
        ("sha256", upload.sha256),
        ("uploader", upload.uploader),
        ("received", upload.received_at),
        ("updated", upload.updated_at),
        ("by", upload.updated_by),
        *((name, count) for name, count in row_counts(upload.counts).items()),
        ("run", upload.run_id),
    ]
    screen.results().print(f"Upload {upload.id}", style="bold")
    screen.results().print(screen.facts(pairs, settings.zone))
    show_findings(template(upload.template), findings)


def answer(
    ctx: typer.Context,
    number: Number,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where.", exists=True, file_okay=False)] = Path(),
) -> None:
    from app.cli.screen import results
    from jobs.upload import UploadState
    from jobs.uploads.answered_workbooks import answer_files

    with ctx.obj.muster() as app:
        with app.registry.view() as tx:
            upload = tx.uploads.get(number)
        if upload.state in (UploadState.IN_PROGRESS, UploadState.HELD):
            raise NotFound(f"upload {number} is {upload.state}: there is no answered workbook yet")
        for name, data in answer_files(app.exchange, upload).items():
            (to / name).write_bytes(data)
            results().print(str(to / name), soft_wrap=True)


def commit(ctx: typer.Context, number: Number, reason: Reason, as_json: Json = False) -> None:
    from adapters.settings import actor
    from app.cli.asking import must_say_why
    from app.uploading import continue_uploads
    from jobs.uploads.decisions import commit_upload

    must_say_why(reason)
    with ctx.obj.muster() as app:
        commit_upload(app.exchange, number, actor(), reason)
        continue_uploads(app, number, actor(), watch)
        _show_decided(app, number, as_json)


def discard(
    ctx: typer.Context,
    number: Number,
    reason: Reason,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="NUMBER", help="The number once more.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    from adapters.settings import actor
    from app.cli.asking import must_say_why, must_type
    from app.uploading import continue_uploads
    from jobs.uploads.decisions import discard_upload

    must_say_why(reason)
    must_type(str(number), confirm, "discard the upload")
    with ctx.obj.muster() as app:
        discard_upload(app.exchange, number, actor(), reason)
        continue_uploads(app, number, actor(), watch)
        _show_decided(app, number, as_json)


def _show_decided(app: Any, number: int, as_json: bool) -> None:
    from app.cli import screen

    with app.registry.view() as tx:
        upload = tx.uploads.get(number)
    if as_json:
        screen.print_json(_document(upload))
    else:
        screen.results().print(f"Upload {number}:", screen.state(upload.state), upload.outcome)
        screen.results().print(screen.facts(row_counts(upload.counts).items()))


def _title(upload: Upload) -> str:
    from formats.templates import NAMES, template

    return template(upload.template).title if upload.template in NAMES else upload.template


def _document(upload: Upload) -> dict[str, Any]:
    return {
        "number": upload.id,
        "template": upload.template,
        "template_name": _title(upload),
        "file": upload.file_name,
        "passed": upload.counts.passed,
        "failed": upload.counts.failed,
        "rows": row_counts(upload.counts),
        "status": upload.state,
        "outcome": upload.outcome,
        "reason": upload.reason,
        "same_as": upload.same_as,
        "received_at": upload.received_at,
        "updated_at": upload.updated_at,
        "updated_by": upload.updated_by,
        "uploader": upload.uploader,
    }
