"""The behaviour plan: how the simulated provider answers, and what it does wrong on purpose.

A TOML file; every key is optional. Rewriting it changes a running simulator.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from simulator.errors import PlanFaulty
from simulator.reader import REQUEST_COLUMNS, RequestLine

DEVICE = "DEVICE"
ORDER = "ORDER"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Fault(StrEnum):
    """What a partner must survive. Each is on while the plan names it."""

    ANSWER_UNSIGNED = "answer_unsigned"
    ANSWER_WRONG_SIGNER = "answer_wrong_signer"
    ANSWER_TRUNCATED = "answer_truncated"
    ANSWER_BIT_FLIP = "answer_bit_flip"
    TRAILER_LIES = "trailer_lies"
    HOSTILE_NAME = "hostile_name"
    NON_UTF8_NAME = "non_utf8_name"
    DUPLICATE_ANSWER = "duplicate_answer"
    SKIP_SEQUENCE = "skip_sequence"
    REUSE_SEQUENCE = "reuse_sequence"
    ENVELOPE_DISAGREES = "envelope_disagrees"
    EAT_ON_ARRIVAL = "eat_on_arrival"
    DROP_AFTER_RENAME = "drop_after_rename"  # once per plan
    FAIL_UPLOAD = "fail_upload"
    HANG_ON_UPLOAD = "hang_on_upload"


@dataclass(frozen=True)
class Rule:
    """Lines whose `field` matches `pattern` as a whole get this outcome, code and message.

    A rule of level ORDER answers the whole order with one record and no device records.
    """

    field: str
    pattern: re.Pattern[str]
    outcome: str
    code: str
    message: str
    level: str

    @property
    def leaves_state(self) -> bool:
        """True if nothing is booked: a refusal, or an answer that is still to come."""
        return self.level == ORDER or self.outcome in ("REJECTED", "ERROR", "IN_PROGRESS")

    def matches(self, line: RequestLine) -> bool:
        return self.pattern.fullmatch(getattr(line, self.field)) is not None


@dataclass(frozen=True)
class Plan:
    """`rules` in the order they are tried: `[[reject]]` first, then `[[code]]`."""

    delay_seconds: float = 0.0
    settle_seconds: float = 1.0
    split_answers: int = 1
    answer_duplicates: bool = False
    rules: tuple[Rule, ...] = ()
    faults: frozenset[Fault] = frozenset()

    def rule_for(self, line: RequestLine, level: str) -> Rule | None:
        """The first rule of that level that matches the line."""
        return next((rule for rule in self.rules if rule.level == level and rule.matches(line)), None)


def parse_plan(text: str) -> Plan:
    """The plan in a TOML text. Raises PlanFaulty with every fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanFaulty([str(error)]) from error
    faults: list[str] = []
    given = dict(document)
    rules = (
        *_rules(given.pop("reject", []), "reject", faults),
        *_rules(given.pop("code", []), "code", faults),
    )
    chosen = _faults(given.pop("faults", []), faults)
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in _VALUES:
            faults.append(f"{key}: no such key")
        elif not _VALUES[key](value):
            faults.append(f"{key}: not a usable value")
        else:
            values[key] = value
    if faults:
        raise PlanFaulty(faults)
    return Plan(rules=rules, faults=chosen, **values)


class LivePlan:
    """The plan in force: the one given, until its file is written anew.

    A faulty text changes nothing and is told to `report` once.
    """

    def __init__(self, path: Path, given: Plan | None, report: Callable[[PlanFaulty], None]) -> None:
        self._path = path
        self._report = report
        self._seen = None if given is None else self._mark()
        self._plan = given or Plan()
        self._spent: set[Fault] = set()
        self.current()

    def current(self) -> Plan:
        mark = self._mark()
        if mark != self._seen:
            self._seen = mark
            try:
                self._plan = parse_plan(self._path.read_text()) if mark else Plan()
                self._spent.clear()
            except PlanFaulty as faulty:
                self._report(faulty)
        return self._plan

    def has(self, fault: Fault) -> bool:
        return fault in self.current().faults

    def spend(self, fault: Fault) -> bool:
        """True the first time since the plan came into force, if it names `fault`."""
        if not self.has(fault) or fault in self._spent:
            return False
        self._spent.add(fault)
        return True

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return None
        return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 86_400


_VALUES: Mapping[str, Callable[[object], bool]] = {
    "delay_seconds": _is_number,
    "settle_seconds": _is_number,
    "split_answers": lambda value: type(value) is int and 1 <= value <= 1000,
    "answer_duplicates": lambda value: isinstance(value, bool),
}
_RULE_KEYS: Mapping[str, Callable[[str], bool]] = {
    "field": lambda text: text in REQUEST_COLUMNS or text == "device_id",
    "level": lambda text: text in (DEVICE, ORDER),
    "outcome": lambda text: bool(text) and not _CONTROL.search(text),
    "code": lambda text: len(text) <= 100 and not _CONTROL.search(text),
    "message": lambda text: len(text) <= 1000 and not _CONTROL.search(text),
}


def _faults(names: object, faults: list[str]) -> frozenset[Fault]:
    if not isinstance(names, list):
        faults.append("faults: not a list")
        return frozenset()
    known = [fault.value for fault in Fault]
    faults.extend(f"faults: no fault {name!r}" for name in names if name not in known)
    return frozenset(Fault(name) for name in names if name in known)


def _rules(entries: object, kind: str, faults: list[str]) -> list[Rule]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        faults.append(f"{kind}: write it as [[{kind}]]")
        return []
    return [rule for number, entry in enumerate(entries, 1) if (rule := _rule(entry, kind, number, faults))]


def _rule(entry: dict[str, object], kind: str, number: int, faults: list[str]) -> Rule | None:
    """One `[[reject]]` or `[[code]]`; what is wrong goes to `faults`."""
    level = entry.get("level", DEVICE)
    given = {"level": level, "code": "", "message": "", **entry}
    if kind == "reject":
        given["outcome"] = "ERROR" if level == ORDER else "REJECTED"
    wrong = [key for key, usable in _RULE_KEYS.items() if not _usable(given.get(key), usable)]
    wrong += [key for key in given if key not in _RULE_KEYS and key != "pattern"]
    pattern = _pattern(given.pop("pattern", None))
    if pattern is None:
        wrong.append("pattern")
    faults.extend(f"{kind} {number}: {key} is missing or not usable" for key in wrong)
    if pattern is None or wrong:
        return None
    return Rule(pattern=pattern, **{key: str(value) for key, value in given.items()})


def _usable(value: object, usable: Callable[[str], bool]) -> bool:
    return isinstance(value, str) and usable(value)


def _pattern(text: object) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if isinstance(text, str) else None
    except re.error:
        return None
