"""How a run report looks at the terminal and as JSON."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from adapters.report import to_json
from app.cli.screen import facts, moment, plural, state, table
from formats.findings import CATALOGUE
from jobs.runs import Conservation, FindingCount, RunReport

_ROWS_SHOWN = 5


def document(report: RunReport, path: Path | None) -> dict[str, Any]:
    """The report's own document, and where its page lies, or null if it is not written yet."""
    return {**to_json(report), "page": str(path) if path else None}


def show_report(screen: Console, report: RunReport, path: Path | None, zone: tzinfo) -> None:
    """Counts, batches, files, findings, conservation, and where the page is."""
    run = report.run
    provider = f", {run.provider}" if run.provider else ""
    seconds = (report.ended_at - run.started_at).total_seconds()
    screen.print(Text.assemble((f"{report.title}{provider}: ", "bold"), state(run.status)))
    screen.print(
        f"  {'Dry run: nothing was changed. ' if run.dry_run else ''}"
        f"Started {moment(run.started_at, zone)}, took {seconds:.0f} s"
    )
    if report.totals:
        screen.print(table(["What", "Count"], report.totals.items()))
    if report.batches:
        screen.print(
            table(
                ["Batch", "State", "Lines", "Orders", "Outcomes"],
                [
                    (item.number, state(item.state), item.lines, item.orders, counts(item.outcomes))
                    for item in report.batches
                ],
            )
        )
    if report.files:
        screen.print(
            table(
                ["File", "State", "Read", "Passed", "Failed", "Known"],
                [
                    (item.name, state(item.state), item.read, item.passed, item.failed, item.duplicate)
                    for item in report.files
                ],
            )
        )
        screen.print(facts((item.name, item.reason) for item in report.files))
        screen.print(facts((item.name, f"came as {name}") for item in report.files for name in item.other_names))
    _show_findings(screen, report)
    show_conservation(screen, report.conservation)
    screen.print(f"  Report: {path or 'not written yet, `muster report` writes it'}", soft_wrap=True)


def show_conservation(screen: Console, conservation: Conservation) -> None:
    """Devices and instructions, each counted as what they are; an identity that does not hold is shown in full."""
    broken = [check for check in conservation.checks if not check.holds]
    verdict = f"all {len(conservation.checks)} checks hold" if not broken else "THE COUNT DOES NOT ADD UP"
    screen.print(
        Text.assemble(
            f"  Conservation: {plural(conservation.device_total, 'device')}, ",
            f"{plural(conservation.total, 'instruction')}, ",
            (verdict, "bold red" if broken else "green"),
        )
    )
    for name, buckets in (("devices", conservation.devices), ("instructions", conservation.buckets)):
        if filled := {bucket.name: bucket.count for bucket in buckets if bucket.count}:
            screen.print(f"    {name}: {counts(filled)}")
    for check in broken:
        screen.print(f"    {check.name}: {check.left:,} against {check.right:,}", style="bold red")


def counts(named: Any) -> str:
    """`ENROLLED 95, REJECTED 5`"""
    return ", ".join(f"{name} {count:,}" for name, count in named.items())


def _show_findings(screen: Console, report: RunReport) -> None:
    if not report.findings:
        return
    screen.print(
        table(
            ["Finding", "Count", "Where", "File"],
            [(item.code, item.count, _places(item), item.file) for item in report.findings],
        )
    )
    kinds = [CATALOGUE[code] for code in dict.fromkeys(item.code for item in report.findings)]
    screen.print(facts((kind.code, f"{kind.title}. {kind.remedy}") for kind in kinds))


def _places(item: FindingCount) -> str:
    """The first rows or lines, and the columns: `rows 2, 3: imei`; nothing for a file as a whole."""
    rows = list(dict.fromkeys(item.rows))[:_ROWS_SHOWN]
    numbers = f"{item.numbered}{'' if len(rows) == 1 else 's'} {', '.join(map(str, rows))}" if rows else ""
    columns = ", ".join(item.columns) if item.numbered == "row" else ""
    return ": ".join(part for part in (numbers, columns) if part)
