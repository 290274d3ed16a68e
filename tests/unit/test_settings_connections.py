"""Airflow Connections read without Airflow, and as Airflow itself reads them."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.settings import (
    Secret,
    Workspace,
    channel_key,
    connections_env,
    local_connection,
    parse_connection,
    resolve,
)
from jobs.errors import SecretMissing
from tests.unit.test_settings_examples import workspace

_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name in ("AIRFLOW_CONN_ACME", "AIRFLOW_CONN_BETA"):
        monkeypatch.delenv(name, raising=False)
    return workspace(tmp_path)


def _store(made: Workspace, text: str, mode: int = 0o600) -> None:
    made.connections.write_text(text, encoding="utf-8")
    made.connections.chmod(mode)


def _line(name: str, **fields: object) -> str:
    return f"AIRFLOW_CONN_{name}={shlex.quote(json.dumps({'conn_type': 'sftp', **fields}))}\n"


def _revealed(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def test_json_form(made: Workspace) -> None:
    text = json.dumps(
        {
            "conn_type": "sftp",
            "login": "muster",
            "password": "hunter2",
            "host": "sftp.example.com",
            "port": 2222,
            "extra": {"private_key": _KEY, "no_host_key_check": "true"},
        }
    )
    found = parse_connection(text, "acme", made)
    assert (found.login, found.host, found.port) == ("muster", "sftp.example.com", 2222)
    assert (_revealed(found.password), _revealed(found.private_key)) == ("hunter2", _KEY)
    assert "hunter2" not in repr(found)
    as_text = json.dumps({**json.loads(text), "extra": json.dumps({"private_key": _KEY}), "port": "2222"})
    again = parse_connection(as_text, "acme", made)
    assert (_revealed(again.private_key), again.port) == (_KEY, 2222)


def test_uri_form(made: Workspace) -> None:
    password = "hun/ter:2@x y"
    text = f"sftp://mus%40ter:{quote(password, safe='')}@sftp.example.com:2222/?private_key={quote(_KEY)}"
    found = parse_connection(text, "acme", made)
    assert (found.login, found.host, found.port) == ("mus@ter", "sftp.example.com", 2222)
    assert (_revealed(found.password), _revealed(found.private_key)) == (password, _KEY)
    extra = quote(json.dumps({"private_key": _KEY}))
    assert _revealed(parse_connection(f"sftp://h/?__extra__={extra}", "acme", made).private_key) == _KEY


@pytest.mark.parametrize("text", ["{}", '{"extra": ""}', '{"extra": null, "port": ""}', "sftp://", "ssh://?"])
def test_a_bare_connection_has_nothing(made: Workspace, text: str) -> None:
    found = parse_connection(text, "acme", made)
    assert (found.login, found.password, found.private_key, found.host, found.port) == (None,) * 5


@settings(deadline=None)
@given(login=st.text(), password=st.text(), key=st.text())
def test_every_text_survives_the_file_and_json(
    tmp_path_factory: pytest.TempPathFactory, login: str, password: str, key: str
) -> None:
    made = Workspace(tmp_path_factory.mktemp("w"))
    made.create()
    _store(made, _line("ANY_OTHER", login=login, password=password, extra={"private_key": key}))
    found = local_connection("any_other", made)
    assert (found.login or "", _revealed(found.password) or "", _revealed(found.private_key) or "") == (
        login,
        password,
        key,
    )


def test_key_file_is_a_private_file_like_any_other(made: Workspace) -> None:
    path = made.secrets / "acme_key"
    path.write_text(_KEY)
    path.chmod(0o600)
    _store(made, _line("ACME", extra={"key_file": "secrets/acme_key"}) + _line("BETA", extra={"key_file": str(path)}))
    assert channel_key("connection:acme", made).reveal() == _KEY.rstrip()
    assert channel_key("connection:beta", made).reveal() == _KEY.rstrip()
    path.chmod(0o644)
    with pytest.raises(SecretMissing, match=r"connection:acme \(key_file secrets/acme_key\) is open to others"):
        channel_key("connection:acme", made)


def test_the_environment_goes_before_the_file(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    _store(made, "# comment\n\n" + _line("ACME", password="from file") + _line("BETA", password="beta"))
    assert resolve("connection:acme", made).reveal() == "from file"
    monkeypatch.setenv("AIRFLOW_CONN_ACME", '{"password": "from environment"}')
    monkeypatch.setenv("AIRFLOW_CONN_GAMMA", "sftp://")
    assert resolve("connection:acme", made).reveal() == "from environment"
    assert resolve("connection:beta", made).reveal() == "beta"
    passed = {name: value for name, value in connections_env(made).items() if name[13:] in ("ACME", "BETA", "GAMMA")}
    assert passed == {
        "AIRFLOW_CONN_ACME": '{"password": "from environment"}',
        "AIRFLOW_CONN_BETA": '{"conn_type": "sftp", "password": "beta"}',
        "AIRFLOW_CONN_GAMMA": "sftp://",
    }


def test_no_file_is_no_connection(made: Workspace) -> None:
    assert all(name.startswith("AIRFLOW_CONN_") for name in connections_env(made))
    with pytest.raises(SecretMissing, match="AIRFLOW_CONN_ACME") as caught:
        resolve("connection:acme", made)
    assert caught.value.facts == {"reference": "connection:acme"}


@pytest.mark.parametrize(
    "text",
    [
        "{hunter2",
        '{"port": "hunter2"}',
        '{"extra": "hunter2"}',
        '{"extra": ["hunter2"]}',
        "hunter2",
        "sftp://h:hunter2",
    ],
)
def test_what_is_no_connection_is_refused_without_its_text(made: Workspace, text: str) -> None:
    with pytest.raises(SecretMissing, match="connection:acme is neither valid JSON nor a valid URI") as caught:
        parse_connection(text, "acme", made)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    [
        "AIRFLOW_CONN_ACME",
        "AIRFLOW_CONN_ACME=hunter2 hunter2",
        "AIRFLOW_CONN_ACME='hunter2",
        "ACME='hunter2'",
        "hunter2",
    ],
)
def test_a_bad_line_is_named_by_its_number(made: Workspace, line: str) -> None:
    _store(made, "# comment\n" + line)
    with pytest.raises(SecretMissing, match=r"file:secrets/connections\.env line 2 is not") as caught:
        connections_env(made)
    assert "hunter2" not in str(caught.value)


def test_the_file_must_be_private(made: Workspace) -> None:
    _store(made, _line("ACME", password="hunter2"), mode=0o640)
    with pytest.raises(SecretMissing, match="open to others"):
        resolve("connection:acme", made)
