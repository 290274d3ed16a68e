"""One check's result, and a guard that turns what goes wrong into one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from jobs.causes import system_error
from jobs.errors import MusterError


class Status(StrEnum):
    """`warn` works today and may not tomorrow; `FAIL` does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do about it ("" if it is well)."""

    name: str
    status: Status
    what: str
    fix: str = ""


def guarded(name: str, checks: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The checks; an error becomes a FAIL that says what to do."""
    try:
        yield from checks()
    except MusterError as error:
        yield Check(name, Status.FAIL, error.what, error.remedy)
    except OSError as error:
        known = system_error(error)
        yield Check(name, Status.FAIL, known.what, known.remedy)
    except Exception as error:  # the other checks are still worth making
        yield Check(
            name, Status.FAIL, f"could not be checked: {type(error).__name__}", "Report it as a fault of Muster"
        )
