"""Deliveries whose outcome nobody knows: held or sent again by the provider's policy, settled by listing or answer."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import select

from adapters.registry.tables import batches, evidence
from jobs.errors import MusterError
from jobs.providers import UnknownOutcomePolicy
from jobs.runs import RunStatus
from tests.support.desk import NEVER, Desk
from tests.support.installation import order_row

RESEND = {"on_unknown_outcome": UnknownOutcomePolicy.RESEND, "removes_duplicates_by_batch": True}


def dispatched(desk: Desk) -> str:
    """One ordered device; returns its serial number."""
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    return row["serial_number"]


def newest(desk: Desk) -> tuple[str, list[str]]:
    """State of the newest batch, and the evidence for it."""
    ((batch_id, state),) = desk.rows(select(batches.c.id, batches.c.state).order_by(batches.c.id.desc()).limit(1))
    kinds = select(evidence.c.kind).where(evidence.c.batch_id == batch_id).order_by(evidence.c.id)
    return state, [kind for (kind,) in desk.rows(kinds)]


def received(desk: Desk) -> list[str]:
    """What the simulator did with requests, oldest first."""
    with closing(sqlite3.connect(desk.simulator.database)) as simulator:
        told = "SELECT event FROM events WHERE file LIKE '%-OUT-%' ORDER BY id"
        return [event for (event,) in simulator.execute(told)]


def test_the_provider_takes_the_file_before_we_look(desk: Desk) -> None:
    """Held however often the job runs; the answer settles it."""
    desk.plan('faults = ["eat_on_arrival"]\n')
    serial = dispatched(desk)
    report = desk.request()
    assert report.run.status is RunStatus.PARTLY
    assert dict(report.totals) == {"batches sealed": 1, "lines sealed": 1, "batches uncertain": 1}
    desk.answers(1)
    assert desk.request().totals == {"batches held": 1}
    assert newest(desk) == ("UNCERTAIN", ["uncertain"])
    assert desk.states(serial) == ["SEALED"]
    assert desk.response().totals["lines applied"] == 1
    assert newest(desk) == ("CLOSED", ["uncertain", "answer"])
    assert desk.states(serial) == ["ENROLLED"]


def test_an_uncertain_batch_stops_no_other(desk: Desk) -> None:
    desk.plan(NEVER + 'faults = ["eat_on_arrival"]\n')
    held = dispatched(desk)
    desk.request()
    desk.plan()
    other = dispatched(desk)
    report = desk.request()
    assert (report.totals["batches held"], report.totals["batches sent"]) == (1, 1)
    desk.answers(2)
    desk.response()
    assert (desk.states(held), desk.states(other)) == (["ENROLLED"], ["ENROLLED"])


def test_the_connection_is_lost_after_the_rename(desk: Desk) -> None:
    """The listing settles it while the file lies there."""
    desk.plan(NEVER + 'faults = ["drop_after_rename"]\n')
    serial = dispatched(desk)
    assert desk.request().totals["batches uncertain"] == 1
    assert desk.states(serial) == ["SEALED"]
    assert desk.request().totals == {"batches proved sent": 1}
    assert newest(desk) == ("SENT", ["uncertain", "listing"])
    desk.speak()
    desk.answers(1)
    desk.response()
    assert desk.states(serial) == ["ENROLLED"]


def test_by_policy_the_same_file_is_sent_again(desk: Desk) -> None:
    """The provider took the first one and tells the second one by its batch number."""
    desk.plan('faults = ["eat_on_arrival"]\n')
    serial = dispatched(desk)
    before = len(received(desk))
    with desk.configured(**RESEND):
        assert desk.request().totals["batches uncertain"] == 1
        desk.answers(1)
        desk.silence()
        assert desk.request().totals == {"batches held": 1}  # its rename may still be under way
        desk.time_passes()
        assert desk.request().totals == {"batches sent again": 1}
    assert newest(desk) == ("SENT", ["uncertain", "resend"])
    (again,) = desk.simulator.to_provider.glob("*.pgp")
    assert again.read_bytes() == (desk.simulator.processed / again.name).read_bytes()
    desk.speak()
    desk.response()
    assert newest(desk)[0] == "CLOSED"
    assert desk.states(serial) == ["ENROLLED"]
    desk.exchange()
    assert received(desk)[before:] in (["processed"], ["processed", "duplicate"])


def test_a_resend_may_be_as_uncertain_as_the_first(desk: Desk) -> None:
    """It stays uncertain, and batches behind it go out."""
    desk.plan('faults = ["eat_on_arrival"]\n')
    serial = dispatched(desk)
    with desk.configured(**RESEND):
        desk.request()
        desk.time_passes()
        other = dispatched(desk)
        report = desk.request()
        assert report.run.status is RunStatus.PARTLY
        assert (report.totals["batches sent again"], report.totals["batches sealed"]) == (1, 1)
    desk.answers(2)
    desk.response()
    assert (desk.states(serial), desk.states(other)) == (["ENROLLED"], ["ENROLLED"])


def test_a_refused_upload_leaves_the_batch_sealed(desk: Desk) -> None:
    desk.plan('faults = ["fail_upload"]\n')
    serial = dispatched(desk)
    with pytest.raises(MusterError, match="REMOTE_PATH_REFUSED"):
        desk.request()
    assert newest(desk) == ("SEALED", ["not_sent"])
    assert desk.states(serial) == ["SEALED"]
    desk.plan()
    desk.exchange()
    assert newest(desk) == ("CLOSED", ["not_sent", "delivery"])
    assert desk.states(serial) == ["ENROLLED"]


def test_a_name_that_is_taken_is_not_overwritten(desk: Desk) -> None:
    """Somebody else's file of another size lies under our next name."""
    desk.silence()
    dispatched(desk)
    desk.request()
    (mine,) = desk.simulator.to_provider.glob("*.pgp")
    number = int(mine.stem.rpartition("-")[2]) + 1
    taken = desk.simulator.to_provider / f"acme-OUT-{number:06d}.pgp"
    taken.write_bytes(b"another file")
    serial = dispatched(desk)
    report = desk.request()
    assert report.run.status is RunStatus.PARTLY
    assert "NAME_TAKEN" in report.steps[-1].message
    assert newest(desk) == ("SEALED", ["not_sent"])
    assert taken.read_bytes() == b"another file"
    taken.unlink()
    desk.request()
    desk.speak()
    desk.answers(2)
    desk.response()
    assert desk.states(serial) == ["ENROLLED"]
