"""`muster status`: devices, batches, quarantine and the last runs on one screen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer

from app.cli.state import Json, command

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from adapters.registry.registry import Transaction
    from jobs.holds import Hold
    from jobs.upload import Upload

_RUNS = 8
_UPLOADS = 20
_QUIET = timedelta(minutes=5)


def register(app: typer.Typer) -> None:
    command(
        app,
        "status",
        "How everything stands, on one screen.",
        "muster status",
        "muster status --json",
    )(status)


def status(ctx: typer.Context, as_json: Json = False) -> None:
    from app.cli.screen import print_json, results

    with ctx.obj.registry() as (registry, settings):
        with registry.view() as tx:
            found = _standing(tx)
        if as_json:
            print_json(found)
        else:
            _show(results(), found, settings.zone)


def _standing(tx: Transaction) -> dict[str, Any]:
    from jobs.states import BatchState
    from jobs.upload import UploadState

    counts = tx.queries.batch_counts()
    conservation = tx.conservation.count()
    uncertain = [
        batch
        for provider in sorted({row["provider"] for row in counts})
        for batch in tx.batches.in_states(provider, (BatchState.UNCERTAIN,))
    ]
    return {
        "conservation": conservation,
        "conservation_holds": conservation.holds,
        "batches": counts,
        "uncertain": uncertain,
        "held_providers": tx.holds.all(),
        "quarantine": tx.files.held(),
        "uploads": [*tx.uploads.history(_UPLOADS, state=UploadState.HELD), *tx.uploads.in_progress()],
        "runs": tx.runs.recent(_RUNS),
    }


def _show(screen: Console, found: dict[str, Any], zone: tzinfo) -> None:
    from app.cli.reports import show_conservation
    from app.cli.screen import state, table

    show_conservation(screen, found["conservation"])
    screen.print("\nBatches", style="bold")
    if found["batches"]:
        rows = [(row["provider"], state(row["state"]), row["batches"], int(row["lines"])) for row in found["batches"]]
        screen.print(table(["Provider", "State", "Batches", "Lines"], rows))
    else:
        screen.print("  none yet")
    _show_held(screen, found["held_providers"], zone)
    _show_uncertain(screen, found["uncertain"], zone)
    _show_quarantine(screen, found["quarantine"], zone)
    _show_uploads(screen, found["uploads"], zone)
    screen.print("\nLast runs", style="bold")
    if found["runs"]:
        runs = [(run.started_at, run.job, run.provider, state(run.status), run.actor) for run in found["runs"]]
        screen.print(table(["Started", "Job", "Provider", "Status", "By"], runs, zone))
    else:
        screen.print("  none yet: `muster run order_dispatch` is the first")


def _show_held(screen: Console, holds: list[Hold], zone: tzinfo) -> None:
    from app.cli.screen import table

    if not holds:
        return
    screen.print("\nHeld: nothing is sent to these providers", style="bold red")
    rows = [(hold.since, hold.provider, hold.by, hold.reason) for hold in holds]
    screen.print(table(["Since", "Provider", "By", "Why"], rows, zone))
    for hold in holds:
        screen.print(f"  Ask what it has been sent, then: muster recover release {hold.provider} --sent FILE")


def _show_uncertain(screen: Console, batches: list[Any], zone: tzinfo) -> None:
    from app.cli.screen import plural, table

    if not batches:
        return
    screen.print(f"\nUNCERTAIN: {plural(len(batches), 'batch')}, nobody can say whether they arrived", style="bold red")
    rows = [(batch.number, batch.provider, batch.record_count, batch.made_at) for batch in batches]
    screen.print(table(["Batch", "Provider", "Lines", "Made"], rows, zone))
    for provider in sorted({batch.provider for batch in batches}):
        screen.print(
            f"  Look for proof: muster run device_enrolment_request --provider {provider}; "
            "else ask the provider. Never send the devices again by hand."
        )


def _show_quarantine(screen: Console, files: list[dict[str, Any]], zone: tzinfo) -> None:
    from app.cli.screen import plural, table

    if not files:
        screen.print("\nQuarantine", style="bold")
        screen.print("  empty")
        return
    screen.print(f"\nQuarantine: {plural(len(files), 'file')} held for a decision", style="bold red")
    rows = [(file["at"], file["name"], file["provider"], f"{file['code']}: {file['reason']}") for file in files]
    screen.print(table(["Since", "File", "Provider", "Why"], rows, zone))


def _show_uploads(screen: Console, uploads: list[Upload], zone: tzinfo) -> None:
    """Those that wait for a person, and those nobody seems to go on with."""
    from app.cli.screen import state, table
    from jobs.upload import UploadState

    held = [upload for upload in uploads if upload.state is UploadState.HELD]
    quiet = [upload for upload in uploads if upload not in held and datetime.now(UTC) - upload.updated_at > _QUIET]
    if not (held or quiet):
        return
    screen.print(f"\nUploads: {len(held):,} held for a decision, {len(quiet):,} standing still", style="bold red")
    rows = [
        (upload.updated_at, str(upload.id), upload.template, upload.uploader, state(upload.state), upload.reason)
        for upload in (*held, *quiet)
    ]
    screen.print(table(["Since", "#", "Template", "By", "Status", "Why"], rows, zone))
    if held:
        screen.print("  Look: muster uploads show NUMBER, then muster uploads commit or discard NUMBER --reason TEXT")
    if quiet:
        screen.print("  Go on: muster run bulk_upload, or see why the DAG bulk_upload does not run")
