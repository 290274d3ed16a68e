"""The command line over a real installation: orders in, batches out, answers applied, and what people ask then."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.loopback import free_port
from tests.support.installation import Installation, make_installation, order_row
from tests.support.machine import need
from tests.support.muster import ACTOR, CommandLine, Ran

IMEI = "356938035643809"
MAC = "02:1A:2B:3C:4D:5E"
SECONDS = 60


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    made = make_installation(home, free_port())
    with made.simulating():
        yield made
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def muster(installation: Installation) -> CommandLine:
    return CommandLine(installation.workspace)


@pytest.fixture(scope="module")
def life(installation: Installation, muster: CommandLine) -> dict[str, Ran]:
    """The three jobs over five good rows and a wrong one: how each command ended."""
    rows = [order_row(number) for number in range(5)]
    rows[1]["imei"] = IMEI
    rows[2]["mac"] = MAC
    installation.drop("orders.csv", [*rows, order_row(5, customer_account="C-9")])
    ran = {"dry": muster("run", "order_dispatch", "--dry-run"), "orders": muster("run", "order_dispatch")}
    ran["request"] = muster("run", "device_enrolment_request", "--provider", "acme", "--json")
    give_up = time.monotonic() + SECONDS
    while time.monotonic() < give_up:
        ran["response"] = muster("run", "device_enrolment_response")
        if ran["response"].code != 3:
            return ran
    raise AssertionError("no answer came")


def test_a_dry_run_shows_what_would_be_and_changes_nothing(life: dict[str, Ran]) -> None:
    assert life["dry"].code == 4
    assert "Dry run: nothing was changed" in life["dry"].out
    assert "CUSTOMER_UNKNOWN" in life["dry"].out
    assert "rows passed" in life["orders"].out  # or the dry run had taken them


def test_a_wrong_row_makes_the_run_partly_failed(life: dict[str, Ran]) -> None:
    ran = life["orders"]
    assert ran.code == 4
    assert "Order dispatch: partly failed" in ran.out
    assert "Conservation: 5 devices, 6 instructions, all 12 checks hold" in ran.out
    assert "WAITING 5, REFUSED 1" in ran.out
    assert "load_order_dispatch" in ran.err  # the steps, as they happen
    assert "load_order_dispatch" not in ran.out
    page = Path(ran.out.rpartition("Report: ")[2].strip())
    assert "Order dispatch" in page.read_text()


def test_a_run_as_json_is_one_document(life: dict[str, Ran]) -> None:
    assert life["request"].code == 0
    (run,) = life["request"].json["runs"]
    assert run["run"]["status"] == "done"
    assert run["run"]["actor"] == ACTOR
    assert run["totals"]["lines sent"] == 5
    assert Path(run["page"]).exists()


def test_the_answer_settles_every_line(life: dict[str, Ran]) -> None:
    assert life["response"].code == 0
    assert "ENROLLED 5, REFUSED 1" in life["response"].out
    assert "muster status" in life["response"].err  # the next command


def test_nothing_to_do_has_its_own_exit_code(life: dict[str, Ran], muster: CommandLine) -> None:
    ran = muster("run", "device_enrolment_request", "--provider", "acme")
    assert ran.code == 3
    assert "nothing to do" in ran.out


def test_status_is_everything_on_one_screen(life: dict[str, Ran], muster: CommandLine) -> None:
    shown, as_json = muster("status"), muster("status", "--json")
    assert (shown.code, as_json.code) == (0, 0)
    for part in ("ENROLLED 5, REFUSED 1", "CLOSED", "Quarantine\n  empty", "device_enrolment_response", "Times: UTC"):
        assert part in shown.out
    assert as_json.json["conservation_holds"] is True
    assert as_json.json["batches"] == [{"provider": "acme", "state": "CLOSED", "batches": 1, "lines": 5}]
    assert as_json.json["runs"][0]["actor"] == ACTOR


@pytest.mark.parametrize(
    "spelling", [IMEI, "35-693803-564380-9", MAC, "021a2b3c4d5e", "02-1a-2b-3c-4d-5e", "SN00000004"]
)
def test_where_finds_a_device_by_any_spelling(life: dict[str, Ran], muster: CommandLine, spelling: str) -> None:
    ran = muster("where", spelling)
    assert ran.code == 0
    for part in ("ENROLLED", "ORDER SO-0000", "orders.csv, row", "ACME-000001 (CLOSED), sent", "acme-IN-000001.pgp"):
        assert part in ran.out


def test_where_as_json_has_the_whole_life(life: dict[str, Ran], muster: CommandLine) -> None:
    (device,) = muster("where", IMEI, "--json").json["devices"]
    (instruction,) = device["instructions"]
    assert (device["state"], device["serial_number"], device["order_number"]) == ("ENROLLED", "SN00000001", "SO-0000")
    assert (instruction["source_file"], instruction["source_row"]) == ("orders.csv", 3)
    assert instruction["batch"] == "ACME-000001"
    assert instruction["sent_at"].endswith("Z")
    assert [answer["applied"] for answer in instruction["answers"]] == [True]
    assert [event["effect"] for event in instruction["effects"]] == ["ENROLLED"]


@pytest.mark.parametrize("unknown", ["356938035643808", "sn00000001", "nothing"])
def test_where_says_that_a_device_is_unknown(life: dict[str, Ran], muster: CommandLine, unknown: str) -> None:
    ran = muster("where", unknown)
    assert (ran.code, ran.out) == (1, "")
    assert unknown in ran.err


def test_batches_are_listed_by_provider_and_state(life: dict[str, Ran], muster: CommandLine) -> None:
    assert [item["number"] for item in muster("batch", "list", "--json").json["batches"]] == ["ACME-000001"]
    assert "ACME-000001" in muster("batch", "list", "--provider", "acme", "--state", "CLOSED").out
    assert muster("batch", "list", "--state", "UNCERTAIN", "--json").json == {"batches": []}
    assert muster("batch", "list", "--provider", "bolt").code == 1


def test_a_batch_shows_its_facts_but_no_device_unless_asked(life: dict[str, Ran], muster: CommandLine) -> None:
    plain, full = muster("batch", "show", "acme-000001"), muster("batch", "show", "ACME-000001", "--lines")
    found = muster("batch", "show", "ACME-000001", "--json").json
    for part in ("acme-OUT-000001.pgp", "5 (ENROLLED 5)", "delivery", "acme-IN-000001.pgp"):
        assert part in plain.out
    assert "SN0000000" not in plain.out
    assert full.out.count("SN0000000") == 5
    assert found["batch"]["archive_key"] in plain.out
    assert (found["orders"], "lines" in found) == (["SO-0000"], False)


def test_an_unknown_batch(life: dict[str, Ran], muster: CommandLine) -> None:
    ran = muster("batch", "show", "ACME-000999")
    assert (ran.code, ran.out) == (1, "")
    assert "ACME-000999" in ran.err


def test_a_report_is_found_again_or_made_again(life: dict[str, Ran], muster: CommandLine) -> None:
    run = life["request"].json["runs"][0]
    Path(run["page"]).unlink()
    again = muster("report", run["run"]["id"], "--json").json
    assert again == run
    assert Path(run["page"]).exists()
    assert "Device enrolment" in muster("report").out
    assert muster("report", "no-such-run").code == 1


def test_the_audit_trail_holds(life: dict[str, Ran], muster: CommandLine) -> None:
    assert muster("audit", "verify").code == 0
    verified = muster("audit", "verify", "--json").json
    assert (verified["holds"], verified["broken"], verified["anchored"] > 0) == (True, [], True)
