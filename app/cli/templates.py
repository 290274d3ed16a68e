"""`muster template`: the workbooks people fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.state import Json, command


def register(app: typer.Typer) -> None:
    command(
        app,
        "template",
        "Download a template, or list them.",
        "muster template",
        "muster template sales_data_update",
        "muster template sales_data_update --to sales.xlsx",
        more="Its drop-downs offer what the registry holds at this moment.",
    )(template)


def template(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The template; without it they are listed.")] = "",
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Where to write it; <NAME>.xlsx here.", dir_okay=False)
    ] = None,
    email: Annotated[
        str, typer.Option("--as", metavar="EMAIL", help="For whom: one customer's people see no other.")
    ] = "",
    as_json: Json = False,
) -> None:
    from app.cli.screen import messages, print_json, results
    from jobs.uploads.templates import download

    if not name:
        _list(as_json)
        return
    with ctx.obj.muster() as app:
        data = download(app.exchange, name, email)
    target = to or Path(f"{name}.xlsx")
    target.write_bytes(data)
    if as_json:
        print_json({"template": name, "file": str(target)})
        return
    results().print(str(target), soft_wrap=True)
    messages().print(
        f"Next: fill it in, then muster upload {target} --template {name} --as you@example.com",
        style="dim",
        soft_wrap=True,
    )


def _list(as_json: bool) -> None:
    from app.cli.screen import print_json, results, table
    from formats.templates import all_templates

    listed = all_templates()
    if as_json:
        rows = [{"name": i.name, "title": i.title, "version": i.version, "purpose": i.purpose} for i in listed]
        print_json({"templates": rows})
    else:
        results().print(table(["Name", "Title", "What it does"], [(i.name, i.title, i.purpose) for i in listed]))
