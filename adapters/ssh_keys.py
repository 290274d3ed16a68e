"""The SSH key pair Muster logs in with: makes one (Ed25519, OpenSSH form, no passphrase, 0600), reads any."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from jobs.errors import ConfigurationFaulty


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


def openssh_form(text: str) -> str:
    """A private key in OpenSSH form: `text` is OpenSSH, PKCS#8 or another PEM, without a passphrase.

    Raises ConfigurationFaulty: the key is ours, and no provider can help.
    """
    data = text.encode()
    if text.startswith("PuTTY-User-Key-File-"):
        raise ConfigurationFaulty(
            "our private key is in PuTTY's form (PPK); in PuTTYgen choose Conversions, Export OpenSSH key"
        )
    if not text.startswith("-----BEGIN "):
        mark = "a byte order mark" if text.startswith("\ufeff") else "other text"
        raise ConfigurationFaulty(f"our private key has {mark} before -----BEGIN; save it as plain text without it")
    load = load_ssh_private_key if text.startswith("-----BEGIN OPENSSH") else load_pem_private_key
    try:
        key = load(data, password=None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except TypeError:
        raise ConfigurationFaulty("our private key is protected by a passphrase; give one without") from None
    except (ValueError, UnsupportedAlgorithm):
        if "ENCRYPTED" in text:
            raise ConfigurationFaulty("our private key is protected by a passphrase; give one without") from None
        raise ConfigurationFaulty("our private key cannot be read as Ed25519, ECDSA or RSA; make a new one") from None
