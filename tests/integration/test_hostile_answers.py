"""Files that may not be applied: each is refused with its own code and kept, and the next good one is applied."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from adapters.openpgp import keyring
from adapters.registry.tables import device_events, files, outcomes, quarantine, workflow_events
from jobs.job import Job
from jobs.providers import BatchLimits, Keys, PinnedKey, SequencePolicy
from jobs.runs import RunReport, RunStatus
from jobs.states import BatchState
from simulator import openpgp
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row

RESULTS = (outcomes, device_events, workflow_events)


def one_row(desk: Desk) -> dict[str, str]:
    return order_row(next(desk.numbers))


def results(desk: Desk) -> list[int]:
    return [len(desk.rows(select(table))) for table in RESULTS]


def set_aside(report: RunReport) -> dict[str, str]:
    """Code of each file of the run that went to quarantine, by its name."""
    return {file.name: file.reason.split(":")[0] for file in report.files if file.state == "QUARANTINED"}


def check_kept(desk: Desk, report: RunReport, messages: Mapping[str, bytes]) -> None:
    """The files lie in the archive as they came, wait in quarantine, and are gone from the inbox."""
    for file in report.files:
        assert desk.app.exchange.archive.path(file.sha256).read_bytes() == messages[file.name]
    held = select(files.c.name, quarantine.c.state).join(quarantine, quarantine.c.file_id == files.c.id)
    assert {(name, "HELD") for name in set_aside(report)} <= set(desk.rows(held))
    assert list(desk.simulator.from_provider.glob("*.pgp")) == []


def waiting(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in desk.simulator.from_provider.glob("*.pgp")}


def test_damaged_and_lying_answers_of_the_simulator(desk: Desk) -> None:
    expected = {}
    faults = {
        "answer_unsigned": "NOT_SIGNED",
        "answer_wrong_signer": "SIGNER_UNKNOWN",
        "answer_truncated": "MESSAGE_DAMAGED",
        "answer_bit_flip": "MESSAGE_DAMAGED",
        "trailer_lies": "TRAILER_HASH_TOTAL",
    }
    serials = []
    for number, (fault, code) in enumerate(faults.items()):
        row = one_row(desk)
        serials.append(row["serial_number"])
        desk.plan(f'faults = ["{fault}"]\n')
        desk.dispatch(row)
        desk.request()
        (name,) = set(desk.answers(number + 1)) - expected.keys()
        expected[name] = code
    good = one_row(desk)
    desk.plan()
    desk.dispatch(good)
    desk.request()
    desk.answers(len(faults) + 1)
    messages = waiting(desk)
    report = desk.response()
    assert report.run.status is RunStatus.PARTLY
    assert set_aside(report) == expected
    check_kept(desk, report, messages)
    assert [desk.states(serial) for serial in serials] == [["SENT"]] * len(faults)
    assert desk.states(good["serial_number"]) == ["ENROLLED"]


def test_forged_answers(desk: Desk) -> None:
    """Everything a thief of a login, a confused partner or another partner may put there; one good file at the end."""
    row = one_row(desk)
    order, serial = row["order_number"], row["serial_number"]
    batch = desk.batch(row)
    forge = desk.forge
    enrolled = device(order, serial, "ENROLLED", "COMPLETE")
    good = forge.text(batch, [enrolled])
    sealed = forge.seal(good)
    stranger = asyncio.run(desk.simulator.stranger())
    with openpgp.short_path(desk.simulator.gnupg) as ring:
        public = openpgp.wait_for(openpgp.export_key(ring, stranger))
    keyring.import_public(desk.app.workspace.gnupg, public, stranger)
    files_of = {
        "a-other-partner.pgp": (forge.seal(good, stranger), "SIGNER_NOT_ALLOWED"),
        "b-plain.pgp": (good, "NOT_ENCRYPTED"),
        "c-empty.pgp": (b"", "MESSAGE_DAMAGED"),
        "d-twice.pgp": (sealed + sealed, "MESSAGE_DAMAGED"),
        "e-garbage-behind.pgp": (sealed + b"garbage\n", "MESSAGE_DAMAGED"),
        "f-other-provider.pgp": (forge.seal(forge.text(batch, [enrolled], provider="bolt")), "ANSWER_PROVIDER"),
        "g-never-sent.pgp": (forge.seal(forge.text("ACME-999999", [enrolled])), "ANSWER_BATCH_UNKNOWN"),
        "h-no-records.pgp": (forge.seal(good.replace(b"\nD,", b"\nX,")), "GENERIC_RECORD"),
        "i-not-text.pgp": (forge.seal(b"H,\xff\xfe\n"), "FILE_ENCODING"),
        "j-nothing.pgp": (forge.seal(b""), "FILE_EMPTY"),
        "k-other-format.pgp": (forge.seal(b"H,SOMETHING,1\nT,0\n"), "GENERIC_HEADER"),
        "l-cut.pgp": (forge.seal(good[:-10]), "GENERIC_TRAILER"),
        "m-sequence.pgp": (forge.seal(forge.text(batch, [enrolled], sequence="9" * 19)), "GENERIC_HEADER"),
        "n-totals.pgp": (forge.seal(forge.text(batch, [enrolled], lie=5)), "TRAILER_HASH_TOTAL"),
        "o-changed.pgp": (
            forge.seal(forge.text(batch, [enrolled]).replace(b"ENROLLED", b"REJECTED")),
            "TRAILER_DIGEST",
        ),
        "p-no-outcome.pgp": (forge.seal(forge.text(batch, [device(order, serial, "")])), "CELL_EMPTY"),
        "q-control.pgp": (
            forge.seal(forge.text(batch, [device(order, serial, "REJECTED", "DE-4301", "a\x00b")])),
            "CELL_PATTERN",
        ),
        "r-long.pgp": (
            forge.seal(forge.text(batch, [device(order, serial, "REJECTED", "DE-4301", "x" * 1001)])),
            "CELL_LENGTH",
        ),
    }
    for name, (message, _) in files_of.items():
        forge.put(message, name)
    before = results(desk)
    messages = waiting(desk)
    report = desk.response()
    assert set_aside(report) == {name: code for name, (_, code) in files_of.items()}
    assert results(desk) == before
    assert desk.states(serial) == ["SENT"]
    check_kept(desk, report, messages)
    desk.forge.put(forge.seal(forge.text("ACME-999998", [enrolled])), "a-bad.pgp")
    desk.forge.put(sealed, "b-good.pgp")
    report = desk.response()
    assert set_aside(report) == {"a-bad.pgp": "ANSWER_BATCH_UNKNOWN"}
    assert desk.states(serial) == ["ENROLLED"]


def test_an_answer_before_anything_was_sent(desk: Desk) -> None:
    """To a batch that is sealed only, and to a batch of another provider."""
    row = one_row(desk)
    desk.silence()
    desk.dispatch(row)
    run = desk.app.begin(Job.REQUEST, provider="acme", actor="tests")
    desk.app.step(run.id, "extract_to_generic_format")
    with desk.registry.transaction() as tx:
        (sealed,) = tx.batches.in_states("acme", (BatchState.SEALED,))
        names = {"number": "BOLT-000001", "file_name": "bolt-OUT-000001.pgp"}
        other = tx.batches.create(provider="bolt", sequence=1, **names, run_id=run.id, now=run.started_at)
        tx.batches.move(other, BatchState.CREATING, BatchState.SEALED)
        tx.batches.move(other, BatchState.SEALED, BatchState.SENDING)
        tx.batches.move(other, BatchState.SENDING, BatchState.SENT)
    answer = device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")
    expected = dict.fromkeys(
        [desk.forge.answer(sealed.number, answer), desk.forge.answer("BOLT-000001", answer)], "ANSWER_BATCH_UNKNOWN"
    )
    assert set_aside(desk.response()) == expected
    assert desk.states(row["serial_number"]) == ["SEALED"]
    desk.request()


def test_a_key_outside_its_time(desk: Desk) -> None:
    """The pinned key ended yesterday, or begins tomorrow; pinned for today the same file is good."""
    row = one_row(desk)
    batch = desk.batch(row)
    text = desk.forge.text(batch, [device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")])
    usual = desk.app.settings.provider("acme").keys
    today = desk.app.exchange.clock.now().date()
    day = timedelta(days=1)
    (pinned,) = usual.signers
    for key in (replace(pinned, valid_until=today - day), replace(pinned, valid_from=today + day)):
        name = desk.forge.put(desk.forge.seal(text))
        with desk.configured(keys=Keys((key,), usual.recipients)):
            assert set_aside(desk.response()) == {name: "SIGNER_NOT_ALLOWED"}
    assert desk.states(row["serial_number"]) == ["SENT"]
    desk.forge.put(desk.forge.seal(text))
    with desk.configured(keys=Keys((replace(pinned, valid_from=today, valid_until=today),), usual.recipients)):
        desk.response()
    assert desk.states(row["serial_number"]) == ["ENROLLED"]


def test_a_key_that_ends_between_two_steps(desk: Desk) -> None:
    """Loaded before midnight, applied after it: the file is set aside, and those behind it are applied."""
    rows = [one_row(desk), one_row(desk)]
    batches = [desk.batch(row) for row in rows]
    usual = desk.app.settings.provider("acme").keys
    for row, batch in zip(rows, batches, strict=True):
        desk.forge.answer(batch, device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE"))
    run = desk.app.begin(Job.RESPONSE, provider="acme", actor="tests")
    for step in ("device_enrolment_adaptor", "load_from_generic_format"):
        desk.app.step(run.id, step)
    other = PinnedKey("A" * 40)
    with desk.configured(keys=Keys((other,), usual.recipients)):
        desk.app.step(run.id, "device_enrolment_response")
        report, _ = desk.app.finish(run.id)
    assert set(set_aside(report).values()) == {"SIGNER_NOT_ALLOWED"}
    assert len(set_aside(report)) == 2
    assert [desk.states(row["serial_number"]) for row in rows] == [["SENT"]] * 2


def test_sequence_numbers(desk: Desk) -> None:
    """A gap is told, or by the provider's policy refused; a number used before is always refused."""
    last = desk.forge.next_sequence()
    rows = [one_row(desk) for _ in range(4)]
    batches = [desk.batch(row) for row in rows]

    def answer(number: int, sequence: int) -> str:
        row = rows[number]
        record = device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")
        return desk.forge.answer(batches[number], record, sequence=sequence)

    answer(0, last + 3)
    report = desk.response()
    assert {finding.code: finding.count for finding in report.findings} == {"ANSWER_SEQUENCE_GAP": 1}
    assert desk.states(rows[0]["serial_number"]) == ["ENROLLED"]
    with desk.configured(on_sequence_gap=SequencePolicy.QUARANTINE):
        reused, gap = answer(1, last + 3), answer(2, last + 5)
        assert set_aside(desk.response()) == {reused: "ANSWER_SEQUENCE_REUSED", gap: "ANSWER_SEQUENCE_GAP"}
        answer(3, last + 4)
        assert set_aside(desk.response()) == {}
        assert desk.states(rows[2]["serial_number"]) == ["ENROLLED"]  # held until the gap closed
        assert desk.states(rows[3]["serial_number"]) == ["ENROLLED"]
        answer(2, last + 6)
        assert set_aside(desk.response()) == {}
    answer(1, int("9" * 18))
    desk.response()
    for _ in range(6):
        desk.forge.next_sequence()  # used above
    assert [desk.states(row["serial_number"]) for row in rows] == [["ENROLLED"]] * 4


