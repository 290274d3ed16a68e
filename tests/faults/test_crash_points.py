"""kill -9 at every step of the exchange: what comes after finds its way, and nothing is lost or done twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from signal import SIGKILL

import pytest
from sqlalchemy import func, select

from adapters.registry.attempt_tables import attempts
from adapters.registry.tables import batches, device_events, evidence, files, leases, lines, outcomes, workflow_events
from jobs.attempts import AttemptOutcome
from jobs.job import Job
from jobs.providers import UnknownOutcomePolicy
from jobs.states import BatchState
from tests.support.crashing import Crasher, crasher
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.orders import order_text

DEVICES = 3

TAKING_ORDERS = (
    "adapters.archive:FileArchive.keep_plaintext:before",
    "adapters.archive:FileArchive.keep_plaintext:after",
    "adapters.registry.intake:Intake.insert_rows:after",
    "adapters.registry.files:Files.move:after",
    "jobs.order_dispatch:_load:after",
    "adapters.inboxes.drop_folder:DropFolder.remove:after",
)
SEALING = (
    "jobs.request:_plan:after",
    "adapters.registry.claims:Claims.claim:after",
    "adapters.archive:FileArchive.keep:before",
    "adapters.archive:FileArchive.keep:after",
    "jobs.request:_seal:after",
    "jobs.sending:_commit_intent:before",
)
PART_IS_LEFT = (
    "adapters.channels.sftp_calls:SftpCalls._write:before",
    "adapters.channels.sftp_calls:SftpCalls.write:after",
    "jobs.sending:_commit_asking:before",
)
RENAME_MAY_BE_UNDER_WAY = (
    "jobs.sending:_commit_asking:after",
    "adapters.channels.delivering:_rename_part:before",
)
FINAL_NAME_IS_THERE = (
    "adapters.channels.delivering:_rename_part:after",
    "jobs.sending:_sent:before",
    "adapters.registry.batches:Batches.mark_sent:after",
)
NOTHING_IS_THERE = (
    "jobs.sending:_commit_intent:after",
    "adapters.channels.session:FileSession.deliver:before",
)
ANSWERING = (
    "adapters.channels.session:FileSession.fetch:before",
    "adapters.channels.session:FileSession.fetch:after",
    "adapters.archive:FileArchive.keep:after",
    "adapters.registry.files:Files.claim:after",
    "jobs.collection:_fetch:after",
    "adapters.openpgp.cipher:OpenPgpCipher.open:after",
    "jobs.loading:_loaded:after",
    "jobs.loading:_load:after",
    "adapters.registry.answers:Answers.apply:after",
    "jobs.response:_advance:after",
    "jobs.response:_apply:after",
    "adapters.channels.session:FileSession.move:before",
    "adapters.channels.session:FileSession.move:after",
    "adapters.registry.files:Files.put_away:after",
)


@pytest.fixture(scope="module")
def killer(desk: Desk) -> Iterator[Crasher]:
    with crasher(desk.installation) as running:
        yield running


class Scene:
    """A few devices and what may have happened to them."""

    def __init__(self, desk: Desk, killer: Crasher) -> None:
        self.desk, self.killer = desk, killer
        first = next(desk.numbers)
        self.rows = [order_row(first + number) for number in range(DEVICES)]
        self.serials = [row["serial_number"] for row in self.rows]

    def killed(self, job: Job, point: str) -> None:
        """The job dies there; the count holds in what it left, and no plaintext is left open to others."""
        options = {} if job is Job.ORDER_DISPATCH else {"provider": "acme"}
        assert self.killer.run(job, point, **options) == -SIGKILL, point
        with self.desk.registry.view() as tx:
            assert tx.conservation.count().holds, point

    def settled(self) -> None:
        """Brought to its end by runs that nobody disturbs, and judged."""
        self.desk.dispatch()
        with self.desk.configured(on_unknown_outcome=UnknownOutcomePolicy.RESEND, removes_duplicates_by_batch=True):
            for _ in range(2):
                self.desk.time_passes()
                self.desk.request()
        if self.batch()[1] == BatchState.SENT:
            self.answered()
        self.desk.response()
        self.check()
        self.check_traces()

    def check_traces(self) -> None:
        """No plaintext, no number left out, nobody who still works, no attempt in doubt, no temporary file."""
        self.desk.app.exchange.spool.sweep()  # as each opening of the installation does; the desk is open all the time
        spooled = (path for path in self.desk.installation.workspace.spool.rglob("*") if path.is_file())
        assert [path for path in spooled if path.name != ".lock"] == []
        sequences = [number for (number,) in self.desk.rows(select(batches.c.sequence).order_by(batches.c.sequence))]
        assert sequences == list(range(1, len(sequences) + 1))
        assert self.desk.rows(select(leases.c.name).where(leases.c.owner.is_not(None))) == []
        settled = attempts.c.outcome.in_((AttemptOutcome.SENT, AttemptOutcome.NOT_SENT))
        assert self.desk.rows(select(attempts.c.id).where(~settled | attempts.c.outcome.is_(None))) == []
        assert [path for path in self.desk.simulator.to_provider.iterdir() if path.suffix != ".pgp"] == []

    def states(self) -> set[str]:
        return {state for serial in self.serials for state in self.desk.states(serial)}

    def batch(self) -> tuple[str, str]:
        """Number and state of the newest batch."""
        newest = select(batches.c.number, batches.c.state).order_by(batches.c.id.desc()).limit(1)
        ((number, state),) = self.desk.rows(newest)
        return number, state

    def evidence(self) -> list[str]:
        newest = select(func.max(batches.c.id)).scalar_subquery()
        chosen = select(evidence.c.kind).where(evidence.c.batch_id == newest).order_by(evidence.c.id)
        return [kind for (kind,) in self.desk.rows(chosen)]

    def answered(self) -> None:
        """The provider deals with what lies there."""
        self.desk.speak()
        self.desk.answers(1)
        self.desk.response()

    def check(self) -> None:
        """Each device enrolled once: at the provider's, and in every table of ours."""
        number, state = self.batch()
        assert (state, self.states()) == (BatchState.CLOSED, {"ENROLLED"})
        assert self.processed(number) == {"processed": 1} | self.remarked()
        self.check_tables()
        assert list(self.desk.installation.workspace.inbox.iterdir()) == []
        assert list(self.desk.simulator.from_provider.glob("*.pgp")) == []

    def check_tables(self) -> None:
        """One live line, one outcome and one event for each device of the newest batch, one event for its order."""
        of_batch = lines.join(batches, batches.c.id == lines.c.batch_id)
        members = select(lines.c.order_line_id).select_from(of_batch).where(batches.c.number == self.batch()[0])
        live = select(func.count()).where(lines.c.order_line_id.in_(members), ~lines.c.released)
        assert self.desk.rows(live) == [(DEVICES,)]
        for table in (outcomes, device_events):
            assert self.desk.rows(select(func.count()).where(table.c.order_line_id.in_(members))) == [(DEVICES,)]
        told = select(func.count()).where(workflow_events.c.order_number == self.rows[0]["order_number"])
        assert self.desk.rows(told) == [(1,)]

    def remarked(self) -> dict[str, int]:
        """What the provider says of a batch whose predecessor was cancelled."""
        before = select(batches.c.state).order_by(batches.c.id.desc()).offset(1).limit(1)
        return {"remark": 1} if self.desk.rows(before) == [(BatchState.CANCELLED,)] else {}

    def processed(self, number: str) -> dict[str, int]:
        """What the simulator did with files of this batch: event → how often."""
        name = number.replace("ACME-", "acme-OUT-") + ".pgp"
        with closing(sqlite3.connect(self.desk.simulator.database)) as simulator:
            told = "SELECT event, count(*) FROM events WHERE file = ? GROUP BY event"
            held = {device for (device,) in simulator.execute("SELECT device_id FROM held")}
            assert held >= set(self.serials)
            return dict(simulator.execute(told, (name,)).fetchall())


