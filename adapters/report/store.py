"""Where run reports are kept: one folder per day, an HTML page and a JSON document per run."""

from __future__ import annotations

import json
import os
import re
import tempfile
from datetime import UTC, tzinfo
from pathlib import Path

from adapters.report.document import to_json
from adapters.report.page import render_html
from jobs.causes import on_disk
from jobs.runs import Run, RunReport

_FILE_MODE = 0o640  # the reports' group (the console) may read, others may not
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class ReportStore:
    """Files below `root`, which is created when the first report is written.

    Pages bear the name `organisation` and show times in `zone`.
    """

    def __init__(self, root: Path, organisation: str = "", zone: tzinfo = UTC) -> None:
        self._root = root
        self._what = f"the reports folder {root}"
        self._organisation = organisation
        self._zone = zone

    def path(self, run: Run) -> Path:
        """Where the run's page lies, or will: `<root>/<YYYY-MM-DD>/<job>-<run id>.html`; the day (UTC) it started."""
        day = run.started_at.astimezone(UTC).strftime("%Y-%m-%d")
        return self._root / day / f"{_UNSAFE.sub('_', f'{run.job}-{run.id}')}.html"

    def has(self, run: Run) -> bool:
        """Whether the run's page was written. Raises what `jobs.causes.on_disk` does, as `write`."""
        with on_disk(self._what):
            return self.path(run).is_file()

    def write(self, report: RunReport) -> Path:
        """Write the page, and a `.json` beside it; returns the page's path.

        A report that is there already is replaced; a reader never sees a half-written file.
        """
        page = self.path(report.run)
        document = json.dumps(to_json(report), ensure_ascii=False, indent=2) + "\n"
        html = render_html(report, self._organisation, self._zone)
        with on_disk(self._what):
            page.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            _replace(page.with_suffix(".json"), document)
            _replace(page, html)  # last: where it is there, all is
        return page


def _replace(target: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".report-")
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _FILE_MODE)
            os.fsync(file.fileno())
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
