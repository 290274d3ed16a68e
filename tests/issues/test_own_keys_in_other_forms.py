"""An own SSH key in PKCS#8 was not read, and PuTTY's form or a byte order mark was "check user name with the provider".

The key is ours: what cannot be read is a fault of the configuration that says what to do.
"""

from __future__ import annotations

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from adapters.channels.sftp import _own_key
from jobs.errors import ConfigurationFaulty

KEYS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    "rsa": rsa.generate_private_key(65_537, 2_048),
}
PLAIN = NoEncryption()


def text(kind: str, form: PrivateFormat, encryption: KeySerializationEncryption = PLAIN) -> str:
    return KEYS[kind].private_bytes(Encoding.PEM, form, encryption).decode()


def fault(written: str) -> str:
    with pytest.raises(ConfigurationFaulty) as caught:
        _own_key(written)
    assert "BEGIN O" not in str(caught.value)
    assert "provider" not in str(caught.value)
    return caught.value.what


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_form_without_a_passphrase_is_read(kind: str, ends: str) -> None:
    forms = [PrivateFormat.OpenSSH, PrivateFormat.PKCS8]
    forms += [] if kind == "ed25519" else [PrivateFormat.TraditionalOpenSSL]
    read = {_own_key(text(kind, form).replace("\n", ends)).get_base64() for form in forms}
    assert read == {paramiko.PKey.get_base64(_own_key(text(kind, PrivateFormat.OpenSSH)))}


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
def test_a_passphrase_is_named(form: PrivateFormat) -> None:
    assert "passphrase" in fault(text("ecdsa", form, BestAvailableEncryption(b"secret")))


def test_putty_s_form_and_marks_say_what_to_do() -> None:
    assert "PuTTYgen" in fault("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")
    assert "byte order mark" in fault("\ufeff" + text("ed25519", PrivateFormat.OpenSSH))


@pytest.mark.parametrize("written", ["", "ssh-ed25519 AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_a_fault_of_the_configuration(written: str) -> None:
    assert fault(written)
