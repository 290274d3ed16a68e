"""What answers say and what becomes of it: partial, whole orders, codes, contradictions, events, JSON."""

from __future__ import annotations

import json
import os

import pytest
from sqlalchemy import select

from adapters.registry.tables import envelope_results, evidence, files, order_lines, outcomes, workflow_events
from jobs.errors import AnswerRefused
from jobs.providers import Events
from jobs.runs import RunReport, RunStatus
from tests.support.desk import Desk
from tests.support.forge import device, whole_order
from tests.support.installation import order_row


def rows_of(desk: Desk, count: int) -> tuple[str, list[dict[str, str]], list[str]]:
    """An order number with that many rows, and their serial numbers."""
    first = next(desk.numbers)
    rows = [order_row(first + number) for number in range(count)]
    return rows[0]["order_number"], rows, [row["serial_number"] for row in rows]


def sent(desk: Desk, count: int = 1) -> tuple[str, str, list[str]]:
    """An order of so many devices, sent and not answered: number of the batch, order number, serial numbers."""
    order, rows, serials = rows_of(desk, count)
    return desk.batch(*rows), order, serials


def codes(report: RunReport) -> dict[str, int]:
    return {finding.code: finding.count for finding in report.findings}


def states(desk: Desk, serials: list[str]) -> list[str]:
    return [desk.states(serial)[-1] for serial in serials]


def events_of(desk: Desk, order: str) -> list[tuple[str, int, str]]:
    chosen = select(workflow_events.c.kind, workflow_events.c.devices, workflow_events.c.notes)
    return desk.rows(chosen.where(workflow_events.c.order_number == order).order_by(workflow_events.c.id))  # type: ignore[return-value]


def test_a_partial_answer_leaves_the_rest_waiting(desk: Desk) -> None:
    """Two files of the simulator, the first one here before the second."""
    _, rows, serials = rows_of(desk, 4)
    desk.plan("split_answers = 2\n")
    desk.dispatch(*rows)
    desk.request()
    _, second = desk.answers(2)
    later = desk.simulator.from_provider / second
    aside = later.rename(desk.simulator.path / second)
    report = desk.response()
    (batch,) = report.batches
    assert batch.state == "ANSWERED"
    assert set(batch.outcomes) == {"ENROLLED", "SENT"}
    assert sum(batch.outcomes.values()) == 4
    aside.rename(later)
    report = desk.response()
    assert [(batch.state, batch.outcomes) for batch in report.batches] == [("CLOSED", {"ENROLLED": 4})]
    assert states(desk, serials) == ["ENROLLED"] * 4


def test_an_order_refused_as_a_whole(desk: Desk) -> None:
    """One record of level ORDER decides every device of the order, and no other order's."""
    order, rows, serials = rows_of(desk, 3)
    other, other_rows, other_serials = rows_of(desk, 1)
    rule = f'field = "order_id"\npattern = "{order}"\ncode = "OR-4102"\nmessage = "no such org"\nlevel = "ORDER"\n'
    desk.plan(f"[[reject]]\n{rule}")
    desk.dispatch(*rows, *other_rows)
    report = desk.exchange()
    assert states(desk, serials + other_serials) == ["REJECTED"] * 3 + ["ENROLLED"]
    assert events_of(desk, order) == [("enrolment_failed", 3, "OR-4102: no such org (3 devices)")]
    assert [kind for kind, _, _ in events_of(desk, other)] == ["enrolment_succeeded"]
    (file,) = report.files
    assert (file.read, file.passed, file.failed) == (4, 4, 0)
    kept = select(envelope_results.c.level, envelope_results.c.outcome).where(envelope_results.c.order_number == order)
    assert desk.rows(kept) == [("ORDER", "ERROR")]


