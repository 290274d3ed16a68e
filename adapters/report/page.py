"""The run report as one HTML page: no scripts, nothing loaded from elsewhere, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from adapters.report import charts
from formats.findings import CATALOGUE, FindingKind, Severity
from jobs.errors import NotConserved
from jobs.runs import ExpectationResult, FindingCount, RunReport, RunStatus, Validation

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Badge:
    """How the run ended: `tone` chooses the colour, `symbol` and `words` say the same without it."""

    tone: str
    symbol: str
    words: str


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one code, file by file."""

    kind: FindingKind
    count: int
    files: Sequence[FindingCount]


@dataclass(frozen=True)
class Notice:
    """Something a person should look at, and the section that shows it."""

    text: str
    section: str


_BADGES = {
    RunStatus.RUNNING: Badge("info", "…", "Running"),
    RunStatus.DONE: Badge("good", "✓", "Done"),
    RunStatus.NOTHING: Badge("calm", "○", "Nothing to do"),
    RunStatus.PARTLY: Badge("warn", "!", "Partly failed"),
    RunStatus.FAILED: Badge("bad", "✗", "Failed"),
    RunStatus.INTERRUPTED: Badge("warn", "!", "Interrupted"),
}


def render_html(report: RunReport, organisation: str = "", zone: tzinfo = UTC) -> str:
    """The page, with times in `zone`. Input texts (names, reasons, messages) are escaped, whatever they hold."""
    return _template().render(
        report=report,
        organisation=organisation,
        zone=zone,
        run=report.run,
        badge=_BADGES[report.run.status],
        notices=_notices(report),
        not_conserved=NotConserved.remedy,
        conservation_bar=charts.conservation_bar(report.conservation),
        batch_bars=[charts.batch_bar(batch) for batch in report.batches],
        file_bars=charts.file_bars(report.files),
        label_fits=charts.LABEL_FITS,
        findings=_finding_groups(report.findings),
        muster_version=version("muster"),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, moment=_moment, duration=_duration, words=_words, check=_check, failed=_failed, passed=_passed
    )
    return environment.get_template("run_report.html.j2")


def _notices(report: RunReport) -> list[Notice]:
    """What needs a person, most serious first."""
    broken = sum(not check.holds for check in report.conservation.checks)
    uncertain = sum(batch.state == "UNCERTAIN" for batch in report.batches)
    set_aside = sum(bool(file.reason) for file in report.files)
    errors = sum(found.count for found in report.findings if CATALOGUE[found.code].severity is Severity.ERROR)
    warnings = sum(found.count for found in report.findings) - errors
    counted = (
        (broken, "conservation identity does not hold", "conservation identities do not hold", "conservation"),
        (uncertain, "batch may or may not have arrived", "batches may or may not have arrived", "batches"),
        (set_aside, "file was set aside", "files were set aside", "files"),
        (errors, "error was found in the data", "errors were found in the data", "findings"),
        (warnings, "warning", "warnings", "findings"),
    )
    found = [Notice(f"{count:,} {one if count == 1 else many}", where) for count, one, many, where in counted if count]
    ended_badly = report.run.status in (RunStatus.FAILED, RunStatus.PARTLY)
    return found or ([Notice("See what the steps say", "steps")] if ended_badly else [])


def _finding_groups(findings: Sequence[FindingCount]) -> list[FindingGroup]:
    """By code: errors before warnings, then the most frequent first."""
    by_code: dict[str, list[FindingCount]] = {}
    for found in findings:
        by_code.setdefault(found.code, []).append(found)
    groups = [FindingGroup(CATALOGUE[code], sum(found.count for found in some), some) for code, some in by_code.items()]
    return sorted(groups, key=lambda group: (group.kind.severity is Severity.WARNING, -group.count, group.kind.code))


def _failed(validation: Validation) -> list[ExpectationResult]:
    return [result for result in validation.results if not result.success]


def _passed(validation: Validation) -> list[ExpectationResult]:
    return [result for result in validation.results if result.success]


def _number(count: int) -> str:
    return f"{count:,}"


def _moment(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M:%S %Z}"


def _duration(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    named = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{count} {unit}" for count, unit in named if count) or "under 1 s"


def _words(name: str) -> str:
    """A code's or field's name as the words of a label: `hash_total` → `Hash total`."""
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _check(expectation: str) -> str:
    """An expectation's type as a sentence: what is expected of the column."""
    return _words(expectation.removeprefix("expect_").removeprefix("column_"))