@pytest.fixture
def scene(desk: Desk, killer: Crasher) -> Scene:
    desk.silence()
    return Scene(desk, killer)


@pytest.fixture
def ordered(scene: Scene) -> Scene:
    scene.desk.dispatch(*scene.rows)
    return scene


def test_taking_orders(scene: Scene) -> None:
    scene.desk.drop(order_text(scene.rows))
    for point in TAKING_ORDERS:
        scene.killed(Job.ORDER_DISPATCH, point)
    scene.desk.dispatch()
    assert scene.states() == {"WAITING"}
    scene.desk.request()
    scene.answered()
    scene.check()


def test_sealing(ordered: Scene) -> None:
    for point in SEALING:
        ordered.killed(Job.REQUEST, point)
    assert ordered.states() == {"SEALED"}
    ordered.desk.request()
    ordered.answered()
    ordered.check()


def test_a_temporary_file_proves_that_nothing_was_sent(ordered: Scene) -> None:
    for point in PART_IS_LEFT:
        ordered.killed(Job.REQUEST, point)
        assert ordered.batch()[1] == BatchState.SENDING
    report = ordered.desk.request()
    assert report.totals == {"batches proved not sent": 1, "batches sent": 1, "lines sent": DEVICES}
    assert ordered.evidence() == [*["interrupted", "not_sent"] * len(PART_IS_LEFT), "delivery"]
    ordered.answered()
    ordered.check()