def test_an_unknown_code_is_for_a_person(desk: Desk) -> None:
    """The line is in review, the code in the registry, and the file as it came in the archive."""
    batch, order, (serial,) = sent(desk)
    code = "NEW-" + "9" * 96
    name = desk.forge.answer(batch, device(order, serial, "REJECTED", code, "what is that?"))
    raw = (desk.simulator.from_provider / name).read_bytes()
    report = desk.response()
    assert report.run.status is RunStatus.PARTLY
    assert codes(report) == {"ANSWER_CODE_UNKNOWN": 1}
    assert states(desk, [serial]) == ["REVIEW"]
    assert desk.rows(select(order_lines.c.reason).where(order_lines.c.state == "REVIEW")) == [(code,)]
    assert desk.app.exchange.archive.path(report.files[0].sha256).read_bytes() == raw


def test_in_progress_goes_on_waiting(desk: Desk) -> None:
    batch, order, (serial,) = sent(desk)
    desk.forge.answer(batch, device(order, serial, "IN_PROGRESS", "4003", "later"))
    report = desk.response()
    assert (codes(report), states(desk, [serial])) == ({}, ["SENT"])
    assert [facts.state for facts in report.batches] == ["ANSWERED"]
    assert events_of(desk, order) == []
    desk.forge.answer(batch, device(order, serial, "ENROLLED", "COMPLETE"))
    assert [facts.state for facts in desk.response().batches] == ["CLOSED"]
    assert states(desk, [serial]) == ["ENROLLED"]


@pytest.mark.parametrize(
    ("outcome", "code", "finding"),
    [
        ("ENROLLED", "DE-4301", "ANSWER_CODE_CONTRADICTS"),
        ("REJECTED", "COMPLETE", "ANSWER_CODE_CONTRADICTS"),
        ("UNENROLLED", "COMPLETE", "ANSWER_OUTCOME_CONTRADICTS"),
        ("IN_PROGRESS", "DE-4301", "ANSWER_CODE_CONTRADICTS"),
    ],
)
def test_code_and_outcome_must_agree(desk: Desk, outcome: str, code: str, finding: str) -> None:
    batch, order, (serial,) = sent(desk)
    desk.forge.answer(batch, device(order, serial, outcome, code))
    assert codes(desk.response()) == {finding: 1}
    assert states(desk, [serial]) == ["REVIEW"]


def test_a_second_answer_that_contradicts_is_told_and_kept(desk: Desk) -> None:
    batch, order, (serial,) = sent(desk)
    desk.forge.answer(batch, device(order, serial, "ENROLLED", "COMPLETE"))
    desk.response()
    desk.forge.answer(batch, device(order, serial, "REJECTED", "DE-4301", "changed my mind"))
    report = desk.response()
    assert codes(report) == {"ANSWER_CONTRADICTS": 1}
    assert desk.held_by(serial) == ("ENROLLED", order)
    assert len(events_of(desk, order)) == 1
    kept = select(outcomes.c.applied).where(
        outcomes.c.provider_code == "DE-4301", outcomes.c.message == "changed my mind"
    )
    assert desk.rows(kept) == [(False,)]


def test_an_envelope_that_disagrees_decides_nothing(desk: Desk) -> None:
    desk.plan('faults = ["envelope_disagrees"]\n')
    order, rows, serials = rows_of(desk, 2)
    desk.dispatch(*rows)
    assert codes(desk.exchange()) == {"ANSWER_ENVELOPE_DISAGREES": 1}
    assert states(desk, serials) == ["ENROLLED"] * 2
    assert [kind for kind, _, _ in events_of(desk, order)] == ["enrolment_succeeded"]


