"""The catalogue of findings: complete, without leftovers, and each entry says what to do."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from formats import findings, upload_findings
from formats.checks import IDENTIFIER_KINDS, IsIdentifier, code_of
from formats.findings import CATALOGUE, FINDINGS_SCHEMA, Finding, Severity, no_findings
from jobs import errors
from jobs.work import findings_table

ROOT = Path(__file__).resolve().parents[2]
OWN = {Path(findings.__file__), Path(upload_findings.__file__)}
ERRORS = Path(errors.__file__)
MODULES = [
    path
    for layer in ("formats", "jobs", "adapters", "app", "simulator")
    for path in sorted((ROOT / layer).rglob("*.py"))
]
INNER = [
    path for path in MODULES if path.relative_to(ROOT).parts[0] in ("formats", "jobs") and path not in (*OWN, ERRORS)
]


def texts(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def made(path: Path) -> Iterator[str]:
    """Codes that a `Finding(...)` of this module names."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding" and node.args:
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str):
                yield code.value


DERIVED = {code_of(IsIdentifier("x", kind)) for kind in IDENTIFIER_KINDS}


def test_every_finding_that_is_made_is_in_the_catalogue() -> None:
    found = {path.name: set(made(path)) for path in MODULES}
    assert len(set().union(*found.values())) > 10
    assert {name: codes - set(CATALOGUE) for name, codes in found.items() if codes - set(CATALOGUE)} == {}
    assert set(CATALOGUE) >= DERIVED


def test_every_text_that_looks_like_a_finding_is_in_the_catalogue() -> None:
    """Codes reach findings through tables and arguments, too: judged by their first word."""
    families = tuple({code.split("_")[0] + "_" for code in CATALOGUE})
    codes = {text for path in INNER for text in texts(path) if text.isupper() and text.startswith(families)}
    assert len(codes) > 30
    assert codes - set(CATALOGUE) == set()


def test_every_finding_of_the_catalogue_is_made_somewhere() -> None:
    used = set().union(*(texts(path) for path in MODULES if path not in (*OWN, ERRORS))) | DERIVED
    assert set(CATALOGUE) - used == set()


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=lambda kind: kind.code)
def test_an_entry_says_what_is_wrong_and_what_to_do(kind: findings.FindingKind) -> None:
    assert kind.code.replace("_", "").isalnum()
    assert kind.code == kind.code.upper()
    assert kind.severity in Severity
    assert kind.title[0].isupper()
    assert not kind.title.endswith((".", "!", " "))
    assert kind.remedy[0].isupper()
    assert kind.remedy.endswith(".")
    for text in (kind.title, kind.remedy):
        assert text == " ".join(text.split())
        assert not set("{}%") & set(text)


def test_titles_tell_findings_apart() -> None:
    titles = [kind.title for kind in CATALOGUE.values()]
    assert [title for title in titles if titles.count(title) > 1] == []


def test_a_code_is_a_finding_or_an_error_and_not_both() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.MusterError)]
    assert {kind.code for kind in kinds} & set(CATALOGUE) == set()


def test_a_finding_knows_its_kind() -> None:
    assert Finding("FILE_EMPTY").kind.severity is Severity.ERROR
    assert Finding("ANSWER_SEQUENCE_GAP").kind.severity is Severity.WARNING
    with pytest.raises(KeyError):
        _ = Finding("NOTHING").kind


def test_findings_as_a_table() -> None:
    """A finding about a whole file stands in row 0, since no row has that number."""
    table = findings_table([Finding("CELL_EMPTY", 3, "imei"), Finding("FILE_EMPTY")])
    assert table.schema.equals(FINDINGS_SCHEMA)
    assert table.to_pylist() == [
        {"row": 3, "column": "imei", "code": "CELL_EMPTY"},
        {"row": 0, "column": None, "code": "FILE_EMPTY"},
    ]
    assert findings_table([]).equals(no_findings())
