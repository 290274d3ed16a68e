"""Ten thousand files in an inbox took 40 minutes: what a look costs does not depend on how many there are.

Calls are counted at the server. The registry does not matter here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.inboxes.sftp_orders import RemoteInbox
from app.bootstrap import Muster
from jobs.job import Job
from tests.support.desk import Desk
from tests.support.odd_sftp import odd_server
from tests.support.postgres import DATABASES

NAMES = 10_000
PATIENT = 120  # seconds: the server of the tests is slow, and so may the machine be


def named(folder: Path, suffix: str) -> None:
    """So many files under names that are asked for."""
    for number in range(NAMES):
        (folder / f"n{number:05}{suffix}").write_bytes(b"x" * 9)


@pytest.mark.parametrize("desk", DATABASES[:1], indirect=True)
def test_ten_thousand_answers_cost_two_listings(desk: Desk) -> None:
    """And one session: the look at all of them, twice; the rest is for each file that is fetched."""
    usual = desk.app.settings.provider("acme").sftp
    assert usual is not None
    named(desk.simulator.from_provider, ".pgp")
    with odd_server(desk.simulator.files) as server:
        told = server.settings(PATIENT)
        sftp = replace(usual, port=told.port, host_keys=told.host_keys, timeout=told.timeout)
        with desk.configured(sftp=sftp):
            report = desk.response(dry_run=True)
        assert f"{NAMES} answer files wait" in report.steps[0].message
        assert [call for call, _ in server.calls] == ["scandir"] * 2
        assert server.sessions == 1
    for path in desk.simulator.from_provider.glob("n*.pgp"):
        path.unlink()


@pytest.mark.parametrize("desk", DATABASES[:1], indirect=True)
def test_ten_thousand_names_in_an_inbox_cost_two_listings(desk: Desk, tmp_path: Path) -> None:
    """All but one are too large to be read, so that what is counted is the look at all of them, and one file."""
    (tmp_path / "orders").mkdir()
    named(tmp_path / "orders", ".csv")
    (tmp_path / "orders" / "small.csv").write_bytes(b"x")
    usual = desk.app
    with odd_server(tmp_path) as server:
        inbox = RemoteInbox(server.channel(PATIENT), usual.exchange.spool, "orders", None, r".*\.csv")
        limits = replace(usual.exchange.inbox_limits, max_bytes=8)
        exchange = replace(usual.exchange, inboxes=(inbox,), inbox_limits=limits)
        app = Muster(usual.workspace, usual.settings, exchange, usual.registry)
        report, _ = app.run(Job.ORDER_DISPATCH, actor="tests", dry_run=True)
        assert report.steps[0].done == 1
        assert [call for call, _ in server.calls if call == "scandir"] == ["scandir"] * 2
        assert {name.rpartition("/")[2] for call, name in server.calls if call != "scandir"} == {"small.csv"}
        assert server.sessions == 1
