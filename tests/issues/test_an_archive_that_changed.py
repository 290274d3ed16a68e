"""A file of the archive that was changed or lost is found by `doctor` and `muster archive verify`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.app import app
from app.doctor.result import Status
from app.doctor.store import archive as look
from jobs.archive_proof import Fault, prove_archive
from tests.support.desk import Desk
from tests.support.installation import order_row


def faults(desk: Desk) -> dict[str, Fault]:
    with desk.registry.view() as tx:
        items = tx.queries.archived()
    return {fault.item.what.split()[0]: fault.fault for fault in prove_archive(desk.app.exchange, items)}


@pytest.fixture
def sealed(desk: Desk) -> tuple[str, Path]:
    """A batch that is sealed and not sent: its number, and its file in the archive."""
    desk.plan('settle_seconds = 80000\nfaults = ["fail_upload"]\n')
    desk.dispatch(order_row(next(desk.numbers)))
    with pytest.raises(Exception, match="REMOTE_PATH_REFUSED"):
        desk.request()
    desk.silence()
    with desk.registry.view() as tx:
        batch = tx.batches.in_states("acme", ("SEALED",))[-1]  # type: ignore[arg-type]
    return batch.number, desk.app.exchange.archive.path(batch.archive_key)


@pytest.mark.parametrize("fault", Fault)
def test_a_sealed_batch(desk: Desk, sealed: tuple[str, Path], fault: Fault) -> None:
    number, file = sealed
    assert faults(desk) == {}
    whole = file.read_bytes()
    file.unlink()
    if fault is Fault.DAMAGED:
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert faults(desk) == {"batch": fault}
    (check,) = look(desk.app.workspace, desk.app.settings)
    assert (check.status, check.what) == (Status.FAIL, f"the file of batch {number} is {fault}")
    file.write_bytes(whole)
    assert faults(desk) == {}
    assert {check.status for check in look(desk.app.workspace, desk.app.settings)} == {Status.OK}


@pytest.mark.parametrize("fault", Fault)
def test_an_order_file(desk: Desk, fault: Fault) -> None:
    desk.dispatch(order_row(next(desk.numbers)))
    with desk.registry.view() as tx:
        item = tx.queries.archived()[-1]
    file = desk.app.exchange.archive.path(item.key)
    whole = file.read_bytes()
    file.unlink()
    if fault is Fault.DAMAGED:
        file.write_bytes(whole[: len(whole) // 2])
    assert faults(desk) == {"file": fault}
    file.write_bytes(whole)


def test_the_command(tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "ws")]
    assert CliRunner().invoke(app, [*home, "init"]).exit_code == 0
    done = CliRunner().invoke(app, [*home, "archive", "verify"])
    assert (done.exit_code, "The archive holds: 0 files" in done.output) == (0, True), done.output
