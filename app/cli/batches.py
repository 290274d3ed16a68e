"""`muster batch`: the ledger of batches."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.state import Json, command, group
from jobs.errors import NotFound
from jobs.states import BatchState

if TYPE_CHECKING:
    from datetime import tzinfo

    from rich.console import Console

    from adapters.registry.registry import Transaction
    from app.cli.screen import Cell
    from jobs.batches import Batch


def register(app: typer.Typer) -> None:
    batch = group("batch", "The batches: list, show, cancel.")
    command(
        batch,
        "list",
        "Every batch, oldest first.",
        "muster batch list",
        "muster batch list --provider acme --state UNCERTAIN",
    )(list_batches)
    command(
        batch,
        "show",
        "One batch: totals, lines by state, evidence, answers.",
        "muster batch show ACME-000001",
        "muster batch show ACME-000001 --lines",
        more="Device identifiers are shown only with --lines.",
    )(show_batch)
    command(
        batch,
        "cancel",
        "Cancel a sealed batch that was not sent.",
        'muster batch cancel ACME-000001 --reason "wrong customer"',
        more="Its lines wait again and go into the next batch. You are asked to type the number; "
        "in a script give it as --confirm.",
    )(cancel)
    app.add_typer(batch)


def list_batches(
    ctx: typer.Context,
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Only this provider's.", show_default=False)
    ] = "",
    state: Annotated[
        BatchState | None,
        typer.Option("--state", metavar="STATE", help=f"One of {', '.join(BatchState)}.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    from app.cli import screen

    with ctx.obj.registry() as (registry, settings):
        if provider:
            settings.provider(provider)
        with registry.view() as tx:
            names = [provider] if provider else sorted({row["provider"] for row in tx.queries.batch_counts()})
            states = (state,) if state else tuple(BatchState)
            found = [batch for name in names for batch in tx.batches.in_states(name, states)]
    if as_json:
        screen.print_json({"batches": found})
    elif found:
        rows = [
            (item.number, screen.state(item.state), item.record_count, item.order_count, item.made_at, item.sent_at)
            for item in found
        ]
        headings = ["Batch", "State", "Lines", "Orders", "Made", "Sent"]
        screen.results().print(screen.table(headings, rows, settings.zone))
    else:
        screen.messages().print("No batch.")


def show_batch(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The batch number.", show_default=False)],
    with_lines: Annotated[bool, typer.Option("--lines", help="Show every line with its device.")] = False,
    as_json: Json = False,
) -> None:
    from app.cli.screen import print_json, results

    with ctx.obj.registry() as (registry, settings), registry.view() as tx:
        batch = tx.batches.find(number.strip().upper()) or tx.batches.find(number.strip())
        if batch is None:
            raise NotFound(f"there is no batch {number!r}")
        found = _batch(tx, batch, with_lines)
    if as_json:
        print_json(found)
    else:
        _show(results(), found, settings.zone)


def cancel(
    ctx: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="The batch number.", show_default=False)],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)],
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="NUMBER", help="The number once more.", show_default=False)
    ] = "",
) -> None:
    from adapters.settings import actor
    from app.cli.asking import must_say_why, must_type
    from app.cli.screen import plural, results

    must_say_why(reason)
    must_type(number, confirm, "cancel it")
    with ctx.obj.muster() as app:
        waiting = app.cancel_batch(number, actor(), reason)
    results().print(f"Cancelled {number}: {plural(waiting, 'line')} waiting again.")


def _batch(tx: Transaction, batch: Batch, with_lines: bool) -> dict[str, Any]:
    from adapters.registry.listings import answers_to

    return {
        "batch": asdict(batch),
        "outcomes": tx.batches.outcome_counts(batch.id),
        "orders": tx.batches.order_numbers(batch.id),
        "evidence": tx.batches.evidence_of(batch.id),
        "answers": answers_to(tx, batch.id),
    } | ({"lines": tx.answers.lines_of(batch.id).to_pylist()} if with_lines else {})


def _fact(name: str, value: object) -> tuple[str, Cell]:
    """A fact of an evidence as people read it: times as times, sizes in bytes."""
    if name == "mtime" and isinstance(value, int):
        return "written at", datetime.fromtimestamp(value, UTC) if value else "not told"
    return name.replace("_", " "), f"{value:,} bytes" if name == "size" else str(value)


def _show(screen: Console, found: dict[str, Any], zone: tzinfo) -> None:
    from rich.text import Text

    from app.cli.reports import counts
    from app.cli.screen import facts, moment, state, table

    batch = found["batch"]
    screen.print(Text.assemble((f"Batch {batch['number']}  ", "bold"), state(batch["state"])))
    screen.print(
        facts(
            [
                ("provider", batch["provider"]),
                ("file", batch["file_name"]),
                ("made", batch["made_at"]),
                ("sent", batch["sent_at"]),
                ("orders", batch["order_count"]),
                ("lines", f"{batch['record_count']:,} ({counts(found['outcomes'])})"),
                ("hash total", str(batch["hash_total"])),
            ],
            zone,
        )
    )
    screen.print("\nSHA-256", style="bold")
    digests = (("details", "detail_sha256"), ("plaintext", "plaintext_sha256"), ("file", "archive_key"))
    screen.print(facts((name, batch[field]) for name, field in digests))
    screen.print("\nEvidence", style="bold")
    for item in found["evidence"]:
        screen.print(Text.assemble((f"  {item['kind']}", "bold"), f"  {moment(item['at'], zone)}"))
        screen.print(facts((_fact(name, value) for name, value in item["facts"].items()), zone, indent=4))
    if not found["evidence"]:
        screen.print("  none: it has not been sent")
    screen.print("\nAnswers", style="bold")
    if found["answers"]:
        rows = [(item["name"], state(item["state"]), item["received_at"], item["reason"]) for item in found["answers"]]
        screen.print(table(["File", "State", "Received", "Reason"], rows, zone))
    else:
        screen.print("  none yet")
    if "lines" in found:
        screen.print("\nLines", style="bold")
        lines = [
            (item["order_number"], item["device_key"], item["request_type"], state(item["state"]))
            for item in found["lines"]
        ]
        screen.print(table(["Order", "Device", "Type", "State"], lines))
