"""Small workspaces for the DAG files to parse. Their keys and hosts exist nowhere."""

from __future__ import annotations

import base64
from pathlib import Path

from adapters.settings import Workspace

_KEY = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", bytes(32)))
PROVIDER = f"""
kind = "generic"

[keys]
signers = [{{ fingerprint = "{"0123456789" * 4}" }}]
recipients = [{{ fingerprint = "{"0123456789" * 4}" }}]

[sftp]
host = "sftp.acme.example.com"
user = "muster"
host_keys = ["ssh-ed25519 {base64.b64encode(_KEY).decode()}"]
credential = "connection:acme"
"""
ACME = f'title = "Acme Devices"\n{PROVIDER}\n[inbound]\nsenders = ["partner@example.com"]\n'


def workspace(home: Path, config: str = "", **providers: str) -> Workspace:
    """A workspace with `muster.toml` and one file for each provider."""
    made = Workspace(home)
    made.create()
    made.config.write_text(config, encoding="utf-8")
    for name, text in providers.items():
        (made.providers / f"{name}.toml").write_text(text, encoding="utf-8")
    return made