@pytest.mark.parametrize("fault", ["hostile_name", "non_utf8_name"])
def test_names_that_are_no_names(desk: Desk, fault: str) -> None:
    row = one_row(desk)
    batch = desk.batch(row)
    desk.plan(f'settle_seconds = 80000\nfaults = ["{fault}"]\n')
    desk.forge.answer(batch, device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE"))
    report = desk.response()
    assert report.run.status is RunStatus.PARTLY
    assert {finding.code: finding.count for finding in report.findings} == {"FILE_NAME_REFUSED": 1}
    assert [file.state for file in report.files] == ["DONE"]
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
    assert b"a hostile name was followed" not in _everything_below(desk)


def _everything_below(desk: Desk) -> bytes:
    home = desk.installation.workspace.home
    outside = [path for path in home.rglob("*") if path.is_file() and desk.simulator.path not in path.parents]
    return b"".join(path.read_bytes() for path in outside if "registry.db" not in path.name)


def test_files_that_are_too_large_or_not_ours(desk: Desk) -> None:
    row = one_row(desk)
    batch = desk.batch(row)
    inbox = desk.simulator.from_provider
    (inbox / "a-large.pgp").write_bytes(b"x" * 50_000)
    (inbox / "README.txt").write_bytes(b"hello")
    (inbox / "b-link.pgp").symlink_to("/etc/hostname")
    desk.forge.answer(batch, device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE"))
    with desk.configured(limits=BatchLimits(answer_bytes=40_000)):
        report = desk.response()
    assert [file.state for file in report.files] == ["DONE"]
    assert report.run.status is RunStatus.PARTLY
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
    left = {path.name for path in inbox.iterdir() if not path.is_dir()}
    assert left == {"a-large.pgp", "README.txt", "b-link.pgp"}
    for name in left:
        (inbox / name).unlink()
