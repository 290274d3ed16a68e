"""The run report as a JSON document: the dataclasses' own field names, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from formats.findings import CATALOGUE
from jobs.runs import RunReport

VERSION = 1
"""Raised when a field is renamed, removed or changes its meaning; new fields leave it as it is."""


def to_json(report: RunReport) -> dict[str, Any]:
    """JSON-safe: text, whole numbers, booleans, null, lists and objects; times are ISO 8601 in UTC.

    Beyond the fields of `RunReport` it says what they amount to: the conservation total and
    whether each identity holds, and the severity, title and remedy of each finding.
    """
    document = {"version": VERSION, **_plain(report)}
    conservation, findings = document["conservation"], document["findings"]
    conservation |= {
        "total": report.conservation.total,
        "device_total": report.conservation.device_total,
        "holds": report.conservation.holds,
    }
    for check, identity in zip(report.conservation.checks, conservation["checks"], strict=True):
        identity["holds"] = check.holds
    for finding in findings:
        kind = CATALOGUE[finding["code"]]
        finding |= {"severity": kind.severity.value, "title": kind.title, "remedy": kind.remedy}
    return document


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, str):
        return str(value)
    return [_plain(item) for item in value] if isinstance(value, Sequence) else value
