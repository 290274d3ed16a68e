"""The run report's JSON shape, which other programs read. A difference is a change of the format:
raise `adapters.report.document.VERSION` if a field went or changed, then write the file anew.
"""

from __future__ import annotations

import json
from pathlib import Path

from adapters.report import to_json
from tests.support import run_reports

GOLDEN = Path(__file__).parent / "run_report.json"


def test_the_document_is_as_published() -> None:
    written = json.dumps(to_json(run_reports.rich()), ensure_ascii=False, indent=2) + "\n"
    assert written == GOLDEN.read_text(encoding="utf-8")
