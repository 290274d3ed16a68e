"""Identifiers, phone numbers and secrets that go in never come out where people and mails look."""

from __future__ import annotations

import importlib
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from adapters.registry.tables import metadata, workflow_events
from jobs.errors import MusterError
from jobs.job import Job
from tests.support.desk import Desk, open_desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import instruction, order_text
from tests.support.postgres import DATABASES, new_url
from tests.support.uploads import UploadDesk, filled

IMEI = "356938035643809"
PHONES = ("+447700900123", "00447700900124", "+447700900125", "+447700900126")
DEVICE_PASSWORD = "canary-of-a-device"
DATABASE_PASSWORD = "canary-of-the-database"
SERIALS = tuple(f"CANARY{number}X" for number in range(9))
MESSAGE = "please call"
REPORTING_ID = "CANARY-REPORTING-1"
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
SHOWN_TABLES = ("runs", "run_steps", "run_files", "findings", "files", "quarantine", "evidence", "audit")


@pytest.fixture(scope="module", params=DATABASES)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("watched")
    url = new_url(request.param, home, request).replace("@/", f":{DATABASE_PASSWORD}@/")
    with open_desk(home / "workspace", url, reporter=True, hide_url=True) as desk:
        yield desk


class Witness:
    """What others on the machine may see or find: programs that are started, and what is left in the file system."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.started: list[str] = []
        self.folder = folder
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        start = subprocess.Popen.__init__

        def witnessed(process: Any, args: Any, *more: Any, **named: Any) -> None:
            environment = named.get("env") or dict(os.environ)
            self.started.append(f"{args} {environment}")
            start(process, args, *more, **named)

        monkeypatch.setattr(subprocess.Popen, "__init__", witnessed)

    def left(self) -> str:
        """Names and bytes of every file in the folder for temporary ones."""
        return _names_and_bytes(self.folder)


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Witness:
    return Witness(tmp_path, monkeypatch)


def secrets(desk: Desk) -> list[str]:
    """The passphrase, the lines of private keys (SSH keys among them), and passwords."""
    folder = desk.installation.workspace.secrets
    texts = [path.read_text() for path in folder.iterdir() if path.suffix != ".pub"]
    found = [line for text in texts for line in text.splitlines() if len(line) > 20 and "PRIVATE KEY" not in line]
    assert len(found) > 2
    return [*found, DEVICE_PASSWORD, DATABASE_PASSWORD]


def everything_that_goes_wrong(desk: Desk) -> list[str]:
    """Good and bad rows, dry and real; good and bad answers; a refused upload. Returns the texts of all errors."""
    said = []
    rows = [
        order_row(10, serial_number=SERIALS[0], imei=IMEI, po_number=PHONES[0]),
        order_row(11, serial_number=SERIALS[1], po_number=PHONES[0]),
        order_row(12, serial_number=SERIALS[2], po_number=PHONES[1]),
        order_row(20, serial_number=f"={SERIALS[3]}", model=PHONES[2]),
        order_row(21, serial_number=SERIALS[4], imei=SERIALS[4]),
        order_row(22, serial_number=SERIALS[5], request_type=PHONES[2]),
        instruction("RE", 30, order_number=f"RE-{SERIALS[6]}", serial_number=SERIALS[6]),
    ]
    for dry_run in (True, False):
        if dry_run:
            desk.drop(order_text(rows), "rows.csv")
        desk.run(Job.ORDER_DISPATCH, dry_run=dry_run)
    desk.drop(f"order_number,{SERIALS[7]}\nSO-1,{SERIALS[7]}\n", "heading.csv")
    desk.dispatch()
    desk.request(dry_run=True)
    desk.plan('settle_seconds = 80000\nfaults = ["fail_upload"]\n')
    with pytest.raises(MusterError) as refused:
        desk.request()
    said.append(f"{refused.value!r} {refused.value} {refused.value.facts}")
    desk.silence()
    (batch,) = desk.request().batches
    order = rows[0]["order_number"]
    desk.forge.answer(
        batch.number,
        device(order, SERIALS[0], "ENROLLED", "COMPLETE"),
        device(order, SERIALS[1], "REJECTED", "DE-4301", f"{MESSAGE} {PHONES[3]}"),
        device(order, SERIALS[8], "ENROLLED", "COMPLETE"),
    )
    desk.forge.put(desk.forge.seal(f"H,{SERIALS[0]}\n".encode()), "bad.pgp")
    desk.response()
    with pytest.raises(MusterError) as refused:
        desk.app.receive_answer("acme", desk.forge.seal(f'{{"{SERIALS[0]}": 1}}'.encode()), "bob@example.com")
    said.append(f"{refused.value!r} {refused.value} {refused.value.facts}")
    return said


def upload_run(desk: Desk) -> None:
    """Devices with passwords and phone numbers, one row good and one bad."""
    row = {"kind": "calamp", "company": 42, "reporting_id": REPORTING_ID, "reporting_id_kind": "OTHER"}
    row |= {"reporting_id_verified": "Yes", "password": DEVICE_PASSWORD, "phone_number": PHONES[0]}
    bad = row | {"reporting_id": SERIALS[0], "kind": PHONES[1]}
    uploads = UploadDesk(desk)
    uploads.drop("fleet_freedom_providers", filled("fleet_freedom_providers", row, bad), "trackers.xlsx")
    uploads.run()
    assert (uploads.newest().counts.new, uploads.newest().counts.failed) == (1, 1)


def test_nothing_leaks(
    watched: Desk, witness: Witness, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    said = everything_that_goes_wrong(watched)
    upload_run(watched)
    assert watched.states(SERIALS[1]) == ["REJECTED"]
    assert any("gpg" in started for started in witness.started)
    assert any("adapters.workbooks.child" in started for started in witness.started)
    workspace = watched.installation.workspace
    shown = {
        "logs": caplog.text + "".join(capfd.readouterr()),
        "errors": "\n".join(said),
        "programs": "\n".join(witness.started),
        "temporary files": witness.left(),
        "spool": _names_and_bytes(workspace.spool),
        "archive": _names_and_bytes(workspace.archive),
        "names of files": "\n".join(str(path) for path in workspace.home.rglob("*")),
        **{
            f"page of {run.id}": watched.app.report_html(watched.app.report(run.id))
            for run in watched.app.recent_runs(50)
        },
        "page of the runs": _plugin("muster_pages").runs_page(watched.app.recent_runs(50)),
        **{path.name: path.read_text() for path in _reports(watched)},
        **{name: repr(_rows(watched, name)) for name in SHOWN_TABLES},
    }
    assert len(shown) > 15
    notes = "\n".join(text for (text,) in watched.rows(select(workflow_events.c.notes)))
    assert f"DE-4301: {MESSAGE} {PHONES[3]}" in notes
    canaries = [*SERIALS, IMEI, *PHONES, MESSAGE, *secrets(watched)]
    leaks = {(place, canary) for place, text in shown.items() for canary in canaries if canary in text}
    leaks |= {("notes", canary) for canary in {*SERIALS, IMEI, *PHONES[:3]} if canary in notes}
    assert leaks == set()
    everywhere = {**shown, "registry": repr([_rows(watched, name) for name in metadata.tables])}
    everywhere |= {"page of the upload": _upload_page(watched), "answered workbooks": _answers(watched)}
    assert {
        (place, secret) for place, text in everywhere.items() for secret in secrets(watched) if secret in text
    } == set()


def test_the_canaries_can_be_found(watched: Desk) -> None:
    """Where they belong they are: the search above would see them."""
    text = "".join(repr(_rows(watched, name)) for name in ("devices", "orders", "outcomes"))
    assert all(canary in text for canary in (SERIALS[0], IMEI, PHONES[0], PHONES[3]))


def _reports(desk: Desk) -> list[Any]:
    pages = [path for path in desk.installation.workspace.reports.rglob("*") if path.suffix in (".html", ".json")]
    assert {path.suffix for path in pages} == {".html", ".json"}
    return pages


def _rows(desk: Desk, table: str) -> list[tuple[Any, ...]]:
    return desk.rows(select(metadata.tables[table]))


def _names_and_bytes(folder: Path) -> str:
    files = (path for path in folder.rglob("*") if path.is_file())
    return "\n".join(f"{path} {path.read_bytes().decode('latin-1')}" for path in files)


def _plugin(name: str) -> Any:
    if str(PLUGINS) not in sys.path:
        sys.path.append(str(PLUGINS))  # as Airflow does
    return importlib.import_module(name)


def _upload_page(desk: Desk) -> str:
    """What the uploader sees of it: identifiers and numbers of their own, and no secret."""
    pages = _plugin("muster_upload_pages")
    with desk.registry.view() as tx:
        (upload,) = tx.uploads.history(1)
        findings = tx.uploads.findings(upload.id)
    viewer = pages.Viewer("ada@example.com", "token")
    return str(pages.upload_page(upload, findings, viewer, desk.app.settings.zone, pages.Remarks()))


def _answers(desk: Desk) -> str:
    """Every cell of the answered workbooks."""
    found = []
    for path in desk.installation.workspace.uploads.rglob("*.xlsx"):
        found += [repr(row) for sheet in load_workbook(path) for row in sheet.iter_rows(values_only=True)]
    assert any(REPORTING_ID in row for row in found)
    return "\n".join(found)
