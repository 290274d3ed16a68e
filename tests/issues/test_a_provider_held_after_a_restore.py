"""After a restore nobody knows what a provider was sent: it is held until a person says, and nothing is sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from adapters.registry.tables import audit
from formats.sent_list import SentListFault, read
from jobs.cancellation import cancel_batch
from jobs.errors import ProviderHeld, TransferFailed
from jobs.holds import Hold
from jobs.job import Job
from jobs.providers import UnknownOutcomePolicy
from jobs.release import plan_release
from jobs.states import BatchState
from simulator import store
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, PROVIDER, Ledger
from tests.support.muster import CommandLine, Ran
from tests.support.orders import instruction
from tests.support.partner import Sender
from tests.support.restoring import back_up, restore

REASON = ("--reason", "restored the backup of Monday")
HOLD = Hold(PROVIDER, NOW, "restored", "ada@example.com")


def recovered(desk: Desk) -> CommandLine:
    muster = CommandLine(desk.installation.workspace)
    done = muster("recover", *REASON, "--confirm", "recover")
    assert (done.code, "acme is held" in done.err) == (0, True)
    return muster


def released(muster: CommandLine, listed: Path) -> Ran:
    return muster("recover", "release", "acme", "--sent", str(listed), "--reason", "by e-mail", "--confirm", "acme")


@contextmanager
def nothing_leaves(desk: Desk) -> Iterator[None]:
    """Neither a request run nor one of its steps sends, seals, or changes a batch."""
    before = desk.remote()
    for options in ({}, {"batch": "ACME-000001"}, {"dry_run": True}):
        with pytest.raises(ProviderHeld, match="restored the backup of Monday"):
            desk.request(**options)
    yield
    run = desk.app.begin(Job.REQUEST, provider="acme", actor="ada@example.com")
    with pytest.raises(ProviderHeld):
        desk.app.step(run.id, "device_enrolment_adaptor")
    assert desk.remote() == before


def instructions(desk: Desk) -> Counter[str]:
    """What the provider's own records say: the devices it holds, and how many orders it was given (of one each)."""
    with store.transaction(desk.simulator.database) as connection:
        held = [str(row[0]) for row in connection.execute("SELECT device_id FROM held")]
        (given,) = connection.execute("SELECT coalesce(sum(order_count), 0) FROM answers").fetchone()
    return Counter(held) + Counter(given=given)


def once(*rows: Mapping[str, str]) -> Counter[str]:
    """Each of these devices was instructed once."""
    return Counter(row["serial_number"] for row in rows) + Counter(given=len(rows))


def test_no_device_is_instructed_twice_after_a_restore(desk: Desk, tmp_path: Path) -> None:
    desk.silence()
    before = instructions(desk)
    sent, waiting, later = (order_row(next(desk.numbers)) for _ in range(3))
    desk.dispatch(sent, waiting)
    backup = back_up(desk)
    desk.request(order=sent["order_number"])
    desk.dispatch(later)
    desk.request(order=later["order_number"])
    restore(desk, backup)

    muster = recovered(desk)
    with nothing_leaves(desk):
        assert "nothing is sent to these providers" in muster("status").out
        assert muster("status", "--json").json["held_providers"][0]["by"] == "ada@example.com"
        assert "nothing is sent to acme" in muster("doctor", "--offline").out
        desk.response()
        listed = tmp_path / "acme-has.csv"
        listed.write_text(
            f"order;serial\n{sent['order_number']}\n{later['order_number']};{later['serial_number'].lower()}\nSO-9\n"
        )
        early = muster("recover", "release", "acme", "--sent", str(listed))
        assert (early.code, "first muster run order_dispatch" in early.err) == (1, True)
        desk.dispatch()
        assert muster("recover", "release", "acme").code == 2  # neither a list nor --none-sent
    shown = muster("recover", "release", "acme", "--sent", str(listed), "--json").json["plan"]
    assert len(shown["hold"]["found"]) == 2
    assert shown["unknown"] == ["so-9"]
    shares = {item["order_number"]: (item["waiting"], item["to_review"]) for item in shown["orders"]}
    assert shares == {sent["order_number"]: (1, 1), waiting["order_number"]: (1, 0), later["order_number"]: (1, 1)}
    with nothing_leaves(desk):
        assert muster("recover", "release", "acme", "--sent", str(listed), "--reason", "by e-mail").code == 2
    assert released(muster, listed).code == 0
    assert "nothing is sent to these" not in muster("status").out

    assert desk.request().totals["lines sent"] == 1
    desk.speak()
    desk.answers(3)
    desk.response()
    assert instructions(desk) - before == once(sent, waiting, later)
    assert [desk.states(row["serial_number"]) for row in (sent, waiting, later)] == [
        ["REVIEW"],
        ["ENROLLED"],
        ["REVIEW"],
    ]
    reasons = select(audit.c.actor, audit.c.reason).where(audit.c.action == "provider released")
    assert desk.rows(reasons) == [("ada@example.com", "by e-mail")]
    assert muster("audit", "verify").code == 0


