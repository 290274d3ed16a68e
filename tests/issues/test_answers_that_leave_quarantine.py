"""A corrected answer under the number of one in quarantine was refused; one held for a gap was never applied."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from adapters.registry.tables import audit, files, quarantine
from jobs.providers import SequencePolicy
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row


def _sent(desk: Desk) -> tuple[str, str, Any]:
    """A batch with one device that waits for its answer: its number, the device and what enrols it."""
    row = order_row(next(desk.numbers))
    batch = desk.batch(row)
    return batch, row["serial_number"], device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")


def _held(desk: Desk) -> dict[str, str]:
    """What waits in quarantine: name and code."""
    with desk.registry.view() as tx:
        return {item["name"]: item["code"] for item in tx.files.held()}


def _state(desk: Desk, name: str) -> tuple[str, str | None]:
    """State of the file, and of its place in quarantine."""
    joined = select(files.c.state, quarantine.c.state).outerjoin(quarantine).where(files.c.name == name)
    ((state, held),) = desk.rows(joined)
    return state, held


def _actions(desk: Desk, name: str) -> list[str]:
    ((digest,),) = desk.rows(select(files.c.sha256).where(files.c.name == name))
    statement = select(audit.c.action).where(audit.c.object == f"file {digest}").order_by(audit.c.number)
    return [action for (action,) in desk.rows(statement)]


def test_a_corrected_answer_under_the_number_of_one_in_quarantine(desk: Desk) -> None:
    batch, serial, enrolled = _sent(desk)
    number = desk.forge.next_sequence()
    wrong = desk.forge.put(desk.forge.seal(desk.forge.text(batch, [enrolled], sequence=number, lie=1)))
    desk.response()
    assert _held(desk)[wrong] == "TRAILER_HASH_TOTAL"
    right = desk.forge.answer(batch, enrolled, sequence=number)
    report = desk.response()
    assert report.findings == []
    assert desk.states(serial) == ["ENROLLED"]
    assert _state(desk, right) == ("DONE", None)
    assert _state(desk, wrong) == ("QUARANTINED", "SUPERSEDED")
    ((reason,),) = desk.rows(select(files.c.reason).where(files.c.name == wrong))
    assert reason.endswith(f"superseded by {right}")
    assert _actions(desk, wrong)[-1] == "answer superseded"
    again = desk.forge.answer(batch, enrolled, sequence=number)
    desk.response()
    assert _held(desk)[again] == "ANSWER_SEQUENCE_REUSED"


def test_answers_held_for_a_gap_are_applied_when_it_closes(desk: Desk) -> None:
    first, second, third = _sent(desk), _sent(desk), _sent(desk)
    missing, held, later = (desk.forge.next_sequence() for _ in range(3))
    with desk.configured(on_sequence_gap=SequencePolicy.QUARANTINE):
        names = [
            desk.forge.answer(third[0], third[2], sequence=later),
            desk.forge.answer(second[0], second[2], sequence=held),
        ]
        desk.response()
        assert {name: _held(desk).get(name) for name in names} == dict.fromkeys(names, "ANSWER_SEQUENCE_GAP")
        before = len(_actions(desk, names[0]))
        assert desk.response().findings == []  # judged again, the same: nothing more is said
        assert len(_actions(desk, names[0])) == before
        desk.forge.answer(first[0], first[2], sequence=missing)
        report = desk.response()
    assert report.findings == []
    assert report.totals["files applied"] == 3
    assert [desk.states(item[1]) for item in (first, second, third)] == [["ENROLLED"]] * 3
    assert [_state(desk, name) for name in names] == [("DONE", "RELEASED")] * 2
    assert set(names) & set(_held(desk)) == set()
    assert _actions(desk, names[0])[-3:] == ["answer released", "answer loaded", "answer applied"]


def test_a_held_answer_is_superseded_by_its_corrected_one(desk: Desk) -> None:
    first, second = _sent(desk), _sent(desk)
    missing, held = desk.forge.next_sequence(), desk.forge.next_sequence()
    with desk.configured(on_sequence_gap=SequencePolicy.QUARANTINE):
        wrong = desk.forge.answer(second[0], sequence=held)
        desk.response()
        right = desk.forge.answer(second[0], second[2], sequence=held)
        desk.response()
        assert (wrong in _held(desk), _held(desk)[right]) == (False, "ANSWER_SEQUENCE_GAP")
        desk.forge.answer(first[0], first[2], sequence=missing)
        desk.response()
    assert _state(desk, wrong) == ("QUARANTINED", "SUPERSEDED")
    assert desk.states(second[1]) == ["ENROLLED"]


def test_an_answer_whose_signer_is_pinned_later(desk: Desk) -> None:
    batch, serial, enrolled = _sent(desk)
    usual = desk.app.settings.provider("acme")
    with desk.configured(keys=replace(usual.keys, signers=())):
        name = desk.forge.answer(batch, enrolled)
        desk.response()
        assert _held(desk)[name] == "SIGNER_NOT_ALLOWED"
        desk.response()
        assert _held(desk)[name] == "SIGNER_NOT_ALLOWED"
        assert desk.states(serial) == ["SENT"]
    desk.response()
    assert desk.states(serial) == ["ENROLLED"]
    assert _state(desk, name) == ("DONE", "RELEASED")


def test_a_file_set_aside_for_another_reason_than_before(desk: Desk) -> None:
    batch, _, enrolled = _sent(desk)
    usual = desk.app.settings.provider("acme")
    with desk.configured(keys=replace(usual.keys, signers=())):
        name = desk.forge.put(desk.forge.seal(desk.forge.text(batch, [enrolled], lie=1)))
        desk.response()
        assert _held(desk)[name] == "SIGNER_NOT_ALLOWED"
    desk.response()
    assert _held(desk)[name] == "TRAILER_HASH_TOTAL"
