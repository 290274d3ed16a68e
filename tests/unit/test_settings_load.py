"""A configuration without faults: defaults, normal forms, precedence, and what loading may not import."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from adapters.settings import Settings, Workspace, check, load
from jobs.errors import NotFound
from jobs.providers import (
    Grouping,
    PinnedKey,
    Provider,
    SequencePolicy,
    UnknownOutcomePolicy,
)
from tests.unit.test_settings_examples import FINGERPRINT, GOOD, KEYS, KINDS, OTHER_FINGERPRINT, ed25519_line, workspace


def test_an_empty_muster_toml_means_the_defaults(tmp_path: Path) -> None:
    made = workspace(tmp_path / "home")
    assert load(made, KINDS) == Settings(
        registry_url=f"sqlite:///{tmp_path}/home/registry.db", archive=tmp_path / "home" / "archive"
    )


def test_every_setting_is_read(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        f"""
        organisation = "Example Mobile"
        time_zone = "Europe/Berlin"
        registry_url = "env:REGISTRY_URL"
        archive = "/srv/archive"
        own_key = "{FINGERPRINT.lower()}"
        archive_key = "{OTHER_FINGERPRINT}"
        passphrase = "file:secrets/passphrase"
        [inbox]
        patterns = ['OD-[0-9]{{8}}\\.csv']
        settle = "1m"
        max_file_bytes = 1_000
        schedule = ""
        [inbox.source]
        folder = "dispatch/new"
        done_folder = ""
        [inbox.source.sftp]
        host = "10.0.0.7"
        user = "orders"
        host_keys = ["{ed25519_line()} warehouse"]
        credential = "connection:orders"
        timeout = "2m"
        [console]
        port = 9090
        """,
    )
    settings = load(made, KINDS)
    assert (settings.organisation, settings.zone.key) == ("Example Mobile", "Europe/Berlin")
    assert (settings.registry_url, settings.archive) == ("env:REGISTRY_URL", Path("/srv/archive"))
    assert (settings.own_key, settings.archive_key) == (FINGERPRINT, OTHER_FINGERPRINT)
    assert settings.passphrase == "file:secrets/passphrase"
    inbox = settings.inbox
    assert (inbox.patterns, inbox.settle) == ((r"OD-[0-9]{8}\.csv",), timedelta(minutes=1))
    assert (inbox.max_file_bytes, inbox.schedule) == (1_000, None)
    assert inbox.source is not None
    assert (inbox.source.folder, inbox.source.done_folder) == ("dispatch/new", None)
    assert inbox.source.sftp.host_keys == (ed25519_line(),)  # without the comment
    assert inbox.source.sftp.timeout == timedelta(minutes=2)
    assert settings.console.port == 9090


def test_a_provider_takes_its_name_from_the_file_and_the_rest_from_its_text(tmp_path: Path) -> None:
    text = f"""
    kind = "json_api"
    title = "Acme Devices"
    enabled = false
    grouping = "customer"
    request_types = ["OR", "RE"]
    file_prefix = "ACM"
    on_unknown_outcome = "resend"
    removes_duplicates_by_batch = true
    on_sequence_gap = "quarantine"
    settle = "1h"
    [keys]
    signers = [
        {{ fingerprint = "0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567", valid_until = 2026-06-30 }},
        {{ fingerprint = "{OTHER_FINGERPRINT}", valid_from = 2026-06-01 }},
    ]
    recipients = [{{ fingerprint = "{"ab" * 32}" }}]
    [folder]
    path = "exchange/acme"
    [folders]
    outbound = "in/"
    inbound = "."
    inbound_done = ""
    [schedules]
    request = "0  6 * * mon-fri"
    response = ""
    [limits]
    devices_per_batch = 500
    """
    (provider,) = load(workspace(tmp_path, acme=text), KINDS).providers
    assert (provider.name, provider.kind, provider.label, provider.enabled) == (
        "acme",
        "json_api",
        "Acme Devices",
        False,
    )
    assert provider.keys.signers == (
        PinnedKey(FINGERPRINT, valid_until=date(2026, 6, 30)),
        PinnedKey(OTHER_FINGERPRINT, valid_from=date(2026, 6, 1)),
    )
    assert provider.keys.recipients == (PinnedKey("AB" * 32),)
    assert provider.folder is not None
    assert provider.folder.path == str(tmp_path / "exchange" / "acme")
    assert (provider.folders.outbound, provider.folders.inbound, provider.folders.inbound_done) == ("in", ".", None)
    assert (provider.schedules.request, provider.schedules.response) == ("0 6 * * mon-fri", None)
    assert (provider.limits.devices_per_batch, provider.limits.orders_per_batch) == (500, 1_000)
    assert (provider.grouping, provider.settle) == (Grouping.CUSTOMER, timedelta(hours=1))
    assert provider.on_unknown_outcome is UnknownOutcomePolicy.RESEND
    assert provider.on_sequence_gap is SequencePolicy.QUARANTINE


def test_the_least_a_provider_needs(tmp_path: Path) -> None:
    (provider,) = load(workspace(tmp_path, acme=GOOD), KINDS).providers
    assert provider == Provider("acme", "generic", provider.keys, sftp=provider.sftp)
    assert provider.sftp is not None
    assert (provider.sftp.port, provider.sftp.timeout) == (22, timedelta(seconds=30))


def test_providers_come_in_order_of_name_and_other_files_are_no_providers(tmp_path: Path) -> None:
    made = workspace(tmp_path, zeta=GOOD, acme='name = "acme"\n' + GOOD)
    (made.providers / "acme.toml.bak").write_text("=")
    (made.providers / ".#acme.toml").write_text("=")
    settings = load(made, KINDS)
    assert [provider.name for provider in settings.providers] == ["acme", "zeta"]
    assert settings.provider("zeta").name == "zeta"
    with pytest.raises(NotFound, match="'nobody'"):
        settings.provider("nobody")


def test_an_absolute_folder_stays_as_it_is(tmp_path: Path) -> None:
    text = 'kind = "generic"\n[folder]\npath = "/srv/acme"\n' + KEYS
    (provider,) = load(workspace(tmp_path, acme=text), {"generic": object()}).providers
    assert provider.folder is not None
    assert provider.folder.path == "/srv/acme"


def test_loading_reads_no_secret(tmp_path: Path) -> None:
    made = workspace(tmp_path, acme=GOOD)
    assert not (made.secrets / "acme").exists()
    assert check(made, KINDS) == []


def test_loading_imports_nothing_heavy(tmp_path: Path) -> None:
    """DAG files load the settings whenever they are parsed."""
    made = workspace(tmp_path, acme=GOOD)
    code = (
        "import sys; from pathlib import Path; from adapters.settings import Workspace, load\n"
        "load(Workspace(Path(sys.argv[1])), ['generic'])\n"
        "heavy = {'pandas', 'pyarrow', 'numpy', 'airflow', 'paramiko', 'sqlalchemy', 'croniter'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(made.home)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "[]\n"


def test_find_prefers_argument_then_environment_then_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUSTER_HOME", "from_env")
    assert Workspace.find(Path("/argument")).home == Path("/argument")
    assert Workspace.find().home == tmp_path / "from_env"
    monkeypatch.setenv("MUSTER_HOME", "")
    assert Workspace.find().home == tmp_path / ".muster"
    monkeypatch.delenv("MUSTER_HOME")
    assert Workspace.find().home == tmp_path / ".muster"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace.find(Path("~/exchange")).home == tmp_path / "exchange"
