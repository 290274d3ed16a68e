"""Whoever changes the registry by hand is found: by the count at the end of a run, or by the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Executable, delete, insert, select, text, update

from adapters.registry import covered
from adapters.registry.tables import evidence, line_decisions, order_lines, outcomes
from jobs.states import LineState
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.ledger import NOW, Ledger
from tests.support.muster import CommandLine
from tests.support.orders import instruction
from tests.support.tampering import tampering

AGREES = "lines in the state their decision says = order lines"
EVIDENCE = "evidence as the audit trail has it = evidence"


def broken_by(ledger: Ledger, *harm: Executable) -> list[str]:
    """Identities that do not hold after these changes (which are rolled back)."""
    with ledger.registry.rehearsal() as tx:
        for statement in harm:
            tx._db.execute(statement)
        return [check.name for check in tx.conservation.count().checks if not check.holds]


def altered_by(ledger: Ledger, harm: Executable) -> list[str]:
    with ledger.registry.rehearsal() as tx:
        tx._db.execute(harm)
        return tx.altered()


def to(state: str, *ids: int) -> Executable:
    return update(order_lines).where(order_lines.c.id.in_(ids)).values(state=state)


@pytest.fixture
def lines(ledger: Ledger) -> Sequence[int]:
    """ENROLLED, REJECTED, UNCHANGED without being sent, REVIEW without being sent, NOT_REQUESTED, WAITING."""
    ids = ledger.order(*(order_row(number) for number in range(1, 5)), order_row(5, enrolment_requested="N"))
    ids += ledger.order(order_row(11))
    ledger.send(ledger.seal(ids[:2]))
    ledger.answer({ids[0]: LineState.ENROLLED, ids[1]: LineState.REJECTED})
    with ledger.registry.transaction() as tx:
        tx.claims.settle_unsent({ids[2]: (LineState.UNCHANGED, "X"), ids[3]: (LineState.REVIEW, "Y")})
        tx.answers.settle_locally(ids[2:3], NOW)
    ledger.conservation()
    return ids


def test_a_state_that_no_decision_gave_is_found(ledger: Ledger, lines: Sequence[int]) -> None:
    enrolled, rejected, unchanged, review, not_requested, waiting = lines
    assert broken_by(ledger, to("REJECTED", enrolled)) == [AGREES]
    assert broken_by(ledger, to("ENROLLED", rejected)) == [AGREES]
    assert broken_by(ledger, to("ENROLLED", rejected), to("REJECTED", enrolled)) == [AGREES]  # the sums agree
    assert broken_by(ledger, to("REVIEW", unchanged)) == [AGREES]
    assert broken_by(ledger, to("REJECTED", review)) == [AGREES]
    assert broken_by(ledger, to("WAITING", review)) == [AGREES]
    assert broken_by(ledger, to("WAITING", not_requested)) == [AGREES]
    assert broken_by(ledger, to("NOT_REQUESTED", waiting)) == [AGREES]
    assert broken_by(ledger, to("CANCELLED", waiting)) == [AGREES]


def test_the_state_of_a_line_under_way_agrees_with_its_batch(ledger: Ledger) -> None:
    sealed, sent = ledger.order(order_row(1)), ledger.order(order_row(11))
    ledger.seal(sealed)
    ledger.send(ledger.seal(sent))
    ledger.conservation()
    for harm in (to("SENT", *sealed), to("SEALED", *sent), to("WAITING", *sealed), to("WAITING", *sent)):
        assert broken_by(ledger, harm) != [], harm


def test_a_decision_that_was_changed_or_removed_is_found(ledger: Ledger, lines: Sequence[int]) -> None:
    decided = line_decisions.c.order_line_id == lines[3]
    assert AGREES in broken_by(ledger, update(outcomes).values(line_state="REJECTED"))
    assert broken_by(ledger, update(line_decisions).where(decided).values(state="REJECTED")) == [AGREES]
    assert broken_by(ledger, delete(line_decisions).where(decided)) == [AGREES]


def test_lines_in_doubt_after_an_override_agree(ledger: Ledger) -> None:
    ids = ledger.order(*(order_row(number) for number in (1, 2, 3)))
    ledger.settle(ids, LineState.ENROLLED)
    first, second = ledger.order(instruction("OV", 1), instruction("OV", 2))
    ledger.send(ledger.seal([first, second]))
    ledger.answer({first: LineState.ENROLLED, second: LineState.REJECTED})
    with ledger.registry.transaction() as tx:
        newest = tx._db.execute(select(outcomes.c.file_id).order_by(outcomes.c.file_id.desc()).limit(1)).scalar_one()
        assert tx.answers.doubt_left_out(newest, "ANSWER_OVERRIDE_PARTIAL") > 0
    assert ledger.buckets()["REVIEW"] > 0


def test_evidence_that_was_forged_added_or_deleted_is_found(ledger: Ledger) -> None:
    batch_id = ledger.seal(ledger.order(order_row(1)))
    with ledger.registry.transaction() as tx:
        for number in range(3):
            tx.batches.add_evidence(batch_id, "delivery", {"size": number, "mtime": 1.5}, NOW)
    ledger.conservation()
    with ledger.registry.view() as tx:
        assert tx.altered() == []
    second = evidence.c.id == 2
    harms = {
        "evidence 2": update(evidence).where(second).values(facts={"size": 9, "mtime": 1.5}),
        "evidence 3": delete(evidence).where(evidence.c.id == 3),
        "evidence 9": insert(evidence).values(id=9, batch_id=batch_id, kind="answer", facts={}, at=NOW),
    }
    for record, harm in harms.items():
        assert broken_by(ledger, harm) == [EVIDENCE], record
        assert altered_by(ledger, harm) == [record]
    assert altered_by(ledger, update(evidence).where(second).values(kind="listing")) == ["evidence 2"]


def test_outcomes_that_were_forged_together_with_their_lines_are_found(ledger: Ledger, lines: Sequence[int]) -> None:
    """The count agrees then; what the trail has of the answer does not."""
    with ledger.registry.view() as tx:
        assert tx.altered() == []
        (answer,) = tx._db.execute(select(outcomes.c.file_id).distinct()).scalars()
    forged = update(outcomes).where(outcomes.c.order_line_id == lines[0]).values(line_state="REJECTED")
    assert altered_by(ledger, forged) == [f"outcomes {answer}"]
    assert altered_by(ledger, delete(outcomes).where(outcomes.c.order_line_id == lines[0])) == [f"outcomes {answer}"]
    assert altered_by(ledger, delete(outcomes)) == [f"outcomes {answer}"]


def test_three_devices_in_six_instructions(ledger: Ledger) -> None:
    ids = ledger.order(*(order_row(number) for number in (1, 2, 3)))
    ledger.settle(ids, LineState.ENROLLED)
    ledger.settle(ledger.order(instruction("OV", 1), instruction("OV", 2)), LineState.ENROLLED)
    ledger.order(instruction("RE", 1, order_number="RE-1"))
    counted = ledger.conservation()
    assert {item.name: item.count for item in counted.devices} == {"NEW": 0, "ENROLLED": 2, "UNENROLLED": 1}
    assert (counted.device_total, counted.total) == (3, 6)


def test_what_was_there_before_the_trail_covered_it_is_covered(ledger: Ledger, lines: Sequence[int]) -> None:
    """The registry of an earlier Muster, brought up to date."""
    with ledger.registry.transaction() as tx:
        tx.batches.add_evidence(1, "delivery", {"size": 1, "name": "b1.pgp"}, NOW)
    before = {table.name: ledger_rows(ledger, table) for table in (line_decisions, evidence, outcomes)}
    with tampering(ledger.engine) as connection:
        connection.execute(text("DELETE FROM audit"))
        connection.execute(text("DROP TABLE line_decisions"))
    with ledger.registry.view() as tx:
        assert tx.altered() == []  # nothing is covered yet
    with ledger.engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        import_module("adapters.registry.migrations.versions.0007_what_decided_a_line").upgrade()
    with ledger.registry.view() as tx:
        assert tx.altered() == []
        assert tx.audit.breaks() == []
        assert set(covered.compare(tx._db, covered.EVIDENCE).values()) == {True}
    ledger.conservation()
    assert {table.name: len(ledger_rows(ledger, table)) for table in (line_decisions, evidence, outcomes)} == {
        name: len(rows) for name, rows in before.items()
    }
    assert altered_by(ledger, update(evidence).values(kind="answer")) == ["evidence 1"]


def ledger_rows(ledger: Ledger, table: object) -> list[tuple[object, ...]]:
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(table))]  # type: ignore[call-overload]


def test_doctor_and_verify_say_which_records(desk: Desk) -> None:
    muster = CommandLine(desk.installation.workspace)
    desk.dispatch(order_row(next(desk.numbers)))
    desk.exchange()
    assert muster("audit", "verify").code == 0
    with desk.engine.begin() as connection:
        newest = connection.execute(select(evidence.c.id).order_by(evidence.c.id.desc()).limit(1)).scalar_one()
        facts = connection.execute(select(evidence.c.facts).where(evidence.c.id == newest)).scalar_one()
        connection.execute(update(evidence).where(evidence.c.id == newest).values(facts={**facts, "size": 1}))
    ran = muster("audit", "verify")
    assert (ran.code, f"evidence {newest}" in ran.err) == (1, True)
    assert muster("audit", "verify", "--json").json["altered"] == [f"evidence {newest}"]
    checks = {check["name"]: check for check in muster("doctor", "--offline", "--json").json["checks"]}
    assert (checks["audit trail"]["status"], f"evidence {newest}" in checks["audit trail"]["what"]) == ("FAIL", True)
    with desk.engine.begin() as connection:
        connection.execute(update(evidence).where(evidence.c.id == newest).values(facts=facts))
    assert muster("audit", "verify").code == 0
