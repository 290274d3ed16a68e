"""Makes a new installation: workspace, keys, settings, and a provider account for the simulator."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters import ssh_keys
from adapters.openpgp import keyring
from adapters.settings import Workspace, write_config, write_provider
from adapters.settings.secrets import secret_file
from simulator import SimulatorHome

_PASSPHRASE = "openpgp-passphrase"  # noqa: S105 - the name of the file it lies in


@dataclass(frozen=True)
class Made:
    """What `initialise` made or found: our fingerprint, and whether the workspace is new."""

    fingerprint: str
    new: bool


def initialise(
    workspace: Workspace,
    organisation: str,
    values: Mapping[str, object] | None = None,
    email: str = "muster@example.com",
) -> Made:
    """Make a workspace with its own OpenPGP key and settings. One that is there is left as it is.

    `values` are further settings of `muster.toml`; `email` stands in the key's user id, for partners.
    """
    workspace.create()
    keyring.create_home(workspace.gnupg)
    if workspace.config.exists():
        return Made(_own_fingerprint(workspace), new=False)
    reference = f"file:{workspace.secrets.name}/{_PASSPHRASE}"
    passphrase_file = workspace.secrets / _PASSPHRASE
    if not passphrase_file.exists():
        _write_private(passphrase_file, secrets.token_urlsafe(32))
    passphrase = secret_file(passphrase_file, reference)
    # crash window: a key without settings is found and used by the next call
    fingerprint = _own_fingerprint(workspace) or keyring.generate(workspace.gnupg, organisation, email, passphrase)
    settings = {"organisation": organisation, "own_key": fingerprint, "passphrase": reference}
    write_config(workspace, settings | dict(values or {}))
    return Made(fingerprint, new=True)


def connect_simulator(
    workspace: Workspace, home: SimulatorHome, name: str, values: Mapping[str, object], port: int
) -> Path:
    """Write a provider file for the simulator and let both sides trust each other's keys."""
    connection = f"muster_{name}"
    key_file = workspace.secrets / f"{name}_ssh_key"
    public = ssh_keys.make_key(key_file)
    own = keyring.export_public(workspace.gnupg, _own_fingerprint(workspace))
    home.trust(own, public, user="muster")
    keyring.import_public(workspace.gnupg, home.openpgp_public(), home.fingerprint)
    _add_connection(workspace, connection, key_file, port)
    pinned = [{"fingerprint": home.fingerprint}]
    settings: dict[str, object] = {
        "kind": "generic",
        "keys": {"signers": pinned, "recipients": pinned},
        "sftp": {
            "host": "127.0.0.1",
            "port": port,
            "user": "muster",
            "host_keys": [home.host_key],
            "credential": f"connection:{connection}",
        },
    }
    return write_provider(workspace, name, settings | dict(values), overwrite=True)


def _own_fingerprint(workspace: Workspace) -> str:
    return next((key.fingerprint for key in keyring.list_keys(workspace.gnupg) if key.secret), "")


def _add_connection(workspace: Workspace, connection: str, key_file: Path, port: int) -> None:
    """The connection names the key file; the key itself stays where it is."""
    name = f"AIRFLOW_CONN_{connection.upper()}"
    fields = {
        "conn_type": "sftp",
        "host": "127.0.0.1",
        "port": port,
        "login": "muster",
        "extra": {"key_file": str(key_file)},
    }
    known = workspace.connections.read_text().splitlines() if workspace.connections.exists() else []
    lines = [line for line in known if not line.startswith(f"{name}=")]
    workspace.connections.unlink(missing_ok=True)
    _write_private(workspace.connections, "\n".join([*lines, f"{name}='{json.dumps(fields)}'"]) + "\n")


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
