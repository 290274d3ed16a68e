"""The simulated provider over the wire: real SFTP, real gpg, the product's own writer and reader."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from simulator import SimulatorError, SimulatorHome
from tests.integration.test_simulator_kit import Bench, Partner, line, new_partner, records, request_bytes, void_line
from tests.support.machine import need

OK_ORDER = ("ORDER", "COMPLETE", "COMPLETE")
OK_DELIVERY = ("DELIVERY", "COMPLETE", "COMPLETE")
PARTLY = [
    ("ORDER", "COMPLETE_WITH_ERRORS", "POSTED_WITH_ERRORS"),
    ("DELIVERY", "COMPLETE_WITH_ERRORS", "POSTED_WITH_ERRORS"),
]
ENROLLED = ("DEVICE", "ENROLLED", "COMPLETE")
UNENROLLED = ("DEVICE", "UNENROLLED", "COMPLETE")


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


def rejected(code: str) -> tuple[str, str, str]:
    return ("DEVICE", "REJECTED", code)


def order_error(code: str) -> list[tuple[str, str, str]]:
    return [("ORDER", "ERROR", code)]


def test_an_order_is_enrolled_and_kept_across_a_restart(bench: Bench) -> None:
    with bench.running():
        first_port = bench.port
        assert bench.ask([line("A1"), line("A2", delivery_number="DL-2")]) == [
            OK_ORDER, OK_DELIVERY, ENROLLED, OK_DELIVERY, ENROLLED,
        ]  # fmt: skip
    with bench.running():
        assert bench.port == first_port
        assert bench.ask([line("A1", order_id="SO-2")]) == [*PARTLY, rejected("DE-4303")]
        second = bench.read("acme-IN-000002.pgp")
    assert (second.header.sequence, second.header.batch_number) == (2, "ACME-000002")
    assert (second.header.provider_id, second.header.identifier) == ("acme", 2)
    assert sorted(path.name for path in bench.home.processed.iterdir()) == [
        "acme-OUT-000001.pgp",
        "acme-OUT-000002.pgp",
    ]
    assert list(bench.home.arrived.iterdir()) == []


def test_returns_and_their_void(bench: Bench) -> None:
    back = {"request_type": "RE", "order_id": "RE-SO-1"}
    with bench.running():
        bench.ask([line("A1"), line("A2")])
        assert bench.ask([line("A1", **back), line("A9", **back)]) == [*PARTLY, UNENROLLED, rejected("DE-4306")]
        assert bench.ask([line("A1", order_id="SO-2"), line("A2", order_id="SO-2")]) == [
            *PARTLY, ENROLLED, rejected("DE-4303"),
        ]  # fmt: skip
        assert bench.ask([void_line("A1", order_id="SO-2")]) == [OK_ORDER, UNENROLLED]
        assert bench.ask([void_line("A1", order_id="RE-SO-1")]) == [OK_ORDER, ENROLLED]
        assert bench.ask([line("A1", order_id="SO-3")]) == [*PARTLY, rejected("DE-4303")]


def test_a_void_reverses_an_order_once(bench: Bench) -> None:
    with bench.running():
        bench.ask([line("A1"), line("A2")])
        assert bench.ask([void_line("A1")]) == [OK_ORDER, UNENROLLED]
        assert bench.ask([void_line("A1"), void_line("A2")]) == [PARTLY[0], rejected("DE-4306"), UNENROLLED]
        assert bench.ask([void_line("A2")]) == order_error("OR-4109")
        assert bench.ask([line("A1", customer_id="ORG-78")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]


def test_an_override_replaces_the_device_list(bench: Bench) -> None:
    override = {"request_type": "OV", "delivery_number": "SELF", "customer_id": "ORG-78"}
    with bench.running():
        assert bench.ask([line("A1", **override)]) == order_error("OR-4109")
        bench.ask([line("A1"), line("A2")])
        assert bench.ask([line("A2", **override), line("A3", **override)]) == [
            OK_ORDER,
            OK_DELIVERY,
            ENROLLED,
            ENROLLED,
        ]
        assert bench.ask([line("A1", order_id="SO-2")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]
        assert bench.ask([line("A2", order_id="SO-3")]) == [*PARTLY, rejected("DE-4304")]


def test_a_known_order_with_another_header_is_an_error(bench: Bench) -> None:
    with bench.running():
        bench.ask([line("A1")])
        assert bench.ask([line("A2", po_number="PO-10")]) == order_error("OR-4110")
        assert bench.ask([line("A2")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]


def test_rules_reject_devices_and_orders_and_send_any_code(bench: Bench) -> None:
    plan = """
    [[reject]]
    field = "serial_number"
    pattern = "BAD.*"
    code = "DE-4301"
    message = "Device id, or \\"serial\\", invalid"
    [[reject]]
    field = "customer_id"
    pattern = "ORG-9"
    code = "OR-4102"
    level = "ORDER"
    [[code]]
    field = "model"
    pattern = "ED-10"
    outcome = "ENROLLED"
    code = "ACME-777"
    """
    with bench.running(plan):
        assert bench.ask([line("BAD1"), line("A1", model="ED-10")]) == [
            *PARTLY, rejected("DE-4301"), ("DEVICE", "ENROLLED", "ACME-777"),
        ]  # fmt: skip
        message = bench.read("acme-IN-000001.pgp").details.column("message")[2].as_py()
        assert message == 'Device id, or "serial", invalid'
        assert bench.ask([line("A2", order_id="SO-2", customer_id="ORG-9")]) == order_error("OR-4102")
        bench.plan()
        assert bench.ask([line("BAD1")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]


def test_answers_come_late_and_in_parts(bench: Bench) -> None:
    with bench.running("delay_seconds = 0.6\nsplit_answers = 2"):
        start = time.monotonic()
        bench.send([line("A1"), line("A2")])
        bench.wait_names(1)
        assert time.monotonic() - start >= 0.6
        assert bench.wait_names(2) == ["acme-IN-000001.pgp", "acme-IN-000002.pgp"]
        assert time.monotonic() - start >= 1.2
        parts = [bench.read(name) for name in bench.wait_names(2)]
    assert [records(part) for part in parts] == [[OK_ORDER, OK_DELIVERY], [ENROLLED, ENROLLED]]
    assert {part.header.batch_number for part in parts} == {"ACME-000001"}


def test_an_answer_that_was_due_during_a_stop_comes_after_it(bench: Bench) -> None:
    with bench.running("delay_seconds = 1"):
        bench.send([line("A1")])
        bench.wait_event("processed")
    with bench.running():
        assert records(bench.read(bench.wait_names(1)[0])) == [OK_ORDER, OK_DELIVERY, ENROLLED]
    assert len(bench.events("processed")) == 1


def test_the_same_batch_again_is_not_processed_again(bench: Bench) -> None:
    message = bench.partner.protect(request_bytes([line("A1")]), bench.home)
    with bench.running():
        bench.send_message(message, "acme-OUT-000001.pgp")
        (name,) = bench.wait_names(1)
        answer = bench.fetch(name)
        bench.send_message(message, "acme-OUT-000001.pgp")
        bench.wait_event("duplicate")
        (bench.home.from_provider / name).unlink()
        bench.plan("answer_duplicates = true")
        bench.send_message(message, "acme-OUT-000001.pgp")
        assert bench.wait_names(1) == [name]
        assert bench.fetch(name) == answer
    assert len(bench.events("processed")) == 1
    assert len(list(bench.home.processed.iterdir())) == 3


def test_a_wrong_name_and_sequence_are_remarked(bench: Bench) -> None:
    with bench.running():
        bench.ask([line("A1")])
        assert bench.events("remark") == []
        message = bench.partner.protect(request_bytes([line("A2", order_id="SO-2")], sequence=3), bench.home)
        bench.send_message(message, "other.pgp")
        name, sequence = bench.wait_event("remark", 2)
    assert "file name" in name["what"]
    assert ("sequence" in sequence["what"], sequence["expected"]) == (True, 2)


def test_a_batch_number_with_other_content_is_refused(bench: Bench) -> None:
    with bench.running():
        bench.send([line("A1")], batch="ACME-1")
        bench.wait_names(1)
        bench.send([line("A2")], batch="ACME-1")
        answer = bench.read(bench.wait_names(2)[1])
        assert records(answer) == [("FILE", "ERROR", "GEN-003")]
        assert answer.header.batch_number == "ACME-1"
        assert bench.ask([line("A2", order_id="SO-2")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]


def test_totals_and_records_are_checked(bench: Bench) -> None:
    good = request_bytes([line("A1")])
    with bench.running():
        bench.send_message(bench.partner.protect(good.replace(b",A1,", b",A7,"), bench.home), "lies.pgp")
        assert records(bench.read(bench.wait_names(1)[0])) == [("FILE", "ERROR", "GEN-002")]
        bench.send_message(bench.partner.protect(good[: good.index(b"T,")], bench.home), "no-trailer.pgp")
        assert records(bench.read(bench.wait_names(2)[1])) == [("FILE", "ERROR", "GEN-004")]
        bench.send_message(bench.partner.protect(b"hello\n", bench.home), "not-generic.pgp")
        assert bench.wait_event("refused", 3)[2]["code"] == "GEN-004"
    assert len(bench.wait_names(2)) == 2


def test_only_the_trusted_key_signs_and_logs_in(bench: Bench) -> None:
    data = request_bytes([line("A1")])
    with new_partner() as stranger, bench.running():
        bench.send_message(bench.partner.protect(data, bench.home, sign=False), "unsigned.pgp")
        stranger._gpg("--import", data=bench.home.openpgp_public())
        bench.send_message(stranger.protect(data, bench.home), "stranger.pgp")
        whole = bench.partner.protect(data, bench.home)
        bench.send_message(whole[: len(whole) // 2], "half.pgp")
        refused = {event["file"]: event["code"] for event in bench.wait_event("refused", 3)}
        assert refused == dict.fromkeys(("unsigned.pgp", "stranger.pgp", "half.pgp"), "GEN-001")
        assert bench.events("processed") == []
        with pytest.raises(paramiko.AuthenticationException), stranger.sftp(bench.home, bench.port):
            pass
        with pytest.raises(paramiko.AuthenticationException), bench.partner.sftp(bench.home, bench.port, "other"):
            pass


def test_nothing_outside_the_served_folder_can_be_reached(bench: Bench) -> None:
    with bench.running(), bench.sftp() as sftp:
        assert sorted(sftp.listdir("/")) == ["from_provider", "to_provider"]
        with pytest.raises(FileNotFoundError):
            sftp.stat("../identity.json")
        with pytest.raises(OSError, match="no links"):
            sftp.symlink("/etc/passwd", "to_provider/passwd")


def test_a_home_is_made_once_and_keeps_its_name(bench: Bench) -> None:
    again = SimulatorHome.create(bench.home.path, "acme")
    assert again == bench.home
    assert bench.home.path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(SimulatorError, match="home of acme"):
        SimulatorHome.create(bench.home.path, "other")
    with pytest.raises(SimulatorError, match="no home"):
        SimulatorHome.open(bench.home.path / "nowhere")


def test_a_home_with_a_long_path_works(partner: Partner, tmp_path: Path) -> None:
    home = SimulatorHome.create(tmp_path / ("long" * 20) / "provider", "acme")
    assert len(os.fsencode(home.gnupg)) > 86
    partner.meet(home)
    bench = Bench(home, partner)
    with bench.running():
        assert bench.ask([line("A1")]) == [OK_ORDER, OK_DELIVERY, ENROLLED]


def test_run_announces_itself_serves_openssh_and_ends_on_sigterm(bench: Bench, tmp_path: Path) -> None:
    sftp = need("sftp")
    plan = tmp_path / "given.toml"
    plan.write_text("settle_seconds = 0\n")
    code = "import sys; from pathlib import Path; from simulator import run; "
    code += "run(Path(sys.argv[1]), plan_path=Path(sys.argv[2]))"
    started = [sys.executable, "-c", code, str(bench.home.path), str(plan)]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        facts = json.loads(child.stdout.readline())
        assert facts == json.loads(bench.home.ready.read_text())
        assert (facts["host_key"], facts["fingerprint"]) == (bench.home.host_key, bench.home.fingerprint)
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{facts['port']} {facts['host_key']}\n")
        identity = tmp_path / "identity"
        identity.touch(0o600)
        identity.write_text(bench.partner.ssh_private)
        message = tmp_path / "acme-OUT-000001.pgp"
        message.write_bytes(bench.partner.protect(request_bytes([line("A1")]), bench.home))
        batch = f"put {message} to_provider/r.part\nrename to_provider/r.part to_provider/r.pgp\n"
        options = [f"UserKnownHostsFile={tmp_path / 'known_hosts'}", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"]
        command = [str(sftp), "-q", "-b", "-", "-F", "/dev/null", "-i", str(identity), "-P", str(facts["port"])]
        command += [word for option in options for word in ("-o", option)]
        subprocess.run([*command, "muster@127.0.0.1"], input=batch, text=True, check=True, capture_output=True)
        bench.wait_names(1)
        child.send_signal(signal.SIGTERM)
        _, log = child.communicate(timeout=20)
    assert child.returncode == 0
    assert "FOR TESTING ONLY" in log
    assert "answered acme-IN-000001.pgp" in log
    assert "A1" not in log
    assert "SO-1" not in log
    assert not bench.home.ready.exists()
    assert not list(bench.home.gnupg.glob("S.gpg-agent"))
