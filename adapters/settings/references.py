"""References to secrets, resolved at use: `connection:<id>`, `env:<NAME>`, `file:<path>`."""

from __future__ import annotations

from collections.abc import Callable

from adapters.settings.connections import Connection, local_connection
from adapters.settings.environment import variable
from adapters.settings.model import Settings
from adapters.settings.secrets import Scheme, Secret, secret_file, split_reference
from adapters.settings.workspace import Workspace
from jobs.errors import SecretMissing

Connections = Callable[[str], Connection]


def resolve(reference: str, workspace: Workspace, connections: Connections | None = None) -> Secret:
    """The secret a reference names; of a connection, its password.

    `connections` looks Airflow Connections up; without it they come from `AIRFLOW_CONN_<ID>` or the
    workspace's connections.env. Raises SecretMissing, which names the reference, never a value.
    """
    scheme, target = _split(reference)
    if scheme is Scheme.CONNECTION:
        return _part(_connection(target, workspace, connections).password, reference, "password")
    return _plain(scheme, target, reference, workspace)


def channel_key(reference: str, workspace: Workspace, connections: Connections | None = None) -> Secret:
    """The private SSH key a channel's credential names; of a connection, its private key."""
    scheme, target = _split(reference)
    if scheme is Scheme.CONNECTION:
        found = _connection(target, workspace, connections)
        return _part(found.private_key, reference, "private_key or key_file in its extra")
    return _plain(scheme, target, reference, workspace)


def registry_url(settings: Settings, workspace: Workspace) -> Secret:
    """The registry's URL, password and all: as configured, or what its reference names."""
    if split_reference(settings.registry_url) is None:
        return Secret(settings.registry_url)
    return resolve(settings.registry_url, workspace)


def _split(reference: str) -> tuple[Scheme, str]:
    found = split_reference(reference)
    if found is None:  # it may be the secret itself, so it is not shown
        raise SecretMissing("a reference does not read connection:<id>, env:<NAME> or file:<path>")
    return found


def _plain(scheme: Scheme, target: str, reference: str, workspace: Workspace) -> Secret:
    if scheme is Scheme.FILE:
        return secret_file(workspace.home / target, reference)
    value = variable(target)
    if not value:
        raise SecretMissing(f"{reference} is not set", reference=reference)
    return Secret(value)


def _connection(target: str, workspace: Workspace, connections: Connections | None) -> Connection:
    return local_connection(target, workspace) if connections is None else connections(target)


def _part(found: Secret | None, reference: str, part: str) -> Secret:
    if found is None:
        raise SecretMissing(f"{reference} has no {part}", reference=reference)
    return found
