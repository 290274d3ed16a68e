"""What every finding of one code has in common: how far it reaches, and its texts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How far a finding reaches: ERROR stops the row or file, WARNING does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class FindingKind:
    """One catalogue entry: what is wrong and what the reader should do about it."""

    code: str
    severity: Severity
    title: str
    remedy: str


def error(code: str, title: str, remedy: str) -> FindingKind:
    return FindingKind(code, Severity.ERROR, title, remedy)


def warning(code: str, title: str, remedy: str) -> FindingKind:
    return FindingKind(code, Severity.WARNING, title, remedy)
