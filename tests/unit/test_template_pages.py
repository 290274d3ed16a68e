"""The pages about templates are what the templates declare, and name every finding their plans can give."""

from __future__ import annotations

import re

import pytest

from app import publish_formats
from formats.templates import NAMES, all_templates, template
from formats.upload_findings import UPLOAD_KINDS
from formats.workbook.layout import heading
from formats.workbook.reference import template_page, templates_index
from tests.support.sample_template import SAMPLE

PAGES = publish_formats.DOCS / "templates"


def test_there_is_a_page_for_each_template_and_no_other() -> None:
    """If not: `python -m app.publish_formats`."""
    assert {page.stem for page in PAGES.iterdir()} == {*NAMES, "README"}


@pytest.mark.parametrize("name", NAMES)
def test_the_page_is_current(name: str) -> None:
    """If not: `python -m app.publish_formats`."""
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == template_page(template(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_is_declared(name: str) -> None:
    page, chosen = template_page(template(name)), template(name)
    assert page.startswith(f"# {chosen.title}\n")
    assert chosen.purpose in page
    for column in chosen.schema.columns:
        assert f"| {heading(column).replace('*', chr(92) + '*')} | {column.description}" in page
    assert [hint for hint in chosen.hints if f"* {hint}\n" not in page] == []


def test_the_index_is_current() -> None:
    assert (PAGES / "README.md").read_text(encoding="utf-8") == templates_index(all_templates())


def test_staff_find_every_code_of_an_upload() -> None:
    page = (publish_formats.DOCS / "bulk-upload.md").read_text(encoding="utf-8")
    assert [kind.code for kind in UPLOAD_KINDS if f"| `{kind.code}` |" not in page] == []


def test_the_page_for_staff_is_current() -> None:
    page = (publish_formats.DOCS / "bulk-upload.md").read_text(encoding="utf-8")
    assert publish_formats.with_tables(page) == page


def test_pipes_do_not_break_a_table() -> None:
    for line in template_page(SAMPLE).splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
            assert len(re.findall(r"(?<!\\)\|", line)) in (4, 6)


def test_the_page_names_other_headings_that_are_taken() -> None:
    page = template_page(template("product_data_update"))
    assert "(also headed Battery Number, Battery ID, Battery/BMS ID) |" in page
