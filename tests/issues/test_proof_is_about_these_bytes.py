"""What proves a delivery is about these bytes and this attempt, and one batch's trouble is its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import product
from pathlib import Path

import pytest

from jobs.cancellation import cancel_batch
from jobs.errors import MusterError
from jobs.providers import UnknownOutcomePolicy
from jobs.states import BatchState
from tests.support.ledger import Ledger
from tests.support.partner import Killed, Partner, Sender


@pytest.fixture
def sender(ledger: Ledger, tmp_path: Path) -> Sender:
    return Sender(ledger, tmp_path)


def raises(error: BaseException) -> Callable[[str], object]:
    def happens(path: str) -> object:
        raise error

    return happens


def renames_late(partner: Partner) -> Callable[[str], object]:
    def happens(path: str) -> object:
        partner.later.append((path, "to_provider/b1.pgp"))
        raise TimeoutError("timed out")

    return happens


def test_a_rename_that_is_carried_out_late(sender: Sender) -> None:
    """What a look shows before the quiet time is no proof, and nothing is written over the first attempt's file."""
    name = sender.sealed()
    sender.partner.trouble["rename"] = renames_late(sender.partner)
    sender.run()
    parts = sender.partner.names()
    for policy in UnknownOutcomePolicy:
        sender.run(on_unknown_outcome=policy)
        assert sender.states()[name] is BatchState.UNCERTAIN
        assert sender.partner.names() == parts
    sender.partner.catch_up()
    sender.run()
    assert sender.states()[name] is BatchState.SENT
    assert sender.partner.names() == [name]
    assert sender.partner.take(name) == sender.bytes_of(name)


def test_a_killed_resend_proves_nothing_about_the_first_sending(sender: Sender) -> None:
    name = sender.sealed()
    sender.partner.trouble["renamed"] = raises(Killed())
    sender.dies()
    sender.partner.take(name)  # the partner has it
    sender.wait()
    sender.run()
    sender.wait()
    sender.partner.trouble["written"] = raises(Killed())
    with pytest.raises(Killed):
        sender.run(on_unknown_outcome=UnknownOutcomePolicy.RESEND)
    for _ in range(2):
        sender.run()
        assert sender.states()[name] is BatchState.UNCERTAIN
        sender.wait()
    with pytest.raises(MusterError, match="STATE_MOVED"):
        cancel_batch(sender._exchange(sender.provider), "B-1", "ada@example.com", "twice")


@pytest.mark.parametrize("offset", [0, 5, -1])
def test_a_flipped_bit_in_the_archive_is_never_sent(sender: Sender, offset: int) -> None:
    name = sender.sealed()
    data = bytearray(sender.bytes_of(name))
    data[offset] ^= 1
    sender.kept(name).write_bytes(data)
    other = sender.sealed()
    _, sent = sender.run()
    assert "ARCHIVE_DAMAGED" in " ".join(sent.notes)
    assert sender.states() == {name: BatchState.SEALED, other: BatchState.SENT}
    assert sender.partner.names() == [other]


def test_a_file_missing_from_the_archive_stops_no_other_batch(sender: Sender) -> None:
    name, other = sender.sealed(), sender.sealed()
    sender.kept(name).unlink()
    _, sent = sender.run()
    assert "ARCHIVE_DAMAGED" in " ".join(sent.notes)
    assert sender.states() == {name: BatchState.SEALED, other: BatchState.SENT}


@pytest.mark.parametrize("same", [True, False])
def test_a_name_that_exists_before_the_first_attempt_is_taken(sender: Sender, same: bool) -> None:
    name = sender.sealed()
    foreign = b"x" * (len(sender.bytes_of(name)) + (not same))
    sender.partner.put(name, foreign)
    _, sent = sender.run()
    assert "NAME_TAKEN" in " ".join(sent.notes)
    assert sender.states()[name] is BatchState.SEALED
    assert sender.partner.take(name) == foreign


@pytest.mark.parametrize("trouble", [ConnectionResetError("reset"), TimeoutError("timed out")])
def test_one_uncertain_delivery_stops_no_other(sender: Sender, trouble: OSError) -> None:
    first, second, third = (sender.sealed() for _ in range(3))
    sender.partner.trouble["rename"] = raises(trouble)
    sender.run()
    assert sender.states() == {first: BatchState.UNCERTAIN, second: BatchState.SENT, third: BatchState.SENT}


def test_one_broken_upload_stops_no_other(sender: Sender) -> None:
    first, second, third = (sender.sealed() for _ in range(3))
    sender.partner.trouble["writing"] = raises(ConnectionResetError("reset"))
    sender.run()
    assert sender.states() == {first: BatchState.SEALED, second: BatchState.SENT, third: BatchState.SENT}


def cut(path: str) -> object:
    raise ConnectionResetError("reset")


def timed_out(path: str) -> object:
    raise TimeoutError("timed out")


def killed(path: str) -> object:
    raise Killed


STAGES = ("facts", "write", "writing", "written", "rename", "late rename", "renamed")


def breaks(sender: Sender, name: str, stage: str, way: Callable[[str], object], **settings: object) -> None:
    """A run whose attempt breaks there. The partner may carry out a rename whose answer nobody waited for."""

    def late(path: str) -> object:
        sender.partner.later.append((path, f"to_provider/{name}"))
        return way(path)

    sender.partner.trouble[stage.removeprefix("late ")] = late if stage == "late rename" else way
    with suppress(Killed, MusterError):
        sender.run(**settings)
    sender.partner.trouble.clear()


