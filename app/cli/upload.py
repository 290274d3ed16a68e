"""`muster upload`: hand in a workbook, see what it would do, and apply it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command

if TYPE_CHECKING:
    import pyarrow as pa

    from adapters.inboxes.uploads import HandedIn
    from app.bootstrap import Muster
    from app.uploading import Preview
    from formats.template import Template
    from jobs.runs import Step
    from jobs.upload import Counts, Upload

_SHOWN = 20


def register(app: typer.Typer) -> None:
    command(
        app,
        "upload",
        "Check a workbook, show what it would do, and apply it.",
        "muster upload may.xlsx --template leases --as ada@example.com",
        "muster upload may.xlsx --template leases --as ada@example.com --dry-run",
        more="You are asked before anything is changed; in a script say --yes. The answered workbook, your own with a "
        "result for each row, is written beside it, or into the folder of --answers.",
    )(upload)


def upload(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The workbook.", exists=True, dir_okay=False, show_default=False)
    ],
    template: Annotated[
        str, typer.Option("--template", metavar="NAME", help="What kind of upload it is.", show_default=False)
    ],
    uploader: Annotated[str, typer.Option("--as", metavar="EMAIL", help="Who uploads it.", show_default=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    answers: Annotated[
        Path | None,
        typer.Option("--answers", metavar="FOLDER", help="Where the answered one goes.", exists=True, file_okay=False),
    ] = None,
    as_json: Json = False,
) -> None:
    from adapters.settings import actor
    from app import uploading
    from app.cli.asking import can_ask
    from app.cli.screen import working
    from jobs.upload import ENDED
    from jobs.uploads.answered_workbooks import answer_files

    if not uploader.strip():
        raise typer.BadParameter("must say who uploads it", param_hint="--as")
    if not (yes or dry_run or can_ask()):
        raise typer.BadParameter("is needed where nobody can be asked (or --dry-run)", param_hint="--yes")
    target = answers or file.parent
    if not dry_run and not os.access(target, os.W_OK):
        raise typer.BadParameter(f"{target} cannot be written: say where the answered one goes", param_hint="--answers")
    with ctx.obj.muster() as app:
        handed = uploading.hand_in(app, template, uploader.strip(), file.name, file.read_bytes())
        with working("checking the workbook"):
            found = None if yes and not dry_run else uploading.preview(app, handed, actor())
        if found is not None and not as_json:
            _show_preview(app, handed, found)
        if dry_run or (found is not None and found.previewed is None):
            assert found is not None  # noqa: S101 - a dry run is always previewed
            _end_dry_run(app, handed, found, answers, as_json)
        if not yes:
            _ask(found.previewed.counts if found and found.previewed else None)
        ended, page = uploading.apply(app, handed, actor(), watch)
        files = answer_files(app.exchange, ended) if ended.state in ENDED else {}
        written = [_written(target, name, data) for name, data in files.items()]
        with app.registry.view() as tx:
            findings = tx.uploads.findings(ended.same_as or ended.id)
    if as_json:
        from app.cli.screen import print_json

        print_json({"upload": ended, "findings": findings.to_pylist(), "answers": written, "page": str(page)})
    else:
        _show_end(ended, findings if found is None else None, written, page)
    raise typer.Exit(_code(ended))


def _ask(counts: Counts | None) -> None:
    from app.cli.screen import messages, plural

    rows = plural(counts.passed, "good row") if counts else "it"
    if not typer.confirm(f"Apply {rows}?", err=True):
        messages().print("Nothing was changed.")
        raise typer.Exit(ExitCode.NOTHING)


def watch(name: str, take: Callable[[], Step]) -> None:
    """Take a step of a run; whoever waits sees which."""
    from app.cli.screen import working

    with working(name):
        take()


def _show_preview(app: Muster, handed: HandedIn, found: Preview) -> None:
    from app.cli.screen import clean, facts, results
    from formats.templates import template

    chosen = template(handed.template)
    screen = results()
    screen.print(f"{chosen.title}: {clean(handed.name)} of {clean(handed.uploader)}", style="bold")
    if found.refusal is not None:
        screen.print("  The file would be refused as a whole; no row is applied.", style="bold red")
        show_findings(chosen, found.refusal.findings)
    elif found.previewed is not None:
        counts = found.previewed.counts
        screen.print(facts(row_counts(counts).items()))
        show_findings(chosen, found.previewed.findings)
    screen.print(f"  Report: {found.path}", soft_wrap=True)


def row_counts(counts: Counts) -> dict[str, int]:
    return {
        "data rows": counts.rows,
        "new": counts.new,
        "changed": counts.changed,
        "unchanged": counts.unchanged,
        "failed": counts.failed,
    }


def show_findings(chosen: Template, findings: pa.Table) -> None:
    """The first findings, each at its cell; the remedies once for each code."""
    from app.cli.screen import facts, results, table
    from formats.findings import CATALOGUE
    from formats.workbook.layout import address

    listed = findings.slice(0, _SHOWN).to_pylist()
    if not listed:
        return
    rows = [
        (
            address(chosen.schema, item["column"], item["row"]) if item["row"] else "file",
            CATALOGUE[item["code"]].severity.value,
            CATALOGUE[item["code"]].title,
            item["fact"] or "",
        )
        for item in listed
    ]
    results().print(table(["Cell", "", "What is wrong", "Details"], rows))
    if findings.num_rows > _SHOWN:
        results().print(f"  … and {findings.num_rows - _SHOWN:,} more, all of them in the answered workbook")
    codes = dict.fromkeys(item["code"] for item in listed)
    results().print(facts((code, CATALOGUE[code].remedy) for code in codes))


def _end_dry_run(app: Muster, handed: HandedIn, found: Preview, answers: Path | None, as_json: bool) -> None:
    from app.cli.screen import messages, print_json
    from app.uploading import answer_of

    written = ""
    if answers is not None and found.previewed is not None:
        name = f"{Path(handed.name).stem}.dry-run.result.xlsx"
        written = _written(answers, name, answer_of(app, handed, found.previewed))
    if as_json:
        print_json(_document(found, written))
    else:
        messages().print("Nothing was changed." + (f" Answered workbook: {written}" if written else ""))
    if found.previewed is None:
        raise typer.Exit(ExitCode.FAILED)
    counts = found.previewed.counts
    raise typer.Exit(_code_of(counts))


def _document(found: Preview, written: str) -> dict[str, Any]:
    findings = found.refusal.findings if found.refusal else found.previewed.findings if found.previewed else None
    return {
        "dry_run": True,
        "refused": found.refusal is not None,
        "rows": row_counts(found.previewed.counts) if found.previewed else {},
        "findings": [] if findings is None else findings.to_pylist(),
        "answer": written,
        "page": str(found.path),
    }


def _written(folder: Path, name: str, data: bytes) -> str:
    target = folder / name
    target.write_bytes(data)
    return str(target)


def _show_end(ended: Upload, findings: pa.Table | None, written: list[str], page: Path) -> None:
    """`findings`: None if they were shown already, with the question."""
    from app.cli.screen import facts, results, state
    from formats.templates import template

    screen = results()
    screen.print(f"Upload {ended.id}:", state(ended.state), ended.outcome, ended.reason)
    screen.print(facts(row_counts(ended.counts).items()))
    if findings is not None:
        show_findings(template(ended.template), findings)
    for path in written:
        what = "Failed rows, to correct and upload" if path.endswith(".failed.xlsx") else "Answered workbook"
        screen.print(f"  {what}: {path}", soft_wrap=True)
    screen.print(f"  Report: {page}", soft_wrap=True)


def _code(ended: Upload) -> ExitCode:
    from jobs.upload import UploadState

    if ended.state is not UploadState.COMPLETED:
        return ExitCode.FAILED
    return ExitCode.NOTHING if ended.same_as is not None else _code_of(ended.counts)


def _code_of(counts: Counts) -> ExitCode:
    if counts.failed:
        return ExitCode.PARTLY if counts.passed else ExitCode.FAILED
    return ExitCode.OK
