"""`muster uploaders`: who may upload, and for which customer."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from app.cli.state import Json, command, group
from jobs.errors import NotFound

Email = Annotated[
    str, typer.Argument(metavar="EMAIL", help="The person's address, or their login name.", show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)]
_ADDRESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._%+'-]*(?:@[A-Za-z0-9.-]+)?")


def register(app: typer.Typer) -> None:
    uploaders = group("uploaders", "Who may upload: list, add, remove.")
    command(uploaders, "list", "Everybody who may upload, and for which customer.", "muster uploaders list")(
        list_uploaders
    )
    command(
        uploaders,
        "add",
        "Let somebody upload, for every customer or for one.",
        "muster uploaders add ada@example.com --reason 'new in sales'",
        "muster uploaders add ben@example.com --customer C-1007 --reason 'dealer'",
        more="Makes the drop folders. While nobody is registered everybody may upload; from the first on only those "
        "who are. For somebody who is there already the customer is changed.",
    )(add)
    command(
        uploaders,
        "remove",
        "Let somebody upload no more.",
        "muster uploaders remove ada@example.com --reason 'left'",
        more="The drop folders stay; what is dropped there is refused. You are asked to type the address; "
        "in a script give it as --confirm.",
    )(remove)
    app.add_typer(uploaders)


def list_uploaders(ctx: typer.Context, as_json: Json = False) -> None:
    from app.cli.screen import messages, print_json, results, table

    with ctx.obj.registry() as (registry, _), registry.view() as tx:
        found = tx.uploads.uploaders()
        anybody = tx.uploads.anybody_may()
    if as_json:
        print_json({"uploaders": [{"email": item.email, "customer": item.customer} for item in found]})
    elif found:
        results().print(table(["E-mail", "Customer"], [(item.email, item.customer) for item in found]))
    elif anybody:
        messages().print("Nobody is registered, so everybody may upload: muster uploaders add EMAIL --reason TEXT")
    else:
        messages().print("Everybody who was registered is removed: nobody may upload.")


def add(
    ctx: typer.Context,
    email: Email,
    reason: Reason,
    customer: Annotated[
        str, typer.Option("--customer", metavar="ACCOUNT", help="Only this customer's rows.", show_default=False)
    ] = "",
) -> None:
    from adapters.inboxes.uploads import make_drop_folders
    from app.cli.screen import messages, results

    if not _ADDRESS.fullmatch(email):
        raise typer.BadParameter("is neither an e-mail address nor a login name", param_hint="EMAIL")
    first = _set(ctx, email, customer or None, True, "uploader added", reason)
    folder = make_drop_folders(ctx.obj.workspace.uploads, email)
    results().print(f"{email} may upload {f'rows of {customer}' if customer else 'for every customer'}.")
    results().print(f"  Drop folders: {folder}", soft_wrap=True)
    if first:
        messages().print("From now on only people who are registered may upload.")


def remove(
    ctx: typer.Context,
    email: Email,
    reason: Reason,
    confirm: Annotated[
        str, typer.Option("--confirm", metavar="EMAIL", help="The address once more.", show_default=False)
    ] = "",
) -> None:
    from app.cli.asking import must_say_why, must_type
    from app.cli.screen import results

    must_say_why(reason)
    must_type(email, confirm, "remove the uploader")
    _set(ctx, email, None, False, "uploader removed", reason)
    results().print(f"{email} may upload no more.")


def _set(ctx: typer.Context, email: str, customer: str | None, active: bool, action: str, reason: str) -> bool:
    """Returns whether everybody could upload until now. Raises NotFound."""
    from adapters.clock import SystemClock
    from adapters.settings import actor
    from app.cli.asking import must_say_why

    must_say_why(reason)
    with ctx.obj.registry(change=True) as (registry, _), registry.transaction() as tx:
        anybody: bool = tx.uploads.anybody_may()
        if not active and email not in {item.email for item in tx.uploads.uploaders()}:
            raise NotFound(f"{email} is not registered as an uploader")
        tx.uploads.set_uploader(email, customer, active)
        tx.audit.append(
            actor=actor(),
            action=action,
            subject=f"uploader {email}",
            now=SystemClock().now(),
            reason=reason,
            facts={"customer": customer or "ALL"},
        )
    return anybody
