"""`muster run`: one job, without Airflow, its steps shown as they happen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.exit_codes import ExitCode
from app.cli.state import Json, command
from jobs.catalogue import PLANS
from jobs.errors import MusterError, Setup
from jobs.job import Job
from jobs.names import unknown
from jobs.runs import RunStatus

if TYPE_CHECKING:
    from app.bootstrap import Muster
    from jobs.runs import RunReport, Step

_DONE = {RunStatus.DONE, RunStatus.PARTLY}
_BAD = {RunStatus.FAILED, RunStatus.PARTLY}


class ProviderOff(Setup):
    code = "PROVIDER_OFF"
    remedy = "Set enabled = true in the provider's file, or add one to the folder providers"


def register(app: typer.Typer) -> None:
    command(
        app,
        "run",
        "Run one job now and show what it did.",
        "muster run order_dispatch",
        "muster run device_enrolment_request --provider acme --dry-run",
        "muster run device_enrolment_response",
        more="Without --provider, the request and response jobs run for every enabled provider. "
        "After an interruption run the same command again: it goes on where it stopped.",
    )(run)


def _job(name: str) -> Job:
    if name not in tuple(Job):
        raise typer.BadParameter(unknown("job", name, Job).what)
    return Job(name)


def run(
    ctx: typer.Context,
    job: Annotated[
        Job,
        typer.Argument(
            metavar="JOB", parser=_job, help=f"One of {', '.join(Job)}.", show_choices=False, show_default=False
        ),
    ],
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Only this provider.", show_default=False)
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen; change nothing.")] = False,
    order: Annotated[
        str, typer.Option("--order", metavar="NUMBER", help="Only this order number.", show_default=False)
    ] = "",
    batch: Annotated[
        str, typer.Option("--batch", metavar="NUMBER", help="Only this batch number.", show_default=False)
    ] = "",
    as_json: Json = False,
) -> None:
    from app.cli.reports import document, show_report
    from app.cli.screen import messages, print_json, results

    if provider and not PLANS[job].per_provider:
        raise typer.BadParameter(f"{job} works for all providers at once", param_hint="--provider")
    done: list[tuple[RunReport, Path | None]] = []
    try:
        with ctx.obj.muster() as app:
            for name in _providers(app, job, provider):
                done.append(_run(app, job, name, dry_run=dry_run, order=order, batch=batch))
                if not as_json:
                    show_report(results(), *done[-1], app.settings.zone)
    except KeyboardInterrupt:
        messages().print("Stopped. Run the same command again: it goes on where it stopped.")
        raise
    status = exit_code([report.run.status for report, _ in done])
    if as_json:
        print_json({"runs": [document(*ended) for ended in done]})
    elif status in (ExitCode.OK, ExitCode.PARTLY) and not dry_run:
        messages().print(f"Next: {PLANS[job].then}", style="dim")
    raise typer.Exit(status)


def exit_code(ended: list[RunStatus]) -> ExitCode:
    """One code for several runs: FAILED only if nothing at all was done."""
    if _BAD & set(ended):
        return ExitCode.PARTLY if _DONE & set(ended) else ExitCode.FAILED
    return ExitCode.OK if RunStatus.DONE in ended else ExitCode.NOTHING


def _providers(app: Muster, job: Job, wanted: str) -> list[str | None]:
    if not PLANS[job].per_provider:
        return [None]
    named = [app.settings.provider(wanted)] if wanted else app.settings.providers
    enabled: list[str | None] = [provider.name for provider in named if provider.enabled]
    if not enabled:
        raise ProviderOff(f"provider {wanted!r} is switched off" if wanted else "no provider is enabled")
    return enabled


def _run(app: Muster, job: Job, provider: str | None, **options: Any) -> tuple[RunReport, Path | None]:
    """Every step, then the report. What fails ends the run; it is shown and stands in the report."""
    from adapters.settings import actor
    from app.cli.failure import show
    from app.cli.screen import messages

    run = app.begin(job, provider=provider, actor=actor(), **options)
    scope = [job, f"provider {provider}" if provider else "", "dry run" if run.dry_run else "", f"run {run.id}"]
    messages().print(", ".join(part for part in scope if part), style="bold")
    try:
        return app.carry_out(run, _watch)
    except MusterError as error:
        if "report" not in error.facts:
            raise
        show(error)
        page = Path(str(error.facts["report"]))
        return app.report(run.id), page if page.is_file() else None


def _watch(name: str, take: Callable[[], Step]) -> None:
    """Take one step and say on standard error how it went."""
    from app.cli.screen import clean, messages, state, working

    screen = messages()
    try:
        with working(name):
            step = take()
    except MusterError:
        screen.print(f"  {name:<26}", state("failed"))
        raise
    screen.print(f"  {name:<26}", state(step.status))
    if step.message != step.status:
        screen.print(f"    {clean(step.message)}", style="dim", soft_wrap=True)
