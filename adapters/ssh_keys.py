"""Makes the SSH key pair Muster logs in with: Ed25519, OpenSSH form, no passphrase, 0600."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)


def make_key(path: Path) -> str:
    """Write a new private key to `path` unless one is there; returns the public key line."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
    return public_key(path)


def public_key(path: Path) -> str:
    """The `ssh-ed25519 AAAA…` line of the private key in `path`."""
    key = load_ssh_private_key(path.read_bytes(), password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
