"""Order files from an SFTP folder, and cancelling a sealed batch: both on a whole installation."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.channels.sftp import SftpChannel
from adapters.inboxes.sftp_orders import RemoteInbox
from adapters.settings import channel_key
from app.loopback import free_port
from jobs.errors import StateMoved
from jobs.job import Job
from jobs.runs import RunStatus
from tests.support.installation import Installation, make_installation, order_row

PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*\.csv"


@pytest.fixture
def installation() -> Iterator[Installation]:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    yield make_installation(home / "w", free_port())
    shutil.rmtree(home)


def test_order_files_are_taken_from_sftp_and_put_into_the_done_folder(installation: Installation) -> None:
    remote = installation.simulator.files / "orders"
    (remote / "done").mkdir(parents=True)
    dropped = installation.drop("orders.csv", [order_row(1), order_row(2)])
    dropped.rename(remote / "orders.csv")
    (remote / "notes.exe").write_text("not an order file")

    with installation.simulating(), installation.open() as app:
        sftp = app.settings.provider("acme").sftp
        assert sftp is not None
        channel = SftpChannel(sftp, channel_key(sftp.credential, app.workspace))
        inbox = RemoteInbox(channel, app.exchange.spool, "orders", "orders/done", PATTERN)
        with installation.open(inboxes=(inbox,)) as fed:
            report, _ = fed.run(Job.ORDER_DISPATCH, actor="ada@example.com")

    assert report.run.status is RunStatus.DONE
    assert [(file.name, file.passed) for file in report.files] == [("orders.csv", 2)]
    assert sorted(entry.name for entry in remote.iterdir()) == ["done", "notes.exe"]
    assert (remote / "done" / "orders.csv").is_file()


def test_a_sealed_batch_can_be_cancelled_until_it_is_sent(installation: Installation) -> None:
    installation.drop("orders.csv", [order_row(number) for number in range(5)])
    with installation.open() as app:
        app.run(Job.ORDER_DISPATCH, actor="ada@example.com")
        run = app.begin(Job.REQUEST, provider="acme", actor="ada@example.com")
        app.step(run.id, "extract_to_generic_format")

        assert app.cancel_batch("ACME-000001", "ada@example.com", "wrong customer") == 5
        with pytest.raises(StateMoved):
            app.cancel_batch("ACME-000001", "ada@example.com", "again")

        with installation.simulating():
            report, _ = app.run(Job.REQUEST, provider="acme", actor="ada@example.com")
        with app.registry.transaction() as tx:
            assert tx.audit.breaks() == []
    assert [(batch.number, batch.state, batch.lines) for batch in report.batches] == [("ACME-000002", "SENT", 5)]
    assert report.conservation.holds
