"""The end of the demo: where every device is, what each batch came to, and whether that is as it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from adapters.settings import Workspace
from app.demo.ledger import BatchResult, RunFacts
from app.demo.orders import Dispatch
from formats.findings import CATALOGUE
from jobs.runs import Conservation
from jobs.states import BUCKETS, BatchState, LineState

_ENDS = (LineState.ENROLLED, LineState.UNENROLLED, LineState.REJECTED, LineState.REVIEW)
_SHOWN_BATCHES = 20
_MARGIN = "  "


@dataclass(frozen=True)
class Outcome:
    """What the demo found at its end. `before` holds table sizes if nothing may have grown since."""

    dispatch: Dispatch
    buckets: Mapping[str, int]
    batches: Sequence[BatchResult]
    intake_findings: Mapping[str, int]
    answer_findings: Mapping[str, int]
    runs: Sequence[RunFacts]
    conservation: Conservation
    before: Mapping[str, int] | None
    after: Mapping[str, int]

    def faults(self) -> list[str]:
        """Everything that is not as it must be; empty if all is well."""
        review = self.dispatch.buckets.get(LineState.REVIEW, 0)
        return [
            *(
                f"not conserved: {check.name}: {check.left:,} against {check.right:,}"
                for check in self.conservation.checks
                if not check.holds
            ),
            *_differences("devices", self.buckets, self.dispatch.buckets),
            *_differences("findings", self.intake_findings, self.dispatch.findings),
            *_differences("findings", self.answer_findings, {"ANSWER_CODE_UNKNOWN": review}),
            *(f"batch {batch.number} is {batch.state}" for batch in self.batches if batch.state != BatchState.CLOSED),
            *_differences("rows changed by a second run: table", self.after, self.before or self.after),
        ]


def show(outcome: Outcome, workspace: Workspace, console: Console) -> None:
    """The tables, then the verdict."""
    tables = {
        f"Where the {outcome.dispatch.rows:,} rows of {outcome.dispatch.name} are": _buckets(outcome),
        "What the provider made of each batch": _batches(outcome),
        "Findings": _findings(outcome),
    }
    for title, table in tables.items():
        console.print(f"\n{_MARGIN}{title}", style="bold", highlight=False)
        console.print(Padding.indent(table, len(_MARGIN)))
    console.print()
    _reports(outcome, workspace, console)
    faults = outcome.faults()
    for fault in faults:
        console.print(f"  FAILED  {fault}", style="bold red", markup=False, highlight=False)
    if not faults:
        console.print(_verdict(outcome), style="bold green", markup=False, highlight=False)


def _buckets(outcome: Outcome) -> Table:
    """The file's rows by bucket; beside them all files', if there were others."""
    everywhere = {bucket.name: bucket.count for bucket in outcome.conservation.buckets}
    columns = [outcome.buckets, outcome.dispatch.buckets]
    headings = ["Counted", "Expected"]
    if sum(everywhere.values()) != sum(outcome.buckets.values()):
        columns.append(everywhere)
        headings.append("In all files")
    table = _table()
    table.add_column("Bucket")
    for heading in headings:
        table.add_column(heading, justify="right")
    for bucket in BUCKETS:
        numbers = [counted.get(bucket, 0) for counted in columns]
        if any(numbers):
            style = "" if numbers[0] == numbers[1] else "bold red"
            table.add_row(str(bucket), *(f"{number:,}" for number in numbers), style=style)
    table.add_section()
    table.add_row("Sum", *(f"{sum(counted.values()):,}" for counted in columns), style="bold")
    return table


def _batches(outcome: Outcome) -> Table:
    table = _table()
    table.add_column("Batch")
    table.add_column("State")
    for heading in ("Lines", "Enrolled", "Unenrolled", "Rejected", "Review"):
        table.add_column(heading, justify="right")
    for batch in outcome.batches[:_SHOWN_BATCHES]:
        numbers = (batch.lines.total(), *(batch.lines[end] for end in _ENDS))
        table.add_row(batch.number, batch.state, *(f"{number:,}" if number else "-" for number in numbers))
    if (more := len(outcome.batches) - _SHOWN_BATCHES) > 0:
        table.add_row(f"… {more} more")
    return table


def _findings(outcome: Outcome) -> Table:
    table = _table()
    table.add_column("Code", no_wrap=True)
    table.add_column("In")
    table.add_column("Count", justify="right")
    table.add_column("Meaning", max_width=40)
    for source, found in (("orders", outcome.intake_findings), ("answers", outcome.answer_findings)):
        for code, count in sorted(found.items()):
            table.add_row(code, source, f"{count:,}", CATALOGUE[code].title)
    return table


def _reports(outcome: Outcome, workspace: Workspace, console: Console) -> None:
    console.print(f"{_MARGIN}Run reports (HTML, with the validation result) in {workspace.reports}", soft_wrap=True)
    for run in outcome.runs:
        for page in workspace.reports.glob(f"*/*-{run.id}.html"):
            console.print(f"{_MARGIN}  {page.relative_to(workspace.reports)}", highlight=False, soft_wrap=True)
    console.print()


def _verdict(outcome: Outcome) -> str:
    counts = len(outcome.conservation.checks)
    verdict = f"{_MARGIN}All is well: every row is where it must be, and {counts} of {counts} counts agree."
    if outcome.before is None:
        return verdict
    return f"{_MARGIN}Nothing changed: the file was known already.\n{verdict}"


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _differences(what: str, counted: Mapping[str, int], expected: Mapping[str, int]) -> list[str]:
    names = sorted({*counted, *expected})
    return [
        f"{what} {name}: {counted.get(name, 0):,}, expected {expected.get(name, 0):,}"
        for name in names
        if counted.get(name, 0) != expected.get(name, 0)
    ]
