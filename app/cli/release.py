"""`muster recover release`: a provider that was held since a restore is sent to again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.state import Json
from jobs.errors import ProviderHeld

if TYPE_CHECKING:
    from rich.console import Console

    from formats.sent_list import SentList
    from jobs.release import ReleasePlan

_SHOWN = 20


def release(
    ctx: typer.Context,
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="The provider.", show_default=False)],
    sent: Annotated[
        Path | None,
        typer.Option(
            "--sent",
            metavar="FILE",
            help="What the provider says it has: an order number on each line, or order,serial.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    none_sent: Annotated[
        bool, typer.Option("--none-sent", help="The provider has none of it: all that waits is sent.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)
    ] = "",
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="PROVIDER", help="The name once more.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    from adapters.settings import actor
    from app.cli.asking import must_type
    from app.cli.screen import messages, print_json, results
    from app.recovering import unread_orders
    from jobs.release import plan_release
    from jobs.release import release as carry_out

    listed = _listed(sent, none_sent)
    with ctx.obj.muster() as app:
        app.settings.provider(provider)
        if unread := unread_orders(app):
            what = f"{len(unread)} recovered order file(s) wait in the inbox: first muster run order_dispatch"
            raise ProviderHeld(what, provider=provider)
        with app.registry.view() as tx:
            plan = plan_release(tx, provider, listed)
        if as_json:
            print_json({"plan": plan})
        else:
            _show(results(), plan, none_sent)
        if not reason.strip():
            return
        must_type(provider, confirm, "release it")
        carry_out(app.exchange, listed, plan, actor(), reason)
    messages().print(f"Released {provider}. Next: muster run device_enrolment_request --provider {provider}")


def _listed(sent: Path | None, none_sent: bool) -> SentList:
    from formats.sent_list import NOTHING_SENT, SentListFault, read
    from jobs.causes import on_disk

    if (sent is None) is not none_sent:
        raise typer.BadParameter("give the list of what was sent, or say --none-sent", param_hint="--sent")
    if sent is None:
        return NOTHING_SENT
    try:
        with on_disk(str(sent)):
            return read(sent.read_bytes())
    except SentListFault as error:
        raise typer.BadParameter(str(error), param_hint="--sent") from error


def _show(screen: Console, plan: ReleasePlan, none_sent: bool) -> None:
    from app.cli.screen import plural, table

    hold = plan.hold
    screen.print(f"{hold.provider} is held: {hold.reason}", style="bold", markup=False)
    if hold.skipped:
        screen.print(f"sequence numbers {hold.skipped[0]} to {hold.skipped[1]} were skipped: they may have been sent")
    for name in hold.found:
        screen.print(f"  it had {name} when the registry recovered", markup=False)
    if none_sent:
        screen.print("Everything below is SENT when the provider is released", style="bold red")
    rows = [(item.order_number, item.request_type, item.waiting, item.to_review) for item in plan.orders[:_SHOWN]]
    screen.print(table(["Order", "Type", "Lines waiting", "To REVIEW"], rows))
    if len(plan.orders) > _SHOWN:
        screen.print(f"  and {plural(len(plan.orders) - _SHOWN, 'more order')}: see --json")
    waiting = sum(item.waiting for item in plan.orders)
    screen.print(f"{plural(waiting - len(plan.review), 'line')} will be sent, {len(plan.review):,} go to REVIEW")
    for batch in plan.batches:
        fate = "becomes UNCERTAIN" if batch.uncertain else "will be sent"
        screen.print(f"sealed batch {batch.number}, {plural(batch.lines, 'line')}: {fate}", markup=False)
    if plan.settled:
        screen.print(f"on the list, but waiting no more: {', '.join(plan.settled)}", markup=False)
    if plan.unknown:
        unknown = ", ".join(plan.unknown)
        screen.print(f"on the list, but unknown here: {unknown}", style="bold red", markup=False)
