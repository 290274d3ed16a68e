"""`muster archive`: whether everything that is kept is still what it was."""

from __future__ import annotations

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command, group


def register(app: typer.Typer) -> None:
    archive = group("archive", "The archive: verify.")
    command(
        archive,
        "verify",
        "Whether every kept file is there and unchanged.",
        "muster archive verify",
        "muster archive verify --json",
        more="Sent and received files are compared with their digests; our own are opened with the archive key. "
        "It changes nothing.",
    )(verify)
    app.add_typer(archive)


def verify(ctx: typer.Context, as_json: Json = False) -> None:
    from app.cli.screen import clean, messages, plural, print_json, results, working
    from jobs.archive_proof import prove_archive

    with ctx.obj.muster() as app:
        with app.registry.view() as tx:
            items = tx.queries.archived()
        with working(f"looking at {plural(len(items), 'file')}"):
            faults = list(prove_archive(app.exchange, items))
        named = {item.key for item in items}
        unnamed = [key for key in app.exchange.archive.kept() if key not in named]
    if as_json:
        print_json({"files": len(items), "faults": faults, "unnamed": unnamed})
    elif not faults:
        results().print(f"The archive holds: {plural(len(items), 'file')}, each there and unchanged.", style="green")
        if unnamed:
            results().print(f"  {plural(len(unnamed), 'file')} besides that nothing names: left by interrupted runs.")
    if not faults:
        return
    messages().print(f"THE ARCHIVE IS NOT WHOLE: {plural(len(faults), 'fault')}", style="bold red")
    for fault in faults:
        messages().print(f"  {fault.fault}: {clean(fault.item.what)}, {fault.item.key}", soft_wrap=True)
    messages().print("  Put the files back from a backup of the archive; a batch that is damaged is not sent.")
    raise typer.Exit(ExitCode.FAILED)
