"""Each fault of the plan, seen from the partner's side of the wire."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from formats.generic import reader
from formats.generic.layout import Interface
from simulator import Fault, SimulatorHome
from tests.integration.test_simulator_kit import Bench, Partner, line, new_partner, records, request_bytes, wait_for
from tests.support.machine import need


@pytest.fixture(scope="module")
def partner() -> Iterator[Partner]:
    need("gpg")
    with new_partner() as made:
        yield made


@pytest.fixture
def bench(partner: Partner, tmp_path: Path) -> Bench:
    home = SimulatorHome.create(tmp_path / "provider", "acme")
    partner.meet(home)
    return Bench(home, partner)


def fault(*faults: Fault) -> str:
    return f"faults = {[str(name) for name in faults]}\n"


def answer_of(bench: Bench) -> tuple[bytes, str]:
    """Plaintext and signer of the first answer."""
    bench.send([line("A1")])
    return bench.partner.open(bench.fetch(bench.wait_names(1)[0]))


def test_answer_unsigned(bench: Bench) -> None:
    with bench.running(fault(Fault.ANSWER_UNSIGNED)):
        plaintext, signer = answer_of(bench)
    assert reader.read(plaintext, Interface.RESPONSE).findings == []
    assert signer == ""


def test_answer_by_a_wrong_signer(bench: Bench) -> None:
    with bench.running(fault(Fault.ANSWER_WRONG_SIGNER)):
        plaintext, signer = answer_of(bench)
    assert plaintext
    assert signer not in ("", bench.home.fingerprint)


@pytest.mark.parametrize("damage", [Fault.ANSWER_TRUNCATED, Fault.ANSWER_BIT_FLIP])
def test_damaged_answer(bench: Bench, damage: Fault) -> None:
    with bench.running(fault(damage)):
        plaintext, _ = answer_of(bench)
    assert plaintext == b""


def test_trailer_lies(bench: Bench) -> None:
    with bench.running(fault(Fault.TRAILER_LIES)):
        plaintext, signer = answer_of(bench)
    assert signer == bench.home.fingerprint
    assert [finding.code for finding in reader.read(plaintext, Interface.RESPONSE).findings] == ["TRAILER_HASH_TOTAL"]


def test_envelope_disagrees(bench: Bench) -> None:
    with bench.running(fault(Fault.ENVELOPE_DISAGREES)):
        assert bench.ask([line("A1")])[::2] == [("ORDER", "ERROR", "ERROR"), ("DEVICE", "ENROLLED", "COMPLETE")]


def test_duplicate_answer(bench: Bench) -> None:
    with bench.running(fault(Fault.DUPLICATE_ANSWER)):
        bench.send([line("A1")])
        first, second = (bench.read(name) for name in bench.wait_names(2))
    assert (first.header.sequence, second.header.sequence) == (1, 2)
    assert first.totals == second.totals


def test_skipped_and_reused_sequence(bench: Bench) -> None:
    with bench.running():
        bench.ask([line("A1")])
        bench.plan(fault(Fault.SKIP_SEQUENCE))
        bench.ask([line("A2")])
        bench.plan(fault(Fault.REUSE_SEQUENCE))
        bench.ask([line("A3")])
        bench.plan()
        bench.ask([line("A4")])
        names = bench.wait_names(4)
        assert sorted(bench.read(name).header.sequence for name in names) == [1, 3, 3, 4]


def test_hostile_name_leads_to_content_but_is_no_file(bench: Bench) -> None:
    with bench.running(fault(Fault.HOSTILE_NAME)), bench.sftp() as sftp:
        assert "../../x" in sftp.listdir("from_provider")
        assert "../../x" not in sftp.listdir("to_provider")
        with sftp.open("from_provider/../../x") as file:
            assert b"hostile name" in file.read()


def test_non_utf8_name(bench: Bench) -> None:
    with bench.running(fault(Fault.NON_UTF8_NAME)), bench.sftp() as sftp, pytest.raises(UnicodeDecodeError):
        [name.encode() for name in sftp.listdir("from_provider")]


def test_eat_on_arrival(bench: Bench) -> None:
    with bench.running(fault(Fault.EAT_ON_ARRIVAL)):
        with bench.sftp() as sftp:
            message = bench.partner.protect(request_bytes([line("A1")]), bench.home)
            sftp.putfo(io.BytesIO(message), "to_provider/r.part")
            sftp.rename("to_provider/r.part", "to_provider/r.pgp")
            with pytest.raises(FileNotFoundError):
                sftp.stat("to_provider/r.pgp")
        assert len(records(bench.read(bench.wait_names(1)[0]))) == 3


def test_drop_after_rename_happens_once(bench: Bench) -> None:
    with bench.running(fault(Fault.DROP_AFTER_RENAME)):
        with pytest.raises((OSError, EOFError, paramiko.SSHException)):
            bench.send([line("A1")])
        assert len(bench.wait_names(1)) == 1
        bench.ask([line("A2")])


def test_fail_upload(bench: Bench) -> None:
    with bench.running(fault(Fault.FAIL_UPLOAD)):
        with pytest.raises(PermissionError):
            bench.send([line("A1")])
        bench.plan()
        bench.ask([line("A1")])


def test_hang_on_upload_until_the_plan_changes(bench: Bench) -> None:
    with bench.running(fault(Fault.HANG_ON_UPLOAD)):
        with bench.sftp() as sftp:
            sftp.get_channel().settimeout(1)
            with pytest.raises(TimeoutError):
                sftp.putfo(io.BytesIO(b"x" * 100_000), "to_provider/r.part")
        bench.plan()
        bench.ask([line("A1")])


def test_a_faulty_plan_is_told_and_changes_nothing(bench: Bench) -> None:
    with bench.running("split_answers = 2"):
        bench.plan("split_answers = 0\nfaults = ['no_such']")
        (told,) = bench.wait_event("plan_faulty")
        assert "split_answers" in told["why"]
        assert "no_such" in told["why"]
        bench.send([line("A1")])
        assert len(bench.wait_names(2)) == 2


def test_a_request_rests_before_it_is_taken(bench: Bench) -> None:
    with bench.running("settle_seconds = 60"):
        name = bench.send([line("A1")])
        bench.plan("settle_seconds = 61")
        with bench.sftp() as sftp:
            assert sftp.stat(f"to_provider/{name}").st_size > 0
        bench.plan()
        bench.wait_names(1)
    assert wait_for(lambda: list(bench.home.processed.iterdir()), 1)[0].name == name
