"""Templates as staff download them: every declaration makes one, and it says and checks what was declared."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from functools import cache

import pytest
from openpyxl.worksheet.datavalidation import DataValidation

from formats.rules import Rules
from formats.schema import Kind
from formats.template import Template
from formats.templates import NAMES, template
from formats.workbook.layout import INSTRUCTIONS_SHEET, LISTS_SHEET, TEMPLATE_PROPERTY, heading, sheet_name
from formats.workbook.read.preflight import inspect
from formats.workbook.write.book import MAX_TEXT, checked, fit
from formats.workbook.write.instructions import UploadLimits
from formats.workbook.write.template_file import write_template
from tests.support.sample_template import LISTS, SAMPLE, SCHEMA
from tests.support.workbooks import assert_sound, opened, parts, sheet_of, sheets, values

TEMPLATES = [pytest.param(name, id=name) for name in NAMES]
SHEET = sheet_name(SCHEMA)


@cache
def written() -> bytes:
    return write_template(SAMPLE, LISTS, Rules())


@cache
def written_of(name: str) -> bytes:
    return write_template(template(name), {}, Rules())


def letter(name: str) -> str:
    return "ABCDEFGHIJKLM"[SCHEMA.names.index(name)]


def check_of(name: str, data: bytes | None = None) -> DataValidation | None:
    """The check of a column's cells."""
    checks = sheet_of(data or written(), SHEET).data_validations.dataValidation
    return next((check for check in checks if f"{letter(name)}2" in str(check.sqref)), None)


def offered(check: DataValidation, data: bytes) -> list[str]:
    """The values of a drop-down, through the defined name."""
    book = opened(data)
    target = book.defined_names[str(check.formula1).lstrip("=")].attr_text
    match = re.fullmatch(r"'?Lists'?!\$([A-Z]+)\$1:\$[A-Z]+\$(\d+)", str(target))
    assert match
    return [book[LISTS_SHEET][f"{match[1]}{row}"].value for row in range(1, int(match[2]) + 1)]


# --- every template ----------------------------------------------------------------------


def test_there_are_templates() -> None:
    assert len(NAMES) > 3


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_reader_takes_it_for_what_it_is(name: str) -> None:
    found = inspect(written_of(name))
    assert found.faults == ()
    assert found.template == f"{name}/{template(name).version}"
    assert [(sheet.name, sheet.visible) for sheet in found.sheets] == [
        (sheet_name(template(name).schema), True),
        (INSTRUCTIONS_SHEET, True),
        (LISTS_SHEET, False),
    ]


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_in_it_is_live_and_its_bytes_repeat(name: str) -> None:
    assert_sound(written_of(name))
    assert write_template(template(name), {}, Rules()) == written_of(name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_headings_notes_and_sample_follow_the_declaration(name: str) -> None:
    schema = template(name).schema
    sheet = sheet_of(written_of(name), sheet_name(schema))
    first, sample, *rest = sheet.iter_rows()
    assert rest == []
    assert [cell.value for cell in first] == [heading(column) for column in schema.columns]
    for cell, column in zip(first, schema.columns, strict=True):
        assert cell.comment is not None
        assert column.description in cell.comment.text
    assert sample[0].value == f"EXAMPLE: {schema.columns[0].example}"
    for cell, column in zip(sample[1:], schema.columns[1:], strict=True):
        shown = cell.value.date().isoformat() if isinstance(cell.value, datetime) else cell.value
        assert shown == (column.example or None)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_instructions_list_every_column(name: str) -> None:
    chosen = template(name)
    text = {str(cell) for row in values(sheet_of(written_of(name), INSTRUCTIONS_SHEET)) for cell in row}
    assert chosen.purpose in text
    assert set(chosen.hints) <= text
    assert {heading(column) for column in chosen.schema.columns} <= text
    assert f"Template {name}, version {chosen.version}" in text


# --- the sample ---------------------------------------------------------------------------


def test_the_data_sheet_is_the_one_that_opens() -> None:
    book = opened(written())
    assert book.active is not None
    assert book.active.title == SHEET


def test_its_properties_are_neutral_and_name_the_template() -> None:
    book = opened(written())
    assert (book.properties.creator, book.properties.title) == ("Muster", "Sample Vehicles")
    properties = book.custom_doc_props.props  # type: ignore[attr-defined]
    assert {item.name: item.value for item in properties} == {TEMPLATE_PROPERTY: "sample_vehicles/3"}
    assert '<definedName name="Muster_template" hidden="1">' in parts(written())["xl/workbook.xml"]


def test_headings_are_frozen_filtered_and_repeated_in_print() -> None:
    sheet = sheet_of(written(), SHEET)
    assert sheet.freeze_panes == "B2"
    assert sheet.auto_filter.ref == "A1:M2"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)
    assert sheet.protection.sheet is False


def test_mandatory_headings_have_a_star_and_another_colour() -> None:
    first = next(sheet_of(written(), SHEET).iter_rows())
    colours = {column.required: set() for column in SCHEMA.columns}  # type: dict[bool, set[object]]
    for cell, column in zip(first, SCHEMA.columns, strict=True):
        colours[column.required].add(cell.fill.start_color.rgb)
        assert str(cell.value).endswith(" *") is column.required
    assert [len(found) for found in colours.values()] == [1, 1]
    assert colours[True] != colours[False]