def test_a_temporary_file_proves_nothing_while_its_rename_may_be_under_way(ordered: Scene) -> None:
    for point in RENAME_MAY_BE_UNDER_WAY:
        ordered.killed(Job.REQUEST, point)
        for _ in range(2):
            assert ordered.desk.request().totals == {"batches held": 1}
            assert ordered.batch()[1] == BatchState.UNCERTAIN
        ordered.desk.time_passes()
    report = ordered.desk.request()
    assert report.totals == {"batches proved not sent": 1, "batches sent": 1, "lines sent": DEVICES}
    assert ordered.evidence() == [*["interrupted", "not_sent"] * len(RENAME_MAY_BE_UNDER_WAY), "delivery"]
    assert [path.suffix for path in ordered.desk.simulator.to_provider.iterdir()] == [".pgp"]
    ordered.answered()
    ordered.check()


@pytest.mark.parametrize("point", FINAL_NAME_IS_THERE)
def test_the_final_name_proves_that_it_was_sent(ordered: Scene, point: str) -> None:
    ordered.killed(Job.REQUEST, point)
    report = ordered.desk.request()
    assert report.totals == {"batches proved sent": 1}
    assert ordered.evidence() == ["interrupted", "listing"]
    ordered.answered()
    ordered.check()


def test_the_answer_proves_that_it_was_sent(ordered: Scene) -> None:
    """The provider took the file before anybody could look."""
    ordered.desk.plan()
    ordered.killed(Job.REQUEST, "jobs.sending:_sent:before")
    ordered.desk.answers(1)
    assert ordered.desk.response().totals["files collected"] == 1
    assert ordered.batch()[1] == BatchState.SENDING  # the next request run looks first
    assert ordered.desk.request().totals == {"batches held": 1}
    assert ordered.batch()[1] == BatchState.UNCERTAIN
    assert ordered.desk.response().totals["lines applied"] == DEVICES
    assert ordered.evidence() == ["interrupted", "answer"]
    ordered.check()


@pytest.mark.parametrize("point", NOTHING_IS_THERE)
def test_without_proof_a_batch_is_held(ordered: Scene, point: str) -> None:
    """Nobody can know whether the provider took it: it is not sent again, but by a policy."""
    ordered.killed(Job.REQUEST, point)
    for _ in range(2):
        assert ordered.desk.request().totals == {"batches held": 1}
        assert ordered.batch()[1] == BatchState.UNCERTAIN
        assert list(ordered.desk.simulator.to_provider.iterdir()) == []
    with ordered.desk.registry.view() as tx:
        assert {bucket.name: bucket.count for bucket in tx.conservation.count().buckets}["UNCERTAIN"] == DEVICES
    with ordered.desk.configured(on_unknown_outcome=UnknownOutcomePolicy.RESEND, removes_duplicates_by_batch=True):
        assert ordered.desk.request().totals == {"batches sent again": 1}
    assert ordered.evidence() == ["interrupted", "resend"]
    ordered.answered()
    ordered.check()


def test_answering(ordered: Scene) -> None:
    ordered.desk.plan()
    ordered.desk.request()
    ordered.desk.answers(1)
    for point in ANSWERING:
        ordered.killed(Job.RESPONSE, point)
    ordered.desk.response()
    assert ordered.desk.rows(select(files.c.state).order_by(files.c.id.desc()).limit(1)) == [("DONE",)]
    ordered.check()


def test_a_dead_run_blocks_nobody_and_a_living_one_does(ordered: Scene) -> None:
    """The lease of the killed run is taken over at once."""
    ordered.killed(Job.REQUEST, "jobs.request:_seal:after")
    with ordered.desk.app.exchange.lease("acme:out"):
        assert ordered.killer.run(Job.REQUEST, provider="acme") == 1
    assert ordered.killer.run(Job.REQUEST, provider="acme") == 0
    ordered.answered()
    ordered.check()


def test_the_spool_is_swept(ordered: Scene) -> None:
    """Plaintext of a killed run is gone with the start of the next."""
    spool = ordered.desk.installation.workspace.spool
    ordered.desk.plan()
    ordered.desk.request()
    ordered.desk.answers(1)
    ordered.killed(Job.RESPONSE, "adapters.openpgp.cipher:OpenPgpCipher.open:after")
    left = {path for path in spool.rglob("*") if path.suffix == ".txt"}
    assert left
    assert ordered.killer.run(Job.RESPONSE, provider="acme") == 0
    assert not any(path.exists() for path in left)
    ordered.check()
