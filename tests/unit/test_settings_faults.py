"""Every kind of fault by example, and all of them at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.settings import Fault, check, load
from jobs.errors import ConfigurationFaulty
from tests.unit.test_settings_examples import FINGERPRINT, GOOD, KEYS, KINDS, ed25519_line, workspace


def _only(faults: list[Fault], path: str) -> Fault:
    assert [fault.path for fault in faults] == [path]
    return faults[0]


def _spoilt(old: str, new: str, text: str = GOOD) -> str:
    assert old in text
    return text.replace(old, new)


# --- muster.toml -----------------------------------------------------------------------

CONFIG_FAULTS = [
    ('time_zone = "Europe/Berlim"', "time_zone", "no IANA time zone", "'Europe/Berlin'"),
    ('time_zone = ""', "time_zone", "no IANA time zone", "UTC"),
    ('time_zone = "../etc/passwd"', "time_zone", "no IANA time zone", ""),
    ('own_key = "1234ABCD"', "own_key", "no full OpenPGP fingerprint", "short key ids"),
    ('archive_key = "x"', "archive_key", "no full OpenPGP fingerprint", ""),
    ('passphrase = "correct horse"', "passphrase", "not a reference", "env:<NAME>"),
    ('passphrase = "env:NO-SUCH"', "passphrase", "not a reference", "env:<NAME>"),
    ('registry_url = "postgresql://muster:hunter2@db/muster"', "registry_url", "holds a password", "env:<NAME>"),
    ('registry_url = "postgresql://db/m?password=hunter2"', "registry_url", "holds a password", "env:<NAME>"),
    ('registry_url = "mysql://db/muster"', "registry_url", "no SQLite or PostgreSQL URL", "psycopg"),
    ('registry_url = "connection:registry"', "registry_url", "no SQLite or PostgreSQL URL", "psycopg"),
    ('registry_url = "sqlite:///registry.db"', "registry_url", "no absolute path", "sqlite:////"),
    ('registry_url = "sqlite://"', "registry_url", "no absolute path", "sqlite:////"),
    ('registry_url = "postgresql://[db/m"', "registry_url", "no database URL", "reference"),
    ('archive = ""', "archive", "not a path", "workspace"),
    ("organisation = 5", "organisation", "must be a valid string", "in quotes"),
    ("organization = 'x'", "organization", "not a known key", "'organisation'"),
    ("providers = []", "providers", "not a known key", "organisation"),
    ("port = 80", "port", "not a known key here", "'console'"),
    ("[inbox]\npatterns = []", "inbox.patterns", "at least 1 item", ""),
    ("[inbox]\npatterns = ['(']", "inbox.patterns[1]", "no regular expression", ""),
    ("[inbox]\nmax_file_bytes = 0", "inbox.max_file_bytes", "must be greater than 0", ""),
    ("[inbox]\nmax_file_bytes = nan", "inbox.max_file_bytes", "must be a", ""),
    ("[inbox]\nsettle = 5", "inbox.settle", "must be a valid duration", "unit"),
    ("[inbox]\nsettle = 'soon'", "inbox.settle", "not a duration", "unit"),
    ("[inbox]\nsettle = 'PT5S'", "inbox.settle", "not a duration", "unit"),
    ("[inbox]\nschedule = '@daily'", "inbox.schedule", "has 1 fields", "five fields"),
    ("inbox = 5", "inbox", "must be", "table"),
    ("[console]\nport = 70_000", "console.port", "less than or equal to 65535", ""),
    ("[console]\nport = '8080'", "console.port", "must be a valid integer", "without quotes"),
]


@pytest.mark.parametrize(("text", "key", "what", "remedy"), CONFIG_FAULTS)
def test_a_fault_of_muster_toml(tmp_path: Path, text: str, key: str, what: str, remedy: str) -> None:
    fault = _only(check(workspace(tmp_path, text), KINDS), f"muster.toml: {key}")
    assert what in fault.what
    assert remedy in fault.remedy
    assert "hunter2" not in str(fault)
    assert "correct horse" not in str(fault)


def test_an_inbox_source_needs_pinned_keys_too(tmp_path: Path) -> None:
    text = "[inbox.source.sftp]\nhost = 'h'\nuser = 'u'\ncredential = 'env:KEY'\nhost_keys = []"
    fault = _only(check(workspace(tmp_path, text), KINDS), "muster.toml: inbox.source.sftp.host_keys")
    assert fault.what == "pins no host key"


def test_a_missing_muster_toml(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    made.config.unlink()
    fault = _only(check(made, KINDS), "muster.toml")
    assert "missing" in fault.what
    assert "muster init" in fault.remedy


# --- providers -------------------------------------------------------------------------

KEY = ed25519_line()
PROVIDER_FAULTS = [
    (GOOD.replace('kind = "generic"', ""), "kind", "is missing", "template"),
    (_spoilt('"generic"', '"generik"'), "kind", "not a provider kind", "'generic'"),
    (_spoilt('"generic"', '"other"'), "kind", "not a provider kind", "generic, json_api"),
    ('name = "other"\n' + GOOD, "name", "differs from the file's name 'acme'", "rename"),
    ('kind = "generic"\n' + KEYS, "sftp", "there is no channel", "one of these two"),
    (GOOD + '[folder]\npath = "x"', "folder", "one channel", "Remove one"),
    ('kind = "generic"\n' + KEYS + '[folder]\npath = ""', "folder.path", "not a path", ""),
    ('kind = "generic"\n' + KEYS + "[folder]", "folder.path", "is missing", "Add it"),
    (_spoilt(f'["{KEY}"]', "[]"), "sftp.host_keys", "pins no host key", "phone"),
    (_spoilt(f'host_keys = ["{KEY}"]', ""), "sftp.host_keys", "pins no host key", "phone"),
    (_spoilt(f'["{KEY}"]', f'"{KEY}"'), "sftp.host_keys", "must be a valid list", "square brackets"),
    (_spoilt(f'["{KEY}"]', f'["{KEY}", "*"]'), "sftp.host_keys[2]", "wildcard", "phone"),
    (_spoilt(KEY, f"sftp.example.com {KEY}"), "sftp.host_keys[1]", "known_hosts line", "ssh-ed25519"),
    (_spoilt(KEY, f"*.example.com {KEY}"), "sftp.host_keys[1]", "known_hosts line", "ssh-ed25519"),
    (_spoilt(KEY, KEY[:-8]), "sftp.host_keys[1]", "damaged or cut", "ssh-ed25519"),
    (_spoilt("sftp.acme.example.com", "sftp://acme"), "sftp.host", "no host name", "alone"),
    (_spoilt('"muster"', '""'), "sftp.user", "no user name", ""),
    (_spoilt("file:secrets/acme", "hunter2"), "sftp.credential", "not a reference", "connection:<id>"),
    (_spoilt('credential = "file:secrets/acme"', ""), "sftp.credential", "is missing", ""),
    (GOOD + "port = 0", "sftp.port", "greater than 0", ""),
    (GOOD + 'timeout = "0s"', "sftp.timeout", "longer than nothing", "30s"),
    (GOOD + "timeout = 30", "sftp.timeout", "valid duration", "30s"),
    (GOOD + 'timeout = "30"', "sftp.timeout", "not a duration", "30s"),
    (_spoilt("[keys]", "[kees]"), "kees", "not a known key", "'keys'"),
    (_spoilt(FINGERPRINT, FINGERPRINT[:-8]), "keys.signers[1].fingerprint", "no full OpenPGP", "short key ids"),
    (_spoilt(FINGERPRINT, FINGERPRINT[:-1] + "g"), "keys.signers[1].fingerprint", "no full OpenPGP", ""),
    (GOOD.replace("signers = [", "signers = [] #"), "keys.signers", "whose signature is accepted", "fingerprint"),
    (GOOD.replace("recipients = [", "recipients = [] #"), "keys.recipients", "no key to encrypt to", "fingerprint"),
    (GOOD.replace("recipients = [", "#"), "keys.recipients", "no key to encrypt to", "fingerprint"),
    (
        _spoilt(f'"{FINGERPRINT}"', f'"{FINGERPRINT}", valid_from = 2026-02-01, valid_until = 2026-01-01'),
        "keys.signers[1].valid_until",
        "before valid_from",
        "Swap",
    ),
    (
        _spoilt(f'"{FINGERPRINT}"', f'"{FINGERPRINT}", valid_from = "spring"'),
        "keys.signers[1].valid_from",
        "must be a valid date",
        "",
    ),
    ('on_unknown_outcome = "resend"\n' + GOOD, "on_unknown_outcome", "only for a provider that removes", "hold"),
    ('on_unknown_outcome = "resent"\n' + GOOD, "on_unknown_outcome", "'hold' or 'resend'", "'resend'"),
    ('request_types = ["OR", "XX"]\n' + GOOD, "request_types[2]", "'OR', 'RE', 'VD' or 'OV'", "one of these"),
    ("enabled = 1\n" + GOOD, "enabled", "valid boolean", "true or false"),
    ("settle = -5\n" + GOOD, "settle", "valid duration", "5m"),
    ('file_prefix = "../x"\n' + GOOD, "file_prefix", "unsafe file names", "letters"),
    (GOOD + '[schedules]\nrequest = "61 * * * *"', "schedules.request", "outside 0-59", "five fields"),
    (GOOD + '[schedules]\nresponse = "often"', "schedules.response", "1 fields", "five fields"),
    (GOOD + '[folders]\noutbound = "/abs"', "folders.outbound", "not a folder below", "relative"),
    (GOOD + '[folders]\ninbound = "a/../../b"', "folders.inbound", "not a folder below", "without"),
    (GOOD + "[folders]\ninbound_done = 'a\\b'", "folders.inbound_done", "not a folder below", "relative"),
    (GOOD + '[folders]\noutbound = "from_provider/"', "folders.inbound", "same folder", "of its own"),
    (GOOD + "[folders]\ninbound_pattern = '*.pgp'", "folders.inbound_pattern", "no regular expression", ""),
    (GOOD + "[folders]\ninbound_pattern = '.*\\.pgp'", "folders.inbound_pattern", "by its part '.'", "classes"),
    (GOOD + "[limits]\ndevices_per_batch = 0", "limits.devices_per_batch", "greater than 0", ""),
    (GOOD + "[events]\nnotes_limit = 99", "events.notes_limit", "greater than or equal to 100", ""),
    ("host = 'h'\n" + GOOD, "host", "not a known key here", "'sftp'"),
    (GOOD + "[folders]\ninbond = 'x'", "folders.inbond", "not a known key", "'inbound'"),
    (GOOD + "[limits]\nxyzzy = 1", "limits.xyzzy", "not a known key", "devices_per_batch, orders_per_batch"),
    (GOOD + "password = 'hunter2'", "sftp.password", "no secret stands in this file", "reference"),
    (GOOD + "private_key = 'hunter2'", "sftp.private_key", "no secret stands in this file", "reference"),
]


@pytest.mark.parametrize(("text", "key", "what", "remedy"), PROVIDER_FAULTS)
def test_a_fault_of_a_provider(tmp_path: Path, text: str, key: str, what: str, remedy: str) -> None:
    faults = check(workspace(tmp_path, acme=text), KINDS)
    assert f"providers/acme.toml: {key}" in [fault.path for fault in faults]
    fault = next(fault for fault in faults if fault.path.endswith(f": {key}"))
    assert what in fault.what
    assert remedy in fault.remedy
    assert "hunter2" not in str(faults)
    if key != "kees":  # which leaves the signers and recipients missing
        assert len(faults) == 1


@pytest.mark.parametrize(
    "line",
    [
        "no_host_key_check = true",
        "verify_host_key = false",
        "auto_add = true",
        "allow_host_key_change = true",
        "AutoAddPolicy = true",
        "missing_host_key_policy = 'warn'",
        "StrictHostKeyChecking = 'no'",
        "strict_host_keys = false",
        "host_key_check = false",
        "ignore_host_keys = true",
        "accept_any_host_key = true",
        "insecure = true",
        "known_hosts = 'none'",
        "trust_all = true",
        "skip_verify = true",
    ],
)
def test_host_key_checks_have_no_switch(tmp_path: Path, line: str) -> None:
    key = line.split(" ")[0]
    fault = _only(check(workspace(tmp_path, acme=GOOD + line), KINDS), f"providers/acme.toml: sftp.{key}")
    assert fault.what == "does not exist: host keys are always checked, and nothing switches that off"
    assert "phone" in fault.remedy


def test_a_slip_in_host_keys_is_just_a_slip(tmp_path: Path) -> None:
    faults = check(workspace(tmp_path, acme=_spoilt("host_keys", "host_key")), KINDS)
    assert [(fault.path, fault.remedy) for fault in faults if fault.what == "is not a known key"] == [
        ("providers/acme.toml: sftp.host_key", "Did you mean 'host_keys'?")
    ]


@pytest.mark.parametrize("stem", ["Acme", "1st", "a" * 32, "a.b", "ä"])
def test_a_file_name_that_is_no_provider_name(tmp_path: Path, stem: str) -> None:
    fault = _only(check(workspace(tmp_path, **{stem: GOOD}), KINDS), f"providers/{stem}.toml")
    assert "no provider name" in fault.what


def test_no_two_providers_share_a_prefix_in_any_case(tmp_path: Path) -> None:
    made = workspace(tmp_path, acme=GOOD, beta='file_prefix = "Acme"\n' + GOOD, gamma='file_prefix = "G"\n' + GOOD)
    fault = _only(check(made, KINDS), "providers/beta.toml: file_prefix")
    assert "provider 'acme'" in fault.what


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"kind = \n", "is not valid TOML: Invalid value (at line 1"), (b"kind = '\xff'", "is not UTF-8 text")],
)
def test_a_file_that_is_no_toml(tmp_path: Path, data: bytes, what: str) -> None:
    made = workspace(tmp_path)
    (made.providers / "acme.toml").write_bytes(data)
    assert what in _only(check(made, KINDS), "providers/acme.toml").what


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    (made.providers / "acme.toml").mkdir()
    assert "cannot be read" in _only(check(made, KINDS), "providers/acme.toml").what


def test_providers_that_cannot_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    made.providers.rmdir()
    assert check(made, KINDS) == []
    made.providers.write_text("")
    assert "cannot be listed" in _only(check(made, KINDS), "providers").what


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_it(tmp_path: Path) -> None:
    made = workspace(tmp_path, acme=GOOD)
    (made.providers / "acme.toml").chmod(0)
    assert "right to read" in _only(check(made, KINDS), "providers/acme.toml").remedy


def test_all_faults_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    made = workspace(
        tmp_path,
        'time_zone = "Mars"\n[console]\nport = "80"',
        acme=_spoilt('"generic"', '"none"').replace(KEY, "*") + "verify_host_key = false\nport = 0",
        beta='kind = "generic"\nsettle = "soon"\nsftp = 3',
        gamma="kind = ",
        zeta=GOOD,
    )
    with pytest.raises(ConfigurationFaulty) as caught:
        load(made, KINDS)
    faults = caught.value.facts["faults"]
    assert isinstance(faults, list)
    assert {fault.path for fault in faults} == {
        "muster.toml: time_zone",
        "muster.toml: console.port",
        "providers/acme.toml: kind",
        "providers/acme.toml: sftp.host_keys[1]",
        "providers/acme.toml: sftp.verify_host_key",
        "providers/acme.toml: sftp.port",
        "providers/beta.toml: settle",
        "providers/beta.toml: sftp",
        "providers/beta.toml: keys.signers",
        "providers/beta.toml: keys.recipients",
        "providers/gamma.toml",
    }
    assert len(faults) == 11
    assert faults == check(made, KINDS)
    assert "11 faults" in caught.value.what
    assert "and 8 more" in caught.value.what
    assert all(fault.what and fault.remedy and not fault.remedy.endswith(".") for fault in faults)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("keys = 3", "keys"),
        ("keys = []", "keys"),
        ("[[sftp]]\nhost = 'h'", "sftp"),
        ("folders = 'x'", "folders"),
        ("[keys]\nsigners = 'x'", "keys.signers"),
        ("[keys]\nsigners = [3]", "keys.signers[1]"),
        ("file_prefix = 3", "file_prefix"),
        ("kind = 3", "kind"),
    ],
)
def test_values_of_another_shape_are_faults_and_no_crash(tmp_path: Path, text: str, key: str) -> None:
    paths = [fault.path for fault in check(workspace(tmp_path, acme=text), KINDS)]
    assert f"providers/acme.toml: {key}" in paths


def test_a_list_no_template_has_is_named(tmp_path: Path) -> None:
    made = workspace(tmp_path, '[uploads.rules.lists]\nmodel = ["EV-1"]\n', acme=GOOD)
    (fault,) = check(made, KINDS)
    assert fault.path == "muster.toml: uploads.rules.lists.model"
    assert "models" in fault.remedy
