"""Our workbooks in LibreOffice: it opens them, and what it saves reads back as it was."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl.worksheet.datavalidation import DataValidation

from formats.rules import Rules
from formats.templates import NAMES, template
from formats.workbook.layout import INSTRUCTIONS_SHEET, LISTS_SHEET, SUMMARY_SHEET, sheet_name
from formats.workbook.read.grid import Mark
from formats.workbook.read.inspection import WorkbookLimits
from formats.workbook.read.reading import read_workbook
from formats.workbook.write.answered_file import write_answered, write_failed
from formats.workbook.write.template_file import write_template
from tests.support.machine import need
from tests.support.sample_template import HOSTILE, LISTS, SAMPLE, SCHEMA, answer, cells, findings, mixed_answer
from tests.support.workbooks import opened, sheet_of

SHEET = sheet_name(SCHEMA)
ROWS: list[tuple[int, dict[str, str | None]]] = [
    (3 + at, dict.fromkeys(("depot", "note"), text)) for at, text in enumerate(HOSTILE)
]
TABLE = cells([(2, {"vin": "EXAMPLE: 1"}), *ROWS])
HOSTILE_ANSWER = answer(TABLE, [None, *["FAILED"] * len(ROWS)], findings((3, "vin", "VIN_INVALID", HOSTILE[1])))
MADE = {
    "template": write_template(SAMPLE, LISTS, Rules()),
    "answer": write_answered(SAMPLE, mixed_answer()),
    "failed": write_failed(SAMPLE, mixed_answer()),
    "hostile": write_answered(SAMPLE, HOSTILE_ANSWER),
}
PRINTED = ["template", "answer"]


@dataclass(frozen=True)
class Office:
    """What LibreOffice made of our workbooks: the file it saved, and the pages it prints."""

    folder: Path

    def saved(self, name: str) -> bytes:
        return (self.folder / "saved" / f"{name}.xlsx").read_bytes()

    def printed(self, name: str) -> Path:
        return self.folder / "printed" / f"{name}.pdf"


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    """One process with a profile of its own for each kind of output; it saves all the workbooks."""
    program = need("soffice")
    with tempfile.TemporaryDirectory(prefix="office") as name:  # a short path: LibreOffice's sockets lie below it
        folder = Path(name)
        (folder / "made").mkdir()
        for title, data in MADE.items():
            (folder / "made" / f"{title}.xlsx").write_bytes(data)
        for title in NAMES:
            (folder / "made" / f"{title}.xlsx").write_bytes(write_template(template(title), {}, Rules()))
        convert(program, folder, "saved", "xlsx:Calc MS Excel 2007 XML", [*MADE, *NAMES])
        convert(program, folder, "printed", "pdf", PRINTED)
        yield Office(folder)


def convert(program: Path, folder: Path, target: str, kind: str, names: list[str]) -> None:
    files = [str(folder / "made" / f"{name}.xlsx") for name in names]
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    argv = [str(program), profile, "--headless", "--norestore", "--convert-to", kind, "--outdir", str(folder / target)]
    done = subprocess.run([*argv, *files], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"error|repair|corrupt|could not", done.stdout + done.stderr, re.IGNORECASE), done.stderr
    assert len(list((folder / target).iterdir())) == len(files), done.stderr


def texts_and_marks(data: bytes, title: str, width: int) -> list[tuple[list[str], list[int]]]:
    """The columns of the data sheet as the reader of uploads gets them."""
    workbook = read_workbook(data, title, WorkbookLimits())
    assert workbook.faults == ()
    assert workbook.grid is not None
    grid = workbook.grid
    return [(grid.text(index).to_pylist(), grid.marks(index).tolist()) for index in range(width)]


def is_marked(columns: list[tuple[list[str], list[int]]], mark: Mark) -> list[str]:
    return [text for texts, marks in columns for text, found in zip(texts, marks, strict=True) if found == mark]


@pytest.mark.parametrize("name", MADE)
def test_every_cell_is_saved_as_it_was(office: Office, name: str) -> None:
    width = len(SCHEMA.columns) + (0 if name == "template" else 3)
    ours = texts_and_marks(MADE[name], SAMPLE.title, width)
    with_its_line_ends = [([text.replace("\r\n", "\n") for text in texts], marks) for texts, marks in ours]
    assert texts_and_marks(office.saved(name), SAMPLE.title, width) == with_its_line_ends


@pytest.mark.parametrize("name", NAMES)
def test_every_template_opens_and_is_saved_as_it_was(office: Office, name: str) -> None:
    schema = template(name).schema
    ours = write_template(template(name), {}, Rules())
    width = len(schema.columns)
    assert texts_and_marks(office.saved(name), schema.title, width) == texts_and_marks(ours, schema.title, width)
    assert (
        read_workbook(office.saved(name), schema.title, WorkbookLimits()).template == f"{name}/{template(name).version}"
    )


def test_dates_are_dates_and_identifiers_texts(office: Office) -> None:
    columns = texts_and_marks(office.saved("answer"), SAMPLE.title, len(SCHEMA.columns))
    assert set(is_marked(columns, Mark.DATE)) == {"2026-03-05", "2026-03-06"}
    assert is_marked(columns, Mark.NUMBER) == []
    for name in ("template", "answer", "failed"):
        sheet = sheet_of(office.saved(name), SHEET)
        formats = {column.name: sheet.cell(2, at).number_format for at, column in enumerate(SCHEMA.columns, 1)}
        assert formats["vin"] == formats["imei"] == formats["note"] == formats["phone"] == "@"
        assert formats["sold_on"].lower() == "yyyy\\-mm\\-dd"


def test_the_formats_reach_below_the_rows(office: Office) -> None:
    sheet = sheet_of(office.saved("template"), SHEET)
    assert sheet.column_dimensions["B"].number_format == "@"


def test_the_drop_downs_are_saved(office: Office) -> None:
    for name in ("template", "answer", "failed"):
        checks = list(sheet_of(office.saved(name), SHEET).data_validations.dataValidation)
        assert {(letter_of(check), check.type) for check in checks} == {
            ("C", "list"),
            ("D", "list"),
            ("F", "custom"),
            ("G", "custom"),
        }
        styles = {letter_of(check): check.errorStyle for check in checks}
        assert (styles["C"], styles["D"]) == ("stop", "warning")
        names = opened(office.saved(name)).defined_names
        assert {str(check.formula1) for check in checks if check.type == "list"} <= set(names)


def letter_of(check: DataValidation) -> str:
    return str(check.sqref)[0]


def test_the_sheets_and_what_is_hidden_stay(office: Office) -> None:
    book = opened(office.saved("template"))
    assert book.sheetnames == [SHEET, INSTRUCTIONS_SHEET, LISTS_SHEET]
    assert book[LISTS_SHEET].sheet_state == "hidden"
    assert opened(office.saved("answer")).sheetnames == [SUMMARY_SHEET, SHEET, LISTS_SHEET]


def test_notes_and_filter_are_saved(office: Office) -> None:
    sheet = sheet_of(office.saved("answer"), SHEET)
    assert sheet["B7"].comment is not None
    assert "Read: 8.94411E+18" in sheet["B7"].comment.text
    assert sheet.auto_filter.ref == "A1:P9"


def test_nothing_has_become_a_formula(office: Office) -> None:
    for name in MADE:
        book = opened(office.saved(name))
        kinds = {
            cell.data_type for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None
        }
        assert kinds <= {"s", "d"}
        assert all(cell.hyperlink is None for sheet in book for row in sheet.iter_rows() for cell in row)


def test_the_pages_are_printed(office: Office) -> None:
    for name in PRINTED:
        page = office.printed(name).read_bytes()
        assert page.startswith(b"%PDF")
        assert len(re.findall(rb"/Type\s*/Page\b", page)) == 2  # one for each sheet, fitted to its width
