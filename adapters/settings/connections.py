"""Airflow Connections without Airflow: `AIRFLOW_CONN_<ID>` from the environment or a private file.

Both forms Airflow reads are read here: a JSON object and a URI (Airflow docs, "Managing Connections").
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from adapters.settings.environment import variable, variables
from adapters.settings.secrets import Secret, secret_file
from adapters.settings.workspace import Workspace
from jobs.errors import SecretMissing

_PREFIX = "AIRFLOW_CONN_"


@dataclass(frozen=True)
class Connection:
    """What we use of an Airflow Connection. `private_key` is text in OpenSSH or PEM form."""

    login: str | None
    password: Secret | None
    private_key: Secret | None
    host: str | None
    port: int | None


def local_connection(connection_id: str, workspace: Workspace) -> Connection:
    """The connection of that id; the environment goes before the file. Raises SecretMissing."""
    name = _PREFIX + connection_id.upper()
    text = variable(name) or _from_file(workspace).get(name)
    if not text:
        raise SecretMissing(
            f"connection:{connection_id} is neither in the environment ({name}) nor in {workspace.connections.name}",
            reference=f"connection:{connection_id}",
        )
    return parse_connection(text, connection_id, workspace)


def connections_env(workspace: Workspace) -> dict[str, str]:
    """Every `AIRFLOW_CONN_*` variable a child process needs; the environment goes before the file.

    The values hold secrets in plain text: for the environment of a child process, nothing else.
    """
    return {**_from_file(workspace), **variables(_PREFIX)}


def parse_connection(text: str, connection_id: str, workspace: Workspace) -> Connection:
    """A connection in Airflow's JSON or URI form. `extra.key_file` is a private file like `file:`."""
    reference = f"connection:{connection_id}"
    try:
        fields = _json_fields(text) if text.lstrip().startswith("{") else _uri_fields(text)
        extra = _extra(fields.get("extra"))
        port = fields.get("port")
        return Connection(
            login=_text(fields.get("login")),
            password=_secret(fields.get("password")),
            private_key=_private_key(extra, workspace, reference),
            host=_text(fields.get("host")),
            port=None if port in (None, "") else int(str(port)),
        )
    except ValueError:
        raise SecretMissing(f"{reference} is neither valid JSON nor a valid URI", reference=reference) from None


def _from_file(workspace: Workspace) -> dict[str, str]:
    path = workspace.connections
    reference = f"file:{path.relative_to(workspace.home)}"
    try:
        if not path.exists():
            return {}
    except PermissionError:
        raise SecretMissing(f"{reference} cannot be read by this user", reference=reference) from None
    found: dict[str, str] = {}
    for number, line in enumerate(secret_file(path, reference).reveal().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        words = _words(value)
        if not equals or not name.startswith(_PREFIX) or len(words) != 1:
            raise SecretMissing(f"{reference} line {number} is not {_PREFIX}<ID>='…'", reference=reference)
        found[name] = words[0]
    return found


def _words(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:  # an open quote
        return []


def _json_fields(text: str) -> Mapping[str, object]:
    fields = json.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("not an object")
    return fields


def _uri_fields(text: str) -> Mapping[str, object]:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("not a URI")
    extra: dict[str, object] = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "login": None if parts.username is None else unquote(parts.username),
        "password": None if parts.password is None else unquote(parts.password),
        "host": None if parts.hostname is None else unquote(parts.hostname),
        "port": parts.port,
        "extra": extra.get("__extra__", extra),
    }


def _extra(extra: object) -> Mapping[str, object]:
    if isinstance(extra, str) and extra.strip():
        extra = json.loads(extra)
    if extra in (None, ""):
        return {}
    if not isinstance(extra, dict):
        raise ValueError("extra is not an object")
    return extra


def _private_key(extra: Mapping[str, object], workspace: Workspace, reference: str) -> Secret | None:
    key = _secret(extra.get("private_key"))
    path = _text(extra.get("key_file"))
    if key is None and path is not None:
        return secret_file(workspace.home / path, f"{reference} (key_file {path})")
    return key


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _secret(value: object) -> Secret | None:
    text = _text(value)
    return None if text is None else Secret(text)
