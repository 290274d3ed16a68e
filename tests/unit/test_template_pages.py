"""The pages about templates are what the templates declare, and name every finding their plans can give."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from adapters import publish
from formats.findings import CATALOGUE
from formats.template import Faults, Known, Plan, Rows, Rules
from formats.templates import NAMES, all_templates, template
from formats.upload_findings import UPLOAD_KINDS
from formats.workbook.codes import plan_codes, schema_codes, template_codes, upload_codes
from formats.workbook.layout import heading
from formats.workbook.reference import codes_table, template_page, templates_index
from tests.support.sample_template import SAMPLE, SCHEMA

PAGES = publish.DOCS / "templates"


def test_there_is_a_page_for_each_template_and_no_other() -> None:
    """If not: `python -m adapters.publish`."""
    assert {page.stem for page in PAGES.iterdir()} == {*NAMES, "README"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_current(name: str) -> None:
    """If not: `python -m adapters.publish`."""
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == template_page(template(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_is_declared(name: str) -> None:
    page, chosen = template_page(template(name)), template(name)
    assert page.startswith(f"# {chosen.title}\n")
    assert chosen.purpose in page
    for column in chosen.schema.columns:
        assert f"| {heading(column).replace('*', chr(92) + '*')} | {column.description} |" in page
    assert [hint for hint in chosen.hints if f"* {hint}\n" not in page] == []


def test_the_index_is_current() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == templates_index(all_templates())


@pytest.mark.parametrize("name", NAMES)
def test_every_code_that_stands_in_a_template_s_own_file_is_on_its_page(name: str) -> None:
    source = (publish.DOCS.parent / "formats/templates" / f"{name}.py").read_text(encoding="utf-8")
    written = {code for code in re.findall(r'"([A-Z][A-Z0-9_]+)"', source) if code in CATALOGUE}
    assert written - set(template_codes(template(name))) == set()


def test_codes_of_a_plan_are_found_in_what_it_calls() -> None:
    assert "VIN_UNKNOWN" in plan_codes(template("product_data_update"))  # in a helper of both update templates
    assert plan_codes(SAMPLE) == set()
    assert {"VIN_INVALID", "CELL_CHOICE", "ROW_DUPLICATE", "DATE_ORDER"} <= schema_codes(SCHEMA)


def test_codes_of_inner_functions_and_of_tables_are_found() -> None:
    def plan(rows: Rows, known: Known, rules: Rules) -> Plan:
        codes = ("VIN_INVALID", "no code")

        def add(faults: Faults) -> None:
            faults.add("IMEI_INVALID", codes[0], pa.nulls(0, pa.bool_()))

        faults = Faults(rows)
        add(faults)
        return Plan(faults.findings, pa.array([], pa.string()))

    changed = type(SAMPLE)(SAMPLE.name, SAMPLE.version, SCHEMA, SAMPLE.purpose, plan)
    assert plan_codes(changed) == {"VIN_INVALID", "IMEI_INVALID"}


def test_staff_find_every_code_of_an_upload_once() -> None:
    groups = upload_codes(all_templates())
    listed = [code for group in groups for code in group]
    assert len(listed) == len(set(listed))
    assert {kind.code for kind in UPLOAD_KINDS} <= set(listed)
    page = (publish.DOCS / "bulk-upload.md").read_text(encoding="utf-8")
    for group in groups:
        assert codes_table(group) in page


def test_the_page_for_staff_is_current() -> None:
    page = (publish.DOCS / "bulk-upload.md").read_text(encoding="utf-8")
    assert publish.with_tables(page) == page


def test_pipes_do_not_break_a_table() -> None:
    for line in template_page(SAMPLE).splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 6)
