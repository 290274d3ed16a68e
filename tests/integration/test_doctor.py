"""`muster doctor` against a real installation: all is well, and each thing that can be wrong is found with its fix."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections import namedtuple
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters import ssh_keys
from adapters.openpgp import keyring
from adapters.providers import KINDS
from adapters.registry.engine import make_engine
from adapters.settings import Settings, UploadSource, Workspace, load
from app.doctor import Check, Status, drops, examine, keys, machine, partners, store
from app.doctor.result import guarded
from app.loopback import free_port
from jobs.providers import Keys, PinnedKey, Provider, SftpSettings
from tests.support.installation import Installation, make_installation
from tests.support.machine import need
from tests.support.muster import CommandLine
from tests.support.openpgp import party

OTHER_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    made = make_installation(home, free_port())
    with made.simulating():
        yield made
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def workspace(installation: Installation) -> Workspace:
    return installation.workspace


@pytest.fixture(scope="module")
def settings(workspace: Workspace) -> Settings:
    return load(workspace, KINDS)


@pytest.fixture
def provider(settings: Settings) -> Provider:
    return settings.provider("acme")


def sftp(provider: Provider) -> SftpSettings:
    assert provider.sftp is not None
    return provider.sftp


def only(checks: Iterable[Check]) -> Check:
    (check,) = checks
    return check


def test_all_is_well(workspace: Workspace) -> None:
    found = list(examine(workspace))
    assert [check for check in found if check.status is Status.FAIL] == []
    assert [check for check in found if check.status is Status.WARN and check.name != "disk"] == []
    assert {check.name for check in found} == {
        *("gpg", "configuration", "folders", "secrets", "GnuPG home", "own key", "sign and encrypt"),
        *(
            "acme signer",
            "acme recipient",
            "acme channel",
            "registry",
            "audit trail",
            "archive",
            "inbox",
            "drop folders",
            "disk",
        ),
    }
    assert [check for check in found if check.fix and check.status is Status.OK] == []


def test_it_leaves_nothing_behind(workspace: Workspace) -> None:
    def files() -> set[Path]:
        return {path for path in workspace.home.rglob("*") if not path.name.startswith(("registry.db-", "S.gpg"))}

    before = files()
    list(examine(workspace))
    assert files() == before


def test_the_command_shows_each_check_and_its_sum(workspace: Workspace) -> None:
    muster = CommandLine(workspace)
    shown, as_json = muster("doctor"), muster("doctor", "--json")
    assert (shown.code, as_json.code) == (0, 0)
    assert "ok    acme channel: 127.0.0.1 answers and lets us in; 0 file(s) in from_provider" in shown.out
    assert f"{len(as_json.json['checks'])} checks: " in shown.out
    holds = "the hash chain holds, its end included"
    assert {"name": "audit trail", "status": "ok", "what": holds, "fix": ""} in as_json.json["checks"]


def test_offline_asks_no_provider(workspace: Workspace) -> None:
    assert "acme channel" not in {check.name for check in examine(workspace, offline=True)}


def test_a_fault_of_the_configuration_is_a_fail(workspace: Workspace) -> None:
    path = workspace.providers / "bolt.toml"
    path.write_text('kind = "generic"\n')
    try:
        ran = CommandLine(workspace)("doctor", "--json")
    finally:
        path.unlink()
    assert ran.code == 1
    failed = [check["what"] for check in json.loads(ran.out)["checks"] if check["status"] == "FAIL"]
    assert any(what.startswith("providers/bolt.toml: sftp") for what in failed)


def test_a_workspace_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = list(examine(Workspace(tmp_path / "none")))
    assert [check.name for check in found if check.status is Status.FAIL] == ["configuration"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ((2, 1, 18), Status.FAIL),
        ((2, 2, 7), Status.FAIL),
        ((2, 2, 27), Status.WARN),
        ((2, 2, 40), Status.OK),
        ((2, 3, 6), Status.WARN),
        ((2, 4, 7), Status.OK),
    ],
)
def test_versions_of_gpg(version: tuple[int, int, int], status: Status) -> None:
    assert machine.judge_version(version).status is status


def test_a_missing_gpg_is_a_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert only(machine.gpg()).status is Status.FAIL


def test_open_folders_and_secrets_are_found(workspace: Workspace) -> None:
    secret = workspace.secrets / "openpgp-passphrase"
    secret.chmod(0o640)
    workspace.spool.chmod(0o755)
    try:
        file, folder = only(machine.secret_files(workspace)), only(machine.folders(workspace))
    finally:
        secret.chmod(0o600)
        workspace.spool.chmod(0o700)
    assert (file.status, file.fix) == (Status.FAIL, f"chmod 600 {secret}")
    assert (folder.status, folder.fix) == (Status.FAIL, f"chmod 700 {workspace.spool}")


@pytest.mark.parametrize(("free", "status"), [(50, Status.OK), (14, Status.WARN), (1, Status.FAIL)])
def test_little_space_is_found(
    workspace: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch, free: int, status: Status
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda place: usage(100, 100 - free, free))
    assert only(machine.space(workspace, settings)).status is status


def test_an_open_gnupg_home_is_found(workspace: Workspace) -> None:
    workspace.gnupg.chmod(0o750)
    try:
        found = only(guarded("GnuPG home", lambda: keys.home(workspace)))
    finally:
        workspace.gnupg.chmod(0o700)
    assert (found.status, "0700" in found.what) == (Status.FAIL, True)


@pytest.mark.parametrize(("days", "status"), [(400, Status.OK), (59, Status.WARN), (6, Status.WARN)])
def test_our_key_is_watched_before_it_runs_out(settings: Settings, days: int, status: Status) -> None:
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    try:
        workspace = Workspace(home)
        keyring.create_home(workspace.gnupg)
        made = keyring.generate(workspace.gnupg, "Example Ltd", "m@example.com", None, timedelta(days=days))
        found = only(keys.own(workspace, replace(settings, own_key=made, archive_key="")))
    finally:
        shutil.rmtree(home)
    assert found.status is status
    assert re.search(rf"expires in ({days - 1}|{days}) days", found.what)
    assert ("--quick-set-expire" in found.fix) == (status is not Status.OK)


def test_our_key_is_missing(workspace: Workspace, settings: Settings, provider: Provider) -> None:
    theirs = provider.keys.signers[0].fingerprint  # in the keyring, but without its secret part
    for fingerprint in ("0" * 40, theirs):
        assert only(keys.own(workspace, replace(settings, own_key=fingerprint))).status is Status.FAIL
    assert only(keys.own(workspace, replace(settings, own_key=""))).status is Status.FAIL


def test_a_wrong_passphrase_is_found_by_the_round_trip(workspace: Workspace, settings: Settings) -> None:
    other = workspace.secrets / "other"
    other.write_text("wrong")
    other.chmod(0o600)
    try:
        wrong = replace(settings, passphrase="file:secrets/other")
        found = only(guarded("sign and encrypt", lambda: keys.round_trip(workspace, wrong)))
    finally:
        other.unlink()
    assert (found.status, "passphrase" in found.what) == (Status.FAIL, True)


def test_a_partners_key_is_missing_or_out_of_its_window(workspace: Workspace, provider: Provider) -> None:
    good = provider.keys.signers
    stranger = (PinnedKey("0" * 40),)
    past = (replace(good[0], valid_until=date(2020, 1, 1)),)
    missing = keys.partner(workspace, replace(provider, keys=Keys(stranger, good)))
    late = keys.partner(workspace, replace(provider, keys=Keys(good, past)))
    assert [(check.name, check.status) for check in missing] == [
        ("acme signer", Status.FAIL),
        ("acme recipient", Status.OK),
    ]
    signer, recipient = late
    assert (signer.status, recipient.status) == (Status.OK, Status.FAIL)
    assert recipient.what == "no pinned key is valid today"


def test_a_key_that_cannot_encrypt_is_no_recipient(workspace: Workspace, provider: Provider) -> None:
    owner = party("signs-only")
    owner.gpg("--passphrase=", "--quick-generate-key", "Signer <signer@example.com>", "ed25519", "sign", "1y")
    listing = owner.gpg("--with-colons", "--list-keys", "signer@example.com").decode()
    fingerprint = re.findall(r"^fpr:+([0-9A-F]+):", listing, re.MULTILINE)[0]
    keyring.import_public(workspace.gnupg, owner.gpg("--export", fingerprint), fingerprint)
    pinned = (PinnedKey(fingerprint),)
    found = keys.partner(workspace, replace(provider, keys=Keys(pinned, pinned)))
    assert [check.status for check in found] == [Status.OK, Status.FAIL]


def channel(workspace: Workspace, provider: Provider) -> list[Check]:
    return list(guarded("acme channel", lambda: partners.channel(workspace, provider)))


def test_another_host_key_is_found(workspace: Workspace, provider: Provider) -> None:
    found = only(channel(workspace, replace(provider, sftp=replace(sftp(provider), host_keys=(OTHER_HOST_KEY,)))))
    assert (found.status, "phone" in found.fix) == (Status.FAIL, True)


def test_a_refused_login_is_found(workspace: Workspace, provider: Provider) -> None:
    ssh_keys.make_key(workspace.secrets / "stranger_key")
    try:
        stranger = replace(sftp(provider), credential="file:secrets/stranger_key")
        found = only(channel(workspace, replace(provider, sftp=stranger)))
    finally:
        (workspace.secrets / "stranger_key").unlink()
    assert (found.status, "refuses user muster" in found.what) == (Status.FAIL, True)


def test_a_silent_port_is_found(workspace: Workspace, provider: Provider) -> None:
    found = only(channel(workspace, replace(provider, sftp=replace(sftp(provider), port=free_port()))))
    assert (found.status, "firewall" in found.fix) == (Status.FAIL, True)


def test_a_missing_secret_is_found(workspace: Workspace, provider: Provider) -> None:
    found = only(channel(workspace, replace(provider, sftp=replace(sftp(provider), credential="env:NO_SUCH_KEY"))))
    assert (found.status, "NO_SUCH_KEY" in found.what) == (Status.FAIL, True)


def test_missing_folders_are_found(workspace: Workspace, provider: Provider) -> None:
    inbound = channel(workspace, replace(provider, folders=replace(provider.folders, inbound="nowhere")))
    done = channel(workspace, replace(provider, folders=replace(provider.folders, inbound_done="nowhere")))
    assert only(inbound).status is Status.FAIL
    assert [check.status for check in done] == [Status.OK, Status.WARN]
    assert "nowhere" in done[1].what


def registry(workspace: Workspace, settings: Settings) -> Check:
    return only(guarded("registry", lambda: store.registry(workspace, settings)))


def test_a_registry_that_is_away(workspace: Workspace, settings: Settings, tmp_path: Path) -> None:
    nowhere = registry(workspace, replace(settings, registry_url=f"sqlite:///{tmp_path}/none.db"))
    silent = registry(workspace, replace(settings, registry_url=f"postgresql+psycopg://m@127.0.0.1:{free_port()}/m"))
    assert (nowhere.status, silent.status) == (Status.FAIL, Status.FAIL)
    assert "refused" in silent.what
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", Status.FAIL),
        ("DELETE FROM alembic_version", Status.WARN),
    ],
)
def test_a_schema_of_another_version(
    workspace: Workspace, settings: Settings, tmp_path: Path, statement: str, status: Status
) -> None:
    copy = _copy(workspace, tmp_path, statement)
    assert registry(workspace, replace(settings, registry_url=copy)).status is status


def test_a_broken_audit_trail(workspace: Workspace, settings: Settings, tmp_path: Path) -> None:
    copy = _copy(
        workspace,
        tmp_path,
        "INSERT INTO audit (number, at, actor, action, object, reason, facts, previous_hash, hash)"
        " VALUES (7, '2026-01-01T00:00:00Z', 'x', 'x', 'x', '', '{}', 'x', 'x')",
    )
    found = only(store.audit_trail(workspace, replace(settings, registry_url=copy)))
    assert (found.status, "row 7" in found.what) == (Status.FAIL, True)


def _copy(workspace: Workspace, folder: Path, statement: str) -> str:
    """The URL of a copy of the registry after `statement`."""
    url = f"sqlite:///{folder}/copy.db"
    engine = make_engine(f"sqlite:///{workspace.registry}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.connection.driver_connection.execute(f"VACUUM INTO '{folder}/copy.db'")  # type: ignore[union-attr]
    engine.dispose()
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    return url


def test_drop_folders_of_uploaders(workspace: Workspace, settings: Settings, installation: Installation) -> None:
    def examined() -> list[tuple[Status, str]]:
        return [(check.status, check.what) for check in drops.drop_folders(workspace, settings)]

    assert examined() == [(Status.OK, "0 for workbooks")]
    with installation.open() as app, app.registry.transaction() as tx:
        tx.uploads.set_uploader("ada@example.com", None)
    stray = workspace.uploads / "loactions"
    stray.mkdir()
    assert examined() == [
        (Status.WARN, "none for ada@example.com"),
        (Status.WARN, "nobody looks into loactions: it is no template"),
    ]
    stray.rmdir()
    made = workspace.uploads / "locations" / "ada@example.com"
    made.mkdir(parents=True)
    try:
        assert examined() == [(Status.OK, "2 for workbooks")]
    finally:
        shutil.rmtree(made.parent)
        with installation.open() as app, app.registry.transaction() as tx:
            tx.uploads.set_uploader("ada@example.com", None, active=False)


def test_the_server_of_uploads(workspace: Workspace, installation: Installation, provider: Provider) -> None:
    source = UploadSource(sftp(provider), ("ada@example.com", "ben@example.com"))
    found = only(drops.upload_source(workspace, source))
    assert (found.status, "no folder for ada@example.com, ben@example.com" in found.what) == (Status.WARN, True)
    folder = installation.simulator.files / "uploads" / "leases"
    for uploader in source.uploaders:
        (folder / uploader).mkdir(parents=True)
    assert only(drops.upload_source(workspace, source)).status is Status.OK
    shutil.rmtree(folder.parent)
