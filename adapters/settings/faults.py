"""Faults of the configuration: where, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

Location = tuple[str | int, ...]


@dataclass(frozen=True)
class Fault:
    """One fault. `path` is `<file>: <key>`; entries of a list count from 1. Never holds a secret."""

    path: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path} {self.what}. {self.remedy}."


class Wrong(ValueError):
    """A value breaks a rule; raised by the rules, turned into a Fault where the place is known."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class FileFaults:
    """Collects the faults of one file, at most one for each place."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: dict[Location, Fault] = {}

    def add(self, at: Location, what: str, remedy: str) -> None:
        """The first fault at a place is the most telling one; later ones are dropped."""
        self._found.setdefault(at, Fault(self._path(at), what, remedy))

    @property
    def found(self) -> list[Fault]:
        return list(self._found.values())

    def _path(self, at: Location) -> str:
        parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in at]
        return f"{self._file}: {''.join(parts).removeprefix('.')}" if parts else self._file
