"""The pages: no script, nothing loaded from anywhere, light and dark, phone and desktop (`pages/`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from jobs.runs import Run, RunStatus

_CLASS = {
    RunStatus.RUNNING: "going",
    RunStatus.DONE: "good",
    RunStatus.NOTHING: "calm",
    RunStatus.PARTLY: "warn",
    RunStatus.FAILED: "bad",
    RunStatus.INTERRUPTED: "warn",
}
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("pages")),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


def page(name: str, **values: object) -> str:
    """The page `pages/<name>.html.j2`; everything that is not markup of ours is escaped."""
    return _PAGES.get_template(f"{name}.html.j2").render(values)


def runs_page(runs: Sequence[Run]) -> str:
    """The run reports, newest run first as given."""
    return page("runs", rows=[_row(run) for run in runs])


def problem_page(title: str, what: str, remedy: str, home: str) -> str:
    """What a person sees instead of a page. `home`: the address of the way back."""
    return page("problem", title=title, what=what.rstrip("."), remedy=remedy.rstrip("."), home=home)


def _row(run: Run) -> dict[str, object]:
    return {
        "run": run,
        "css": _CLASS[run.status],
        "job": run.job.value.replace("_", " ").capitalize(),
        "started": _utc(run.started_at),
        "ended": run.status is not RunStatus.RUNNING,
        "path": quote(run.id, safe=""),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