def test_lines_that_are_unknown_missing_or_doubled(desk: Desk) -> None:
    batch, order, (one, two, three) = sent(desk, 3)
    desk.forge.answer(
        batch,
        whole_order(order, "COMPLETE", "COMPLETE"),
        device(order, one, "ENROLLED", "COMPLETE"),
        device(order, two, "ENROLLED", "COMPLETE"),
        device(order, two, "REJECTED", "DE-4301"),
        device(order, "SN-NEVER-SENT", "ENROLLED", "COMPLETE"),
        device("SO-NEVER-SENT", three, "ENROLLED", "COMPLETE"),
        whole_order("SO-NEVER-SENT", "COMPLETE"),
    )
    report = desk.response()
    assert codes(report) == {
        "ANSWER_ENVELOPE_DISAGREES": 1,
        "ANSWER_LEAF_MISSING": 1,
        "ANSWER_LINE_DOUBLED": 2,
        "ANSWER_LINE_UNKNOWN": 3,
    }
    assert states(desk, [one, two, three]) == ["ENROLLED", "REVIEW", "SENT"]


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    batch, order, (serial,) = sent(desk)
    name = desk.forge.answer(batch, device(order, serial, "ENROLLED", "COMPLETE"))
    message = (desk.simulator.from_provider / name).read_bytes()
    desk.response()
    before = desk.dump()
    desk.forge.put(message, name)
    os.utime(desk.simulator.from_provider / name, (1_800_000_000, 1_800_000_000))  # of another second than the first
    desk.forge.put(message)
    report = desk.response()
    assert report.totals["files known already"] == 2
    after = desk.dump()
    assert len(after.pop("deliveries")) == len(before.pop("deliveries")) + 2  # each is on record
    assert after == before
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []


def test_the_same_content_under_the_next_number_changes_no_line(desk: Desk) -> None:
    desk.plan('faults = ["duplicate_answer"]\n')
    order, rows, _ = rows_of(desk, 2)
    desk.dispatch(*rows)
    report = desk.exchange(parts=2)
    assert report.totals["files applied"] == 2
    assert report.totals["lines applied"] == 2
    assert codes(report) == {}
    assert len(events_of(desk, order)) == 1


@pytest.mark.parametrize("on_success", [True, False])
@pytest.mark.parametrize("on_failure", [True, False])
def test_events_are_switched_per_provider(desk: Desk, on_success: bool, on_failure: bool) -> None:
    batch, order, (good, bad) = sent(desk, 2)
    with desk.configured(events=Events(on_success=on_success, on_failure=on_failure)):
        answers = [
            device(order, good, "ENROLLED", "COMPLETE"),
            device(order, bad, "REJECTED", "DE-4301", "no such device"),
        ]
        desk.forge.answer(batch, *answers)
        desk.response()
    expected = [("enrolment_succeeded", 1, "COMPLETE (1 device)")] if on_success else []
    expected += [("enrolment_failed", 1, "DE-4301: no such device (1 device)")] if on_failure else []
    assert sorted(events_of(desk, order)) == sorted(expected)


def test_notes_are_cut_between_messages(desk: Desk) -> None:
    batch, order, serials = sent(desk, 9)
    texts = [f"message {number} " + "x" * 30 for number in range(8)]
    answers = [device(order, serial, "REJECTED", "DE-4301", text) for serial, text in zip(serials, texts, strict=False)]
    desk.forge.answer(batch, *answers, device(order, serials[8], "REJECTED", "DE-4301", texts[5]))
    with desk.configured(events=Events(notes_limit=130)):
        desk.response()
    ((_, devices, notes),) = events_of(desk, order)
    assert devices == 9
    assert len(notes) <= 130
    first, *_, last = notes.split("\n")
    assert first == f"DE-4301: {texts[5]} (2 devices)"
    whole = {f"DE-4301: {text} (1 device)" for text in texts}
    assert set(notes.split("\n")[1:-1]) <= whole
    assert last.startswith("… and ")


def test_one_message_longer_than_the_notes(desk: Desk) -> None:
    batch, order, (serial,) = sent(desk)
    desk.forge.answer(batch, device(order, serial, "REJECTED", "DE-4301", "x" * 900))
    with desk.configured(events=Events(notes_limit=100)):
        desk.response()
    ((_, _, notes),) = events_of(desk, order)
    assert len(notes) == 100
    assert notes.startswith("DE-4301: xxx")
    assert notes.endswith("…")


def document(batch: str, order: str, devices: list[dict[str, object]], /, **values: object) -> bytes:
    head = {
        "interfaceCategory": "Device Enrolment",
        "interfaceType": "Device Enrolment Response",
        "version": 1.0,
        "batchNumber": batch,
        "deviceEnrolmentProviderId": "acme",
        "extractLoadDateTime": "2026-03-05T14:30:00Z",
    }
    return json.dumps(head | {"order": {"id": order, "devices": devices}} | values).encode()


