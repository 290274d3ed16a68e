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
from jobs.runs import RunReport

_FILE_MODE = 0o640  # the reports' group (the console) may read, others may not
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


class ReportStore:
    """Files below `root`, which is created when the first report is written.

    Pages bear the name `organisation` and show times in `zone`.
    """

    def __init__(self, root: Path, organisation: str = "", zone: tzinfo = UTC) -> None:
        self._root = root
        self._organisation = organisation
        self._zone = zone

    def write(self, report: RunReport) -> Path:
        """Write `<root>/<YYYY-MM-DD>/<job>-<run id>.html` and `.json`; returns the page's path.

        The day is the day (UTC) the run started on. A report that is there already is
        replaced; a reader never sees a half-written file. Raises OSError.
        """
        folder = self._root / report.run.started_at.astimezone(UTC).strftime("%Y-%m-%d")
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        name = _UNSAFE.sub("_", f"{report.run.job}-{report.run.id}")
        page = folder / f"{name}.html"
        _replace(folder / f"{name}.json", json.dumps(to_json(report), ensure_ascii=False, indent=2) + "\n")
        _replace(page, render_html(report, self._organisation, self._zone))
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