def takes_sent_files(partner: Partner, name: str, ours: bytes) -> int:
    """The partner takes what lies under the final name: never half a file. Returns how often it got the batch."""
    there = partner.files.pop(f"to_provider/{name}", None)
    assert there in (None, ours)
    return int(there is not None)


def takes_any_file(partner: Partner, name: str, ours: bytes) -> int:
    """The partner takes whole files, whatever their names are."""
    whole = [path for path, data in partner.files.items() if data == ours]
    for path in whole:
        del partner.files[path]
    return len(whole)


@pytest.mark.parametrize("way", [killed, cut, timed_out])
@pytest.mark.parametrize("stage", STAGES)
def test_no_device_is_instructed_twice_whatever_breaks(
    sender: Sender, stage: str, way: Callable[[str], object]
) -> None:
    """Broken anywhere, taken at once or late, by any name: the partner gets it once at most, and SENT is true."""
    for take, at_once in product((takes_sent_files, takes_any_file), (True, False)):
        name = sender.sealed()
        ours = sender.bytes_of(name)
        breaks(sender, name, stage, way)
        got = take(sender.partner, name, ours) if at_once else 0
        for _ in range(4):
            sender.run()
            assert not got or sender.states()[name] in (BatchState.UNCERTAIN, BatchState.SENT)
            sender.partner.catch_up()
            got += take(sender.partner, name, ours) if at_once else 0
            sender.wait()
        got += take(sender.partner, name, ours)
        state = sender.states()[name]
        assert got == 1 if state is BatchState.SENT else got <= 1
        assert state in (BatchState.SENT, BatchState.UNCERTAIN)
        if not at_once and stage not in ("facts", "write"):  # something is left that proves it
            assert state is BatchState.SENT
        assert sender.partner.names() == []


@pytest.mark.parametrize("way", [killed, cut, timed_out])
@pytest.mark.parametrize("stage", STAGES)
def test_a_resend_that_breaks_leaves_the_doubt(sender: Sender, stage: str, way: Callable[[str], object]) -> None:
    """Wherever it breaks, and whatever it leaves: the first sending is not disproved by it."""
    name = sender.sealed()
    breaks(sender, name, "renamed", killed)
    assert takes_sent_files(sender.partner, name, sender.bytes_of(name)) == 1
    sender.run()
    sender.wait()
    breaks(sender, name, stage, way, on_unknown_outcome=UnknownOutcomePolicy.RESEND)
    for _ in range(3):
        sender.run()
        sender.partner.catch_up()
        sender.wait()
        assert sender.states()[name] in (BatchState.UNCERTAIN, BatchState.SENT)
    there = f"to_provider/{name}" in sender.partner.files
    assert sender.states()[name] is (BatchState.SENT if there else BatchState.UNCERTAIN)


@pytest.mark.parametrize("readable", [True, False])
def test_a_foreign_file_of_our_size_is_not_our_delivery(sender: Sender, readable: bool) -> None:
    """Put there when ours had been taken: read back where that is allowed, else it stays a doubt."""
    name = sender.sealed()
    breaks(sender, name, "renamed", cut)
    takes_sent_files(sender.partner, name, sender.bytes_of(name))
    sender.partner.put(name, b"x" * len(sender.bytes_of(name)))
    sender.partner.readable = readable
    for policy in UnknownOutcomePolicy:
        sender.wait()
        settling, _ = sender.run(on_unknown_outcome=policy)
        assert sender.states()[name] is BatchState.UNCERTAIN
        assert ("another file" if readable else "could not be read back") in settling.notes[0]


def test_equal_size_is_no_proof_where_reading_back_is_switched_off(sender: Sender) -> None:
    name = sender.sealed()
    breaks(sender, name, "renamed", cut)
    sender.run(read_back=False)
    assert sender.states()[name] is BatchState.UNCERTAIN
    sender.run()
    assert sender.states()[name] is BatchState.SENT


def test_a_file_that_goes_away_when_it_is_read_back_is_no_proof(sender: Sender) -> None:
    """A server that hands a file out once: nobody knows whether the partner got it."""
    name = sender.sealed()
    breaks(sender, name, "renamed", cut)
    sender.partner.hands_out_once = True
    sender.run()
    assert sender.states()[name] is BatchState.UNCERTAIN


@pytest.mark.parametrize(("moment", "state"), [("remove", BatchState.SENT), ("write", BatchState.UNCERTAIN)])
def test_a_rename_later_than_anybody_waited_for_is_recognised(sender: Sender, moment: str, state: BatchState) -> None:
    """After the first attempt was taken for failed its file appears: our bytes, so the batch is sent."""
    name = sender.sealed()
    ours = sender.bytes_of(name)
    breaks(sender, name, "late rename", timed_out)
    sender.wait()
    sender.partner.trouble[moment] = lambda path: sender.partner.put(name, ours)
    sender.run()
    assert sender.states()[name] is state
    sender.run()
    assert sender.states()[name] is BatchState.SENT
    assert takes_sent_files(sender.partner, name, ours) == 1


def test_temporary_files_are_removed_when_no_attempt_is_in_doubt(sender: Sender) -> None:
    name = sender.sealed()
    breaks(sender, name, "writing", cut)
    assert sender.states()[name] is BatchState.SEALED
    assert sender.partner.names() != [name]
    sender.run()
    assert sender.partner.names() == [name]
