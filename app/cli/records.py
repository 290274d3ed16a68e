"""`muster report` and `muster audit`: what is kept about the past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command, group
from jobs.errors import MusterError, NotFound
from jobs.runs import RunStatus

if TYPE_CHECKING:
    from app.bootstrap import Muster
    from jobs.runs import RunReport


def register(app: typer.Typer) -> None:
    command(
        app,
        "report",
        "A run's report: its counts, and where its page lies.",
        "muster report",
        "muster report 20261121T101502Z-1a2b3c4d --json",
        more="Without RUN_ID: the newest run that has ended.",
    )(report)
    audit = group("audit", "The audit trail: verify.")
    command(audit, "verify", "Whether the audit trail holds, its end included.", "muster audit verify")(verify)
    app.add_typer(audit)


def report(
    ctx: typer.Context,
    run_id: Annotated[str, typer.Argument(help="The run.", metavar="[RUN_ID]", show_default=False)] = "",
    as_json: Json = False,
) -> None:
    from app.cli.reports import document, show_report
    from app.cli.screen import print_json, results

    with ctx.obj.muster() as app:
        found = app.report(run_id or _newest(app))
        page = _page(app, found)
        if as_json:
            print_json(document(found, page))
        else:
            show_report(results(), found, page, app.settings.zone)


def verify(ctx: typer.Context, as_json: Json = False) -> None:
    from adapters.audit_anchor import AuditAnchor
    from app.cli.screen import messages, plural, print_json, results

    anchored = AuditAnchor(ctx.obj.workspace.audit_anchor).read()
    with ctx.obj.registry() as (registry, _), registry.view() as tx:
        broken, changed = tx.audit.breaks(anchored), tx.altered()
    newest = max((number for number, _ in anchored), default=0)
    if as_json:
        print_json({"holds": not (broken or changed), "broken": broken, "altered": changed, "anchored": newest})
    elif not (broken or changed):
        results().print("The audit trail holds: no row was changed, none was removed.", style="green")
        results().print(f"Anchored up to row {newest}." if newest else "Not anchored yet: the next run does that.")
    if broken:
        shown = ", ".join(str(number) for number in broken[:10])
        messages().print(f"THE AUDIT TRAIL IS BROKEN at {plural(len(broken), 'row')}: number {shown}", style="bold red")
    if changed:
        shown = ", ".join(changed[:10])
        messages().print(f"NOT AS THE AUDIT TRAIL HAS THEM, {len(changed)} in all: {shown}", style="bold red")
    if broken or changed:
        messages().print("  Treat it as a security event: keep the database as it is and compare it with a backup.")
        raise typer.Exit(ExitCode.FAILED)


def _newest(app: Muster) -> str:
    for run in app.recent_runs(50):
        if run.status is not RunStatus.RUNNING:
            return run.id
    raise NotFound("no run has ended yet")


def _page(app: Muster, found: RunReport) -> Path | None:
    """The page, written now if it was not yet; None, with the reason shown, where that does not succeed."""
    from app.cli.failure import show

    try:
        return app.page(found)
    except MusterError as error:
        show(error)
        return None