@pytest.mark.parametrize("column", SCHEMA.columns, ids=lambda column: column.name)
def test_a_column_has_its_format_all_the_way_down(column: object) -> None:
    name, kind = column.name, column.kind  # type: ignore[attr-defined]
    text = next(iter(sheets(written()).values()))
    index = SCHEMA.names.index(name) + 1
    style = next(
        int(found[3])
        for found in re.findall(r'<col min="(\d+)" max="(\d+)" (width="[^"]+") style="(\d+)"', text)
        if int(found[0]) <= index <= int(found[1])
    )
    book = opened(written())
    expected = {Kind.DATE: "yyyy-mm-dd", Kind.INTEGER: "0", Kind.DECIMAL: "General"}.get(kind, "@")
    assert book._cell_styles[style].numFmtId == {"@": 49, "0": 1, "General": 0}.get(expected, 164)  # type: ignore[attr-defined]
    if expected == "yyyy-mm-dd":
        assert book._number_formats[0] == expected  # type: ignore[attr-defined]


def test_the_sample_row_is_grey_while_it_says_example() -> None:
    sheet = sheet_of(written(), SHEET)
    (area,) = sheet.conditional_formatting
    (rule,) = area.rules
    assert str(area.sqref) == "A2:M1048576"
    assert rule.formula == ['LEFT($A2,7)="EXAMPLE"']
    assert rule.dxf.font.i


def test_dates_of_the_sample_row_are_dates() -> None:
    sheet = sheet_of(written(), SHEET)
    assert sheet[f"{letter('sold_on')}2"].value == datetime(2026, 3, 5)  # noqa: DTZ001
    assert sheet[f"{letter('imei')}2"].value == "490154203237518"


def test_a_choice_is_a_list_that_binds() -> None:
    check = check_of("status")
    assert check is not None
    assert (check.type, check.errorStyle, check.showErrorMessage) == ("list", None, True)
    assert str(check.sqref) == "C2:C1048576"
    assert offered(check, written()) == ["STOCK", "SOLD", "CLEAR"]


def test_a_list_of_the_registry_only_warns() -> None:
    check = check_of("model")
    assert check is not None
    assert check.errorStyle == "warning"
    assert offered(check, written()) == list(LISTS["models"])
    assert len(",".join(LISTS["models"])) > 255  # more than a literal list may have


def test_a_list_of_the_installation_binds() -> None:
    data = write_template(SAMPLE, LISTS, Rules(lists={"models": ("M1", "M2")}))
    check = check_of("model", data)
    assert check is not None
    assert check.errorStyle is None
    assert offered(check, data) == ["M1", "M2"]


def test_an_empty_list_is_no_check() -> None:
    assert check_of("depot") is None


def test_dates_are_checked_and_may_be_cleared_where_a_blank_is_allowed() -> None:
    optional, required = check_of("sold_on"), check_of("seen_on")
    assert optional is not None
    assert required is not None
    days = "{0}>=DATE(1990,1,1),{0}<=DATE(2099,12,31),{0}=INT({0})"
    assert optional.formula1 == f'IF(ISNUMBER(F2),AND({days.format("F2")}),F2="CLEAR")'
    assert required.formula1 == f"IF(ISNUMBER(G2),AND({days.format('G2')}),FALSE)"


def test_the_instructions_state_the_limits() -> None:
    data = write_template(SAMPLE, LISTS, Rules(), UploadLimits(1_234, 5_000_000))
    text = "\n".join(str(cell) for row in values(sheet_of(data, INSTRUCTIONS_SHEET)) for cell in row)
    assert "1,234 rows and 5 MB" in text
    assert "'Date of Sale' is given when 'Product Status' is 'SOLD'." in text


def test_long_headings_do_not_cost_the_check() -> None:
    long = replace(SCHEMA.column("status"), heading="A heading of more than thirty-two characters, far more")
    columns = tuple(long if column.name == "status" else column for column in SCHEMA.columns)
    data = write_template(replace(SAMPLE, schema=replace(SCHEMA, columns=columns)), LISTS, Rules())
    check = check_of("status", data)
    assert check is not None
    assert check.errorTitle == "A heading of more than thirty-t…"


def test_texts_of_the_declaration_that_look_like_formulas_are_texts() -> None:
    odd = replace(SCHEMA.column("depot"), description="=1+1", example="@SUM(A1)", offers="odd")
    columns = tuple(odd if column.name == "depot" else column for column in SCHEMA.columns)
    chosen: Template = replace(SAMPLE, schema=replace(SCHEMA, columns=columns), hints=("=HYPERLINK(1)",), purpose="-1")
    data = write_template(chosen, {"odd": ("=cmd|'/c calc'!A1", "https://example.com")}, Rules())
    assert_sound(data)
    check = check_of("depot", data)
    assert check is not None
    assert offered(check, data) == ["=cmd|'/c calc'!A1", "https://example.com", "CLEAR"]


def test_what_excel_refuses_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="refused a note"):
        checked(-2, "a note")


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT + 1), "😀" * (MAX_TEXT // 2 + 1)])
def test_a_text_that_is_too_long_is_cut_with_a_mark(text: str) -> None:
    cut = fit(text)
    assert cut.endswith(" … (cut)")
    assert MAX_TEXT - 1 <= len(cut.encode("utf-16-le")) // 2 <= MAX_TEXT
