"""The run report: one self-contained HTML page for people, the same facts as JSON for programs."""

from adapters.report.document import to_json
from adapters.report.page import render_html
from adapters.report.store import ReportStore

__all__ = ["ReportStore", "render_html", "to_json"]
