"""`muster customers`: accounts and their organisation ids at the providers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command, group

if TYPE_CHECKING:
    from app.cli.customer_file import CustomerRows


def register(app: typer.Typer) -> None:
    customers = group("customers", "The customers: import, list.")
    command(
        customers,
        "import",
        "Add customers from a CSV file, or change them.",
        "muster customers import customers.csv",
        more="The heading is account,name,provider,organisation_id; one row for each customer and provider. "
        "Good rows are taken in, wrong ones are shown; nothing is ever removed.",
    )(import_customers)
    command(customers, "list", "Every customer.", "muster customers list", "muster customers list --json")(
        list_customers
    )
    app.add_typer(customers)


def import_customers(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The CSV file, UTF-8.", exists=True, dir_okay=False, show_default=False),
    ],
    as_json: Json = False,
) -> None:
    from adapters.clock import SystemClock
    from adapters.settings import actor
    from app.cli.customer_file import read

    with ctx.obj.registry(change=True) as (registry, settings):
        rows = read(file.read_bytes(), [provider.name for provider in settings.providers])
        with registry.transaction() as tx:
            changed = tx.queries.set_customers(rows.good) if rows.good else 0
            tx.audit.append(
                actor=actor(),
                action="customers imported",
                subject=f"file {rows.sha256}",
                now=SystemClock().now(),
                facts={"rows": len(rows.good), "refused": rows.refused, "changes": changed},
            )
    _show_import(rows, changed, as_json)
    if rows.refused:
        raise typer.Exit(ExitCode.PARTLY if rows.good else ExitCode.FAILED)
    if not changed:
        raise typer.Exit(ExitCode.NOTHING)


def list_customers(ctx: typer.Context, as_json: Json = False) -> None:
    from adapters.registry.listings import all_customers
    from app.cli.screen import messages, print_json, results, table

    with ctx.obj.registry() as (registry, _), registry.view() as tx:
        found = all_customers(tx)
    if as_json:
        print_json({"customers": found})
    elif found:
        rows = [(item["account"], item["name"], item["provider"], item["organisation_id"]) for item in found]
        results().print(table(["Account", "Name", "Provider", "Organisation id"], rows))
    else:
        messages().print("No customer yet: muster customers import customers.csv")


def _show_import(rows: CustomerRows, changed: int, as_json: bool) -> None:
    from app.cli.screen import messages, plural, print_json, results, table
    from formats.findings import CATALOGUE

    if as_json:
        found: list[dict[str, Any]] = [
            {**item, "title": CATALOGUE[item["code"]].title, "remedy": CATALOGUE[item["code"]].remedy}
            for item in rows.findings
        ]
        print_json({"rows": len(rows.good), "refused": rows.refused, "changes": changed, "findings": found})
        return
    results().print(f"{plural(len(rows.good), 'row')} taken in, {plural(changed, 'change')}, {rows.refused:,} refused.")
    if rows.findings:
        listed = [(item["row"], item["column"], CATALOGUE[item["code"]].title) for item in rows.findings]
        results().print(table(["Row", "Column", "What is wrong"], listed))
        for code in dict.fromkeys(item["code"] for item in rows.findings):
            messages().print(f"  {code}: {CATALOGUE[code].remedy}")