def test_an_answer_as_json(desk: Desk) -> None:
    batch, order, (good, bad) = sent(desk, 2)
    refused = {"deviceId": bad, "errors": [{"id": "DE-4301", "errorMessage": "no such device"}]}
    body = desk.forge.seal(document(batch, order, [{"deviceId": good, "outcome": "ENROLLED"}, refused]))
    digest = desk.app.receive_answer("acme", body, "bob@example.com")
    assert desk.app.receive_answer("acme", body, "bob@example.com") == digest
    report = desk.response()
    assert [file.sha256 for file in report.files] == [digest]
    assert states(desk, [good, bad]) == ["ENROLLED", "REJECTED"]
    assert desk.app.exchange.archive.path(digest).read_bytes() == body
    assert desk.rows(select(files.c.state).where(files.c.sha256 == digest)) == [("DONE",)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{",
        b'{"a": ' + b"9" * 5000 + b"}",
        document("ACME-000001", "SO-1", [], version=2.0),
        document("ACME-000001", "SO-1", [], extractLoadDateTime="yesterday"),
        document("ACME-000001", "SO-1", [], extractLoadDateTime="0001-01-01T00:00:00+14:00"),
        document("ACME-000001", "SO-1", [], order={"id": "SO-1", "devices": ["SN1"]}),
        document("ACME-000001", "SO-1", [], order={"id": "SO-\ud800", "devices": [{"deviceId": "\ud800"}]}),
    ],
)
def test_json_that_is_no_answer_is_refused_at_the_door(desk: Desk, body: bytes) -> None:
    before = desk.dump()
    with pytest.raises(AnswerRefused):
        desk.app.receive_answer("acme", desk.forge.seal(body), "bob@example.com")
    assert desk.dump() == before


@pytest.mark.parametrize("batch", ["ACME-999999", "", "a\x00b", "x" * 500])
def test_json_for_no_batch_of_ours_is_set_aside(desk: Desk, batch: str) -> None:
    body = document(batch, "SO-1", [{"deviceId": "SN1", "outcome": "ENROLLED"}])
    try:
        digest = desk.app.receive_answer("acme", desk.forge.seal(body), "bob@example.com")
    except AnswerRefused:
        return
    report = desk.response()
    assert [(file.sha256, file.state) for file in report.files] == [(digest, "QUARANTINED")]


def test_a_run_may_be_narrowed_to_an_order(desk: Desk) -> None:
    desk.silence()
    (order, rows, (serial,)), (_, other_rows, (other,)) = rows_of(desk, 1), rows_of(desk, 1)
    desk.dispatch(*rows, *other_rows)
    assert desk.request(order=order).totals["lines sent"] == 1
    assert (states(desk, [serial]), states(desk, [other])) == (["SENT"], ["WAITING"])
    assert desk.request(order="SO-NONE").run.status is RunStatus.NOTHING
    assert desk.request().totals["lines sent"] == 1


def test_a_run_may_be_narrowed_to_a_batch(desk: Desk) -> None:
    """Sealed batches wait because the upload failed; one of them is sent."""
    (_, rows, (one,)), (_, other_rows, (two,)) = rows_of(desk, 1), rows_of(desk, 1)
    desk.plan('settle_seconds = 80000\nfaults = ["fail_upload"]\n')
    for more in (rows, other_rows):
        desk.dispatch(*more)
        with pytest.raises(Exception, match="REMOTE_PATH_REFUSED"):
            desk.request()
    desk.silence()
    with desk.registry.view() as tx:
        first, second = [batch.number for batch in tx.batches.in_states("acme", ("SEALED",))]  # type: ignore[arg-type]
    report = desk.request(batch=second)
    assert [(batch.number, batch.state) for batch in report.batches] == [(second, "SENT")]
    assert (states(desk, [one]), states(desk, [two])) == (["SEALED"], ["SENT"])
    kinds = select(evidence.c.kind).order_by(evidence.c.id.desc()).limit(3)
    assert [kind for (kind,) in desk.rows(kinds)] == ["delivery", "not_sent", "not_sent"]
    assert [batch.number for batch in desk.request().batches] == [first]
