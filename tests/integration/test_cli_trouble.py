"""The command line when things go wrong: no answer, doubt, quarantine, a broken trail, wrong keys, a stop."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import update

from adapters.registry.engine import make_engine
from adapters.registry.tables import audit
from adapters.settings import Workspace
from app.loopback import free_port
from jobs.states import BatchState
from tests.support.installation import Installation, make_installation, order_row
from tests.support.machine import need
from tests.support.muster import ACTOR, CommandLine, Ran
from tests.support.openpgp import party
from tests.support.tampering import tampering

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """Its provider answers nobody: the simulator is not started."""
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    yield make_installation(home, free_port())
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def muster(installation: Installation) -> CommandLine:
    return CommandLine(installation.workspace)


@pytest.fixture(scope="module")
def stranded(installation: Installation, muster: CommandLine) -> Ran:
    """A request run that sealed one batch and could not send it."""
    installation.drop("orders.csv", [order_row(1), order_row(2)])
    assert muster("run", "order_dispatch").code == 0
    return muster("run", "device_enrolment_request")


def test_a_failed_step_ends_the_run_and_says_why(stranded: Ran) -> None:
    assert stranded.code == 1
    assert "Device enrolment request, acme: failed" in stranded.out
    assert "SEALED 2" in stranded.out
    assert "Error: connect to 127.0.0.1" in stranded.err
    assert "[CHANNEL_UNAVAILABLE]" in stranded.err
    assert "Traceback" not in stranded.err


def test_a_batch_is_cancelled_only_with_its_number_typed(
    stranded: Ran, installation: Installation, muster: CommandLine
) -> None:
    installation.drop("cancel.csv", [order_row(21)])
    muster("run", "order_dispatch")
    muster("run", "device_enrolment_request")
    (batch, *_) = reversed(muster("batch", "list", "--state", "SEALED", "--json").json["batches"])
    number = batch["number"]
    for words in (["--reason", "test"], ["--reason", "test", "--confirm", "ACME-000999"], ["--reason", " "]):
        assert muster("batch", "cancel", number, *words).code == 2
    ran = muster("batch", "cancel", number, "--reason", "wrong customer", "--confirm", number)
    assert (ran.code, f"Cancelled {number}" in ran.out) == (0, True)
    assert muster("batch", "cancel", number, "--reason", "again", "--confirm", number).code == 1
    trail = [row for row in _trail(installation) if row["action"] == "batch cancelled"]
    assert [(row["actor"], row["reason"]) for row in trail] == [(ACTOR, "wrong customer")]


def test_a_batch_in_doubt_is_shouted_about(stranded: Ran, installation: Installation, muster: CommandLine) -> None:
    with installation.open() as app, app.registry.transaction() as tx:
        (batch,) = tx.batches.in_states("acme", (BatchState.SEALED,))
        tx.batches.move(batch.id, BatchState.SEALED, BatchState.SENDING)
        tx.batches.move(batch.id, BatchState.SENDING, BatchState.UNCERTAIN)
    ran = muster("status")
    assert "UNCERTAIN: 1 batch" in ran.out
    assert "UNCERTAIN 2" in ran.out  # the bucket
    assert "muster run device_enrolment_request --provider acme" in ran.out
    assert [item["number"] for item in muster("status", "--json").json["uncertain"]] == ["ACME-000001"]
    assert "UNCERTAIN" in muster("batch", "list", "--state", "UNCERTAIN").out


def test_a_file_in_quarantine_is_shown_with_its_reason(installation: Installation, muster: CommandLine) -> None:
    (installation.workspace.inbox / "wrong.csv").write_text("not,an,order\n1,2,3\n")
    ran = muster("run", "order_dispatch")
    assert ran.code == 4
    assert "FILE_HEADING" in ran.out
    status = muster("status")
    assert "Quarantine: 1 file held for a decision" in status.out
    assert "wrong.csv" in status.out


def test_a_provider_that_is_switched_off_is_not_run(installation: Installation, muster: CommandLine) -> None:
    path = installation.workspace.providers / "acme.toml"
    before = path.read_text()
    path.write_text(before.replace("#enabled = true", "enabled = false"))
    try:
        named, every = (
            muster("run", "device_enrolment_response", "--provider", "acme"),
            muster("run", "device_enrolment_response"),
        )
    finally:
        path.write_text(before)
    assert (named.code, every.code) == (1, 1)
    assert "enabled = true" in named.err
    assert "no provider is enabled" in every.err


def test_customers_are_imported_row_by_row(installation: Installation, muster: CommandLine) -> None:
    file = installation.workspace.home / "customers.csv"
    good = "account,name,provider,organisation_id\nC-7,Example Retail,acme,ORG-7\n"
    file.write_text(good + "C-8,,acme,ORG-8\nC-9,Example Bank,carbon,ORG-9\n")
    ran = muster("customers", "import", str(file))
    assert ran.code == 4
    assert "1 row taken in, 2 changes, 2 refused." in ran.out
    listed = muster("customers", "list", "--json").json["customers"]
    assert {"account": "C-7", "name": "Example Retail", "provider": "acme", "organisation_id": "ORG-7"} in listed
    assert not {"C-8", "C-9"} & {item["account"] for item in listed}
    file.write_text(good)
    assert muster("customers", "import", str(file)).code == 3  # nothing new
    file.write_text("account;name\n")
    refused = muster("customers", "import", str(file))
    assert (refused.code, "CUSTOMER_FILE_REFUSED" in refused.err) == (1, True)
    assert "Example Retail" in muster("customers", "list").out


def test_a_key_is_imported_only_with_its_fingerprint(installation: Installation, muster: CommandLine) -> None:
    partner = party("partner")
    file = installation.workspace.home / "partner.asc"
    file.write_bytes(partner.export())
    refused = muster("keys", "import", str(file), "--fingerprint", "0" * 40)
    assert (refused.code, partner.fingerprint in muster("keys", "list", "--json").out) == (1, False)
    spaced = " ".join(partner.fingerprint[at : at + 4] for at in range(0, 40, 4)).lower()
    ran = muster("keys", "import", str(file), "--fingerprint", spaced, "--reason", "by phone")
    assert ran.code == 0
    listed = {key["fingerprint"]: key["uses"] for key in muster("keys", "list", "--json").json["keys"]}
    assert listed[partner.fingerprint] == []
    trail = [row for row in _trail(installation) if row["action"] == "key imported"]
    assert [(row["actor"], row["object"], row["reason"]) for row in trail] == [
        (ACTOR, f"key {partner.fingerprint}", "by phone")
    ]


def test_our_key_is_exported_alone_on_standard_output(installation: Installation, muster: CommandLine) -> None:
    ran = muster("keys", "export")
    assert ran.out.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert ran.out.endswith("-----END PGP PUBLIC KEY BLOCK-----\n")
    assert "PRIVATE" not in ran.out


def test_the_list_of_keys_says_what_each_is_for(installation: Installation, muster: CommandLine) -> None:
    ran = muster("keys", "list")
    for part in ("own key", "acme signer, acme recipient", " days"):
        assert part in ran.out


def test_there_is_one_own_key(muster: CommandLine) -> None:
    ran = muster("keys", "generate")
    assert (ran.code, "[KEY_THERE]" in ran.err) == (1, True)


def test_no_secret_is_ever_shown(stranded: Ran, installation: Installation, muster: CommandLine) -> None:
    secrets = installation.workspace.secrets
    passphrase = (secrets / "openpgp-passphrase").read_text().strip()
    key = (secrets / "acme_ssh_key").read_text().splitlines()[1]
    for words in (["keys", "list"], ["doctor"], ["check-config"], ["status"], ["airflow-pools"], ["--debug", "status"]):
        ran = muster(*words)
        assert passphrase not in ran.out + ran.err
        assert key not in ran.out + ran.err


def test_a_broken_audit_trail_is_a_failure(stranded: Ran, installation: Installation, muster: CommandLine) -> None:
    engine = make_engine(f"sqlite:///{installation.workspace.registry}")
    with tampering(engine) as connection:
        connection.execute(update(audit).where(audit.c.number == 2).values(actor="somebody else"))
    engine.dispose()
    ran = muster("audit", "verify")
    assert ran.code == 1
    assert "number 2" in ran.err
    assert muster("audit", "verify", "--json").json["broken"] == [2]


def test_a_new_workspace_is_made_once() -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    try:
        muster = CommandLine(Workspace(home / "w"))
        first = muster("init", "--organisation", "Example Ltd", "--simulator", "acme")
        made = {path: path.read_bytes() for path in (home / "w").rglob("*.toml")}
        again = muster("init", "--organisation", "Another", "--simulator", "acme")
        assert (first.code, again.code) == (0, 0)
        assert "muster simulate" in first.out
        assert "there already" in again.out
        assert {path: path.read_bytes() for path in (home / "w").rglob("*.toml")} == made
        assert muster("check-config").code == 0
        assert muster("status").code == 0
    finally:
        shutil.rmtree(home)


def test_the_registry_of_a_new_workspace_is_the_wanted_one(tmp_path: Path) -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    try:
        muster = CommandLine(Workspace(home / "w"))
        assert muster("init", "--registry-url", f"sqlite:///{tmp_path}/elsewhere.db").code == 0
        assert (tmp_path / "elsewhere.db").exists()
        assert not (home / "w/registry.db").exists()
        assert muster("status").code == 0
    finally:
        shutil.rmtree(home)


def test_the_console_starts_only_simulators_that_are_there(installation: Installation, muster: CommandLine) -> None:
    path = installation.workspace.providers / "bolt.toml"
    path.write_text((installation.workspace.providers / "acme.toml").read_text())
    try:
        ran = muster("console", "--simulate", "bolt")
    finally:
        path.unlink()
    assert (ran.code, "[NO_SIMULATOR]" in ran.err) == (1, True)
    assert muster("console", "--simulate", "nobody").code == 1


def test_a_simulator_never_takes_a_real_providers_name(installation: Installation, muster: CommandLine) -> None:
    path = installation.workspace.providers / "bolt.toml"
    path.write_text((installation.workspace.providers / "acme.toml").read_text())
    try:
        ran = muster("init", "--simulator", "bolt")
        assert (ran.code, "[PROVIDER_TAKEN]" in ran.err) == (1, True)
    finally:
        path.unlink()


def wait_until_at_work(installation: Installation, lease: str) -> None:
    """Until some process holds the lease: it is inside the step then, with everything imported."""
    until = time.monotonic() + 60
    with closing(sqlite3.connect(installation.workspace.registry)) as registry:
        while registry.execute("SELECT owner FROM leases WHERE name = ?", (lease,)).fetchone() in (None, (None,)):
            assert time.monotonic() < until
            time.sleep(0.05)
    time.sleep(0.2)


def test_ctrl_c_ends_quietly(installation: Installation) -> None:
    settings = installation.workspace.config
    before = settings.read_text()
    settings.write_text(before.replace('settle = "0s"', 'settle = "50s"'))
    late = installation.drop("late.csv", [order_row(9)])
    command = [
        sys.executable,
        "-m",
        "app.cli",
        "--home",
        str(installation.workspace.home),
        "run",
        "order_dispatch",
    ]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("order_dispatch, run ")
        wait_until_at_work(installation, "orders:in")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        settings.write_text(before)
        late.unlink(missing_ok=True)
    assert (process.returncode, out) == (130, "")
    assert "it goes on where it stopped" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--version"], 0), (["batch", "show", "X"], 1), (["statsu"], 2), (["run", "device_enrolment_response"], 1)],
)
def test_the_program_ends_with_its_exit_code(installation: Installation, words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "app.cli", "--home", str(installation.workspace.home), *words]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr  # no colour: it is no terminal


def _trail(installation: Installation) -> list[dict[str, object]]:
    engine = make_engine(f"sqlite:///{installation.workspace.registry}")
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(audit.select().order_by(audit.c.number))]
    engine.dispose()
    return rows
