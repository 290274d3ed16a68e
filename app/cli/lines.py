"""`muster lines`: order lines by what became of them."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.state import Json, command
from jobs.states import LineState

_MOST = 100_000


def register(app: typer.Typer) -> None:
    command(
        app,
        "lines",
        "Order lines by state, provider or order, with their reason.",
        "muster lines --state REVIEW",
        "muster lines --state REJECTED --provider acme",
        "muster lines --order SO-1001 --json",
        more="Shows the newest, in the order they came. Device identifiers are shown.",
    )(list_lines)


def list_lines(
    ctx: typer.Context,
    state: Annotated[
        LineState | None,
        typer.Option("--state", metavar="STATE", help=f"One of {', '.join(LineState)}.", show_default=False),
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Only this provider's.", show_default=False)
    ] = "",
    order: Annotated[
        str, typer.Option("--order", metavar="NUMBER", help="Only this order's.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", metavar="COUNT", help="How many at most.", min=1, max=_MOST)] = 100,
    as_json: Json = False,
) -> None:
    from adapters.registry.listings import order_lines_of
    from app.cli import screen
    from formats.enrolment import RequestType

    with ctx.obj.registry() as (registry, settings):
        if provider:
            settings.provider(provider)
        with registry.view() as tx:
            found = order_lines_of(tx, state, provider, order.strip(), limit + 1)
    more, found = len(found) > limit, found[-limit:]
    for line in found:
        line["request"] = RequestType(line["request_type"]).name
    if as_json:
        screen.print_json({"lines": found, "more": more})
        return
    if not found:
        screen.messages().print("No line.")
        return
    names = ("order_number", "line_number", "device", "request", "state", "reason", "batch", "provider", "customer")
    rows = [[screen.state(line[name]) if name == "state" else line[name] for name in names] for line in found]
    headings = ["Order", "Line", "Device", "Type", "State", "Reason", "Batch", "Provider", "Customer"]
    screen.results().print(screen.table(headings, rows))
    if more:
        screen.messages().print(f"Only the newest {limit:,} are shown: raise --limit, or narrow by --order.")
