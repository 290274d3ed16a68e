"""What is published for partners: Frictionless judges files by it, and it is what the declarations say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app import publish_formats
from formats.checks import checks_of
from formats.generic.layout import REQUEST_DETAIL, RESPONSE_DETAIL
from formats.reference import reference
from formats.schema import Kind
from formats.table_schema import table_schema
from tests.support.generic_files import small_request, small_response

SCHEMAS = publish_formats.DOCS / "schemas"
REQUEST = small_request()


def faults(tmp_path: Path, data: bytes, schema: str) -> list[tuple[str, int | None, str]]:
    """What `frictionless validate` says: kind of fault, record number, field."""
    file = tmp_path / "file.csv"
    file.write_bytes(data)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "frictionless", "validate", str(file), "--json", "--trusted"),
            *("--schema", str(SCHEMAS / schema), "--dialect", str(SCHEMAS / "generic_dialect.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(done.stdout)
    assert (done.returncode == 0) == report["valid"]
    (task,) = report["tasks"]
    found = [(item["type"], item.get("rowNumber"), item.get("fieldName", "")) for item in task["errors"]]
    assert found or task["stats"]["rows"] == data.count(b"\nD,")  # only D records are judged, and all of them
    return found


def test_frictionless_accepts_what_we_write(tmp_path: Path) -> None:
    assert faults(tmp_path, REQUEST, "generic_request.json") == []
    assert faults(tmp_path, small_response(), "generic_response.json") == []


def test_frictionless_refuses_what_is_broken(tmp_path: Path) -> None:
    broken = REQUEST.replace(b"490154203237518", b"4901542032375").replace(b",RE,", b",XX,")
    broken = broken.replace(b"02:1A:", b"03:1A:").replace(b"D,1,SO-1001,", b"D,1,,")
    assert faults(tmp_path, broken, "generic_request.json") == [
        ("constraint-error", 2, "order_id"),
        ("constraint-error", 3, "imei"),
        ("constraint-error", 4, "request_type"),
        ("constraint-error", 5, "mac"),
    ]


def test_the_published_files_are_current() -> None:
    """If not: `python -m app.publish_formats`."""
    for path, text in publish_formats.documents(publish_formats.DOCS).items():
        assert path.read_text(encoding="utf-8") == text, path.name
    assert sorted(path.name for path in SCHEMAS.iterdir()) == [
        "generic_dialect.json",
        "generic_request.json",
        "generic_response.json",
    ]


@pytest.mark.parametrize("schema", [REQUEST_DETAIL, RESPONSE_DETAIL], ids=lambda schema: schema.name)
def test_the_published_schema_names_every_column_with_its_limits(schema: object) -> None:
    assert schema in (REQUEST_DETAIL, RESPONSE_DETAIL)
    layout = REQUEST_DETAIL if schema is REQUEST_DETAIL else RESPONSE_DETAIL
    published = json.loads((SCHEMAS / f"{layout.name}.json").read_text(encoding="utf-8"))
    assert published == table_schema(layout)
    assert [field["name"] for field in published["fields"]] == list(layout.names)
    for field, column in zip(published["fields"], layout.columns, strict=True):
        limits = field["constraints"]
        assert limits["required"] is column.required
        assert limits.get("enum") == (list(column.choices) if column.kind is Kind.CHOICE else None)
        assert limits.get("maxLength") == (column.max_length if column.kind is Kind.TEXT else None)
        if column.kind is not Kind.CHOICE and not column.example.endswith("…"):
            assert re.fullmatch(limits["pattern"], column.example, re.ASCII)


def test_the_pages_have_a_table_for_every_layout() -> None:
    pages = [(publish_formats.DOCS / name).read_text(encoding="utf-8") for name in publish_formats.PAGES]
    shown = [name for page in pages for name in re.findall(r"<!-- columns: (\w+) -->\n\| column ", page)]
    assert shown == ["generic_header", "generic_request", "generic_response", "generic_trailer", "order_dispatch"]


def test_a_reference_has_a_row_for_each_column_and_a_line_for_each_rule() -> None:
    lines = reference(REQUEST_DETAIL).splitlines()
    assert [line.split("`")[1] for line in lines if line.startswith("| `")] == list(REQUEST_DETAIL.names)
    assert len([line for line in lines if line.startswith("* ")]) == len(REQUEST_DETAIL.rules) > 0
    assert len(checks_of(REQUEST_DETAIL)) > len(REQUEST_DETAIL.rules)


def test_only_the_table_between_the_marks_is_written_anew() -> None:
    page = "before\n<!-- columns: generic_trailer -->\nold\n<!-- end -->\nafter\n"
    made = publish_formats.with_tables(page)
    assert made.startswith("before\n<!-- columns: generic_trailer -->\n| column ")
    assert made.endswith("\n<!-- end -->\nafter\n")
    assert "old" not in made
    assert publish_formats.with_tables(made) == made
    with pytest.raises(KeyError):
        publish_formats.with_tables(page.replace("generic_trailer", "nothing"))