def test_all_that_waits_is_sent_where_nothing_was(desk: Desk) -> None:
    """A device of a batch that was lost before it left the house."""
    desk.silence()
    before = instructions(desk)
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    backup = back_up(desk)
    batch = desk.request().batches[0]
    for path in desk.simulator.to_provider.glob(f"{batch.file_name}*"):
        path.unlink()
    restore(desk, backup)
    muster = recovered(desk)
    words = ("recover", "release", "acme", "--none-sent")
    assert "is SENT when" in muster(*words).out
    assert muster(*words, "--reason", "Acme has nothing", "--confirm", "acme").code == 0
    assert muster(*words).code == 1  # it is not held any more
    desk.request()
    desk.speak()
    desk.answers(1)
    desk.response()
    assert instructions(desk) - before == once(row)
    assert desk.states(row["serial_number"]) == ["ENROLLED"]


def test_a_batch_that_was_sealed_in_the_backup_may_have_been_sent(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number was used after the backup, and yet something was sent."""
    from adapters.channels.session import FileSession

    def broken(*_: object, **__: object) -> None:
        raise TransferFailed("the line is down")

    desk.silence()
    before = instructions(desk)
    row = order_row(next(desk.numbers))
    desk.dispatch(row)
    with monkeypatch.context() as patch:
        patch.setattr(FileSession, "deliver", broken)
        with pytest.raises(TransferFailed):
            desk.request()
    backup = back_up(desk)
    (batch,) = desk.request().batches
    restore(desk, backup)
    muster = recovered(desk)
    with nothing_leaves(desk), pytest.raises(ProviderHeld):
        cancel_batch(desk.app.exchange, batch.number, "ada@example.com", "to free the lines")
    listed = tmp_path / "list.txt"
    listed.write_text(row["order_number"])
    assert (
        f"{batch.number}, 1 line: becomes UNCERTAIN" in muster("recover", "release", "acme", "--sent", str(listed)).out
    )
    assert released(muster, listed).code == 0
    assert muster("batch", "show", batch.number, "--json").json["batch"]["state"] == "UNCERTAIN"
    assert desk.request().totals["batches proved sent"] == 1
    desk.speak()
    desk.answers(1)
    desk.response()
    assert instructions(desk) - before == once(row)
    assert desk.states(row["serial_number"]) == ["ENROLLED"]


def test_a_doubt_is_never_settled_by_sending_again_while_the_provider_is_held(ledger: Ledger, tmp_path: Path) -> None:
    sender = Sender(ledger, tmp_path)
    name = sender.sealed()

    def breaks(path: str) -> object:
        raise TimeoutError("timed out")

    sender.partner.trouble["rename"] = breaks
    sender.run()
    assert sender.states()[name] is BatchState.UNCERTAIN
    sender.wait()
    left = sender.partner.names()
    with ledger.registry.transaction() as tx:
        tx.holds.place(HOLD)
    for policy in UnknownOutcomePolicy:
        with pytest.raises(ProviderHeld):
            sender.run(on_unknown_outcome=policy)
        assert (sender.states()[name], sender.partner.names()) == (BatchState.UNCERTAIN, left)
    with ledger.registry.transaction() as tx:
        tx.holds.lift(PROVIDER)
    sender.run()
    assert sender.states()[name] is BatchState.SENT


def test_an_override_goes_into_review_whole(ledger: Ledger) -> None:
    """Without the line that was sent it would take that device away."""
    first, second = order_row(1), order_row(2)
    other = order_row(11)
    ledger.order(first, second)
    whole = [instruction("OV", number, order_number=first["order_number"]) for number in (1, 2)]
    overriding = ledger.order(*whole)
    (goes,) = ledger.order(other)
    with ledger.registry.transaction() as tx:
        tx.holds.place(HOLD)
        plan = plan_release(tx, PROVIDER, read(f"{first['order_number']},{second['serial_number']}".encode()))
    assert set(overriding) < set(plan.review)
    assert len(plan.review) == 3
    assert goes not in plan.review


def test_a_hold_that_is_placed_again_keeps_what_was_found(ledger: Ledger) -> None:
    later = Hold(PROVIDER, NOW.replace(year=2027), "again", "bob@example.com", (5, 6), ("b",))
    with ledger.registry.transaction() as tx:
        tx.holds.place(Hold(PROVIDER, NOW, "once", "ada@example.com", (2, 4), ("a",)))
        tx.holds.place(later)
        assert tx.holds.all() == [Hold(PROVIDER, NOW, "again", "bob@example.com", (2, 6), ("a", "b"))]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"order\n", b"A,B,C\n", b",SN1\n", b"\xff\xfe", b'"A'])
def test_what_is_no_list_of_orders_is_refused(data: bytes) -> None:
    with pytest.raises(SentListFault):
        read(data)


@pytest.mark.parametrize(
    "data", [b"A-1\nB-2,SN9\n", b"\xef\xbb\xbfOrder Number;serial\r\na-1\r\nB-2;SN9\r\n", b"A-1\t\nB-2\tsn9"]
)
def test_a_list_as_people_write_it(data: bytes) -> None:
    listed = read(data)
    assert listed.names("A-1", ("SN1",))
    assert listed.names("B-2", ("356938035643809", "SN9"))
    assert not listed.names("B-2", ("SN1",))
