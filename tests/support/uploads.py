"""Staff's side of a bulk upload: templates filled in, workbooks dropped, answers read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path

from openpyxl import load_workbook

from adapters.workbooks.guarded import ChildWorkbooks
from formats.rules import Rules
from formats.template import Template
from formats.templates import template
from formats.workbook.layout import sheet_name
from formats.workbook.write.template_file import write_template
from jobs.job import Job
from jobs.runs import RunReport
from jobs.upload import Upload
from tests.support.desk import Desk

ADA = "ada@example.com"

Cell = str | int | float | date | None


def filled(name: str, *rows: Mapping[str, Cell], sample: bool = True) -> bytes:
    """The template with these rows below its sample row; columns that are not given are left blank."""
    chosen = template(name)
    workbook = load_workbook(BytesIO(write_template(chosen, {}, Rules())))
    sheet = workbook[sheet_name(chosen.schema)]
    if not sample:
        sheet.delete_rows(2)
    for row in rows:
        unknown = set(row) - set(chosen.schema.names)
        assert not unknown, unknown
        sheet.append([row.get(column) for column in chosen.schema.names])
    stream = BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def read_back(chosen: Template, data: bytes) -> list[dict[str, str]]:
    """Rows of an answer below the heading, by heading; blank cells are empty texts."""
    workbook = ChildWorkbooks().read(data, sheet_name(chosen.schema))
    assert workbook.grid is not None, workbook.faults
    grid = workbook.grid
    columns = [grid.text(at).to_pylist() for at in range(grid.width)]
    heading, *rows = (list(cells) for cells in zip(*columns, strict=True))
    return [dict(zip(heading, row, strict=True)) for row in rows]


class UploadDesk:
    """Bulk uploads at a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @property
    def root(self) -> Path:
        return self.desk.installation.workspace.uploads

    def folder(self, name: str, uploader: str = ADA) -> Path:
        folder = self.root / name / uploader
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, name: str, data: bytes, file: str = "book.xlsx", uploader: str = ADA) -> Path:
        path = self.folder(name, uploader) / file
        path.write_bytes(data)
        return path

    def run(self, **options: object) -> RunReport:
        return self.desk.run(Job.BULK_UPLOAD, **options)

    def upload(self, name: str, *rows: Mapping[str, Cell], file: str = "book.xlsx", uploader: str = ADA) -> Upload:
        """Drop a filled template and apply it; returns the newest upload."""
        self.drop(name, filled(name, *rows), file, uploader)
        self.run()
        return self.newest()

    def newest(self) -> Upload:
        with self.desk.registry.view() as tx:
            return tx.uploads.history(1)[0]

    def findings(self, upload: Upload) -> list[tuple[int, str | None, str]]:
        with self.desk.registry.view() as tx:
            return [(item["row"], item["column"], item["code"]) for item in tx.uploads.findings(upload.id).to_pylist()]

    def answer(self, upload: Upload, folder: str = "done", kind: str = "result", uploader: str = ADA) -> bytes:
        stem = Path(upload.file_name).stem
        return (self.folder(upload.template, uploader) / folder / f"{stem}.upload-{upload.id}.{kind}.xlsx").read_bytes()

    def left(self, name: str, uploader: str = ADA) -> Sequence[str]:
        """Files that still lie in the drop folder."""
        return sorted(path.name for path in self.folder(name, uploader).iterdir() if path.is_file())


def location(city: str, **values: Cell) -> dict[str, Cell]:
    """A row of the template Locations."""
    return {"city": city, "district": "Example District", "state": "Karnataka", "country": "India"} | values


def product(number: int, **values: Cell) -> dict[str, Cell]:
    """A row of the template Product Registration; `number` makes every part of it unique."""
    return {
        "vin": f"MVH{number:06d}",
        "vcu_id": f"CEH0{number:06d}",
        "device_id": f"DEV{number:06d}",
        "motor_id": f"MOT{number:06d}",
        "bms_id": f"BMS{number:06d}",
        "model": "EV-1",
        "communication_type": "Cellular",
        "battery_model": "B-1",
    } | values
