"""Workspaces on disk for the tests of the settings: a good one, for others to spoil."""

from __future__ import annotations

import base64
from pathlib import Path

from adapters.settings import Workspace, check

KINDS = ("generic", "json_api")
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
OTHER_FINGERPRINT = "89ABCDEF0123456789ABCDEF0123456789ABCDEF"


def ed25519_line(seed: int = 7) -> str:
    """An Ed25519 public key line; any 32 bytes will do for one that is only compared."""
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in (b"ssh-ed25519", bytes([seed]) * 32))
    return "ssh-ed25519 " + base64.b64encode(blob).decode()


KEYS = f"""
[keys]
signers = [{{ fingerprint = "{FINGERPRINT}" }}]
recipients = [{{ fingerprint = "{OTHER_FINGERPRINT}" }}]
"""

SFTP = f"""
[sftp]
host = "sftp.acme.example.com"
user = "muster"
host_keys = ["{ed25519_line()}"]
credential = "file:secrets/acme"
"""

GOOD = 'kind = "generic"\n' + KEYS + SFTP


def workspace(home: Path, config: str = "", **providers: str) -> Workspace:
    """A workspace with `muster.toml` and one file for each provider."""
    made = Workspace(home)
    made.create()
    made.config.write_text(config, encoding="utf-8")
    for name, text in providers.items():
        (made.providers / f"{name}.toml").write_text(text, encoding="utf-8")
    return made


def test_the_good_example_has_no_fault(tmp_path: Path) -> None:
    assert check(workspace(tmp_path, acme=GOOD), KINDS) == []
