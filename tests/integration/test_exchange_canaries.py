"""Identifiers, phone numbers and secrets that go in never come out where people and mails look."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from adapters.registry.tables import metadata, workflow_events
from jobs.errors import MusterError
from jobs.job import Job
from tests.support.desk import Desk, open_desk
from tests.support.forge import device
from tests.support.installation import order_row
from tests.support.orders import instruction, order_text
from tests.support.postgres import DATABASES, new_url

IMEI = "356938035643809"
PHONES = ("+447700900123", "00447700900124", "+447700900125", "+447700900126")
SERIALS = tuple(f"CANARY{number}X" for number in range(9))
MESSAGE = "please call"
SHOWN_TABLES = ("runs", "run_steps", "run_files", "findings", "files", "quarantine", "evidence", "audit")


@pytest.fixture(scope="module", params=DATABASES)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("watched")
    with open_desk(home / "workspace", new_url(request.param, home, request), reporter=True) as desk:
        yield desk


def secrets(desk: Desk) -> list[str]:
    """The passphrase and the lines of private keys."""
    folder = desk.installation.workspace.secrets
    texts = [path.read_text() for path in folder.iterdir() if path.suffix != ".pub"]
    found = [line for text in texts for line in text.splitlines() if len(line) > 20 and "PRIVATE KEY" not in line]
    assert len(found) > 2
    return found


def everything_that_goes_wrong(desk: Desk) -> None:
    """Good and bad rows, dry and real; good and bad answers; a refused upload."""
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
    with pytest.raises(MusterError):
        desk.request()
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
    with pytest.raises(MusterError):
        desk.app.receive_answer("acme", desk.forge.seal(f'{{"{SERIALS[0]}": 1}}'.encode()), "bob@example.com")


def test_nothing_leaks(watched: Desk, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    everything_that_goes_wrong(watched)
    assert watched.states(SERIALS[1]) == ["REJECTED"]
    shown = {
        "logs": caplog.text + "".join(capfd.readouterr()),
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
