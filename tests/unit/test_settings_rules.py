"""Host keys and file patterns, against real keys and real regular expressions."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.settings.faults import Wrong
from adapters.settings.host_keys import host_key
from adapters.settings.rules import RULES
from jobs.providers import Folders
from tests.unit.test_settings_examples import ed25519_line

_pattern = RULES[Folders, "inbound_pattern"]
_SAFE_NAME = re.compile(r"[A-Za-z0-9._-]*")
_KEYS = {
    "ed25519": ed25519.Ed25519PrivateKey.generate().public_key(),
    "p256": ec.generate_private_key(ec.SECP256R1()).public_key(),
    "p384": ec.generate_private_key(ec.SECP384R1()).public_key(),
    "p521": ec.generate_private_key(ec.SECP521R1()).public_key(),
    "rsa": rsa.generate_private_key(65_537, 2048).public_key(),
}


def _line(key: Any) -> str:
    line: bytes = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return line.decode()


@pytest.mark.parametrize("name", sorted(_KEYS))
def test_real_keys_are_accepted_without_their_comment(name: str) -> None:
    line = _line(_KEYS[name])
    assert host_key(f"  {line} provider's server\n") == line


@pytest.mark.parametrize("name", sorted(_KEYS))
def test_a_key_cut_anywhere_is_refused(name: str) -> None:
    line = _line(_KEYS[name])
    start = line.index(" ") + 1
    for end in range(start, len(line)):
        with pytest.raises(Wrong):
            host_key(line[:end])


def test_a_key_of_another_type_than_it_says_is_refused() -> None:
    body = _line(_KEYS["p256"]).split(" ")[1]
    with pytest.raises(Wrong, match="another type of key"):
        host_key(f"ssh-ed25519 {body}")


def test_bytes_after_the_key_are_refused() -> None:
    blob = base64.b64decode(ed25519_line().split(" ")[1]) + b"\x00\x00\x00\x01x"
    with pytest.raises(Wrong, match="damaged"):
        host_key("ssh-ed25519 " + base64.b64encode(blob).decode())


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("ssh-ed25519", "a key type but no key"),
        ("ssh-ed25519 ????", "damaged"),
        ("SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8", "is a fingerprint"),
        ("@cert-authority *.example.com ssh-ed25519 AAAA", "known_hosts line"),
        ("|1|abc=|def= ssh-ed25519 AAAA", "known_hosts line"),
        ("any", "no OpenSSH public key"),
        ("-----BEGIN PUBLIC KEY-----", "no OpenSSH public key"),
    ],
)
def test_what_is_no_key_is_named(text: str, what: str) -> None:
    with pytest.raises(Wrong) as caught:
        host_key(text)
    assert what in caught.value.what


def test_weak_keys_are_refused() -> None:
    with pytest.raises(Wrong, match="fewer than 2048 bits"):
        host_key(_line(rsa.RSAPublicNumbers(65_537, 2**1023 + 1).public_key()))
    with pytest.raises(Wrong, match="too weak"):
        host_key("ssh-dss AAAAB3NzaC1kc3M=")


@pytest.mark.parametrize(
    "text",
    [
        r"[A-Za-z0-9][A-Za-z0-9._-]*\.pgp",
        r"ACME-\d{6}\.pgp",
        r"(?:IN|OUT)_[0-9]{1,8}\.(?:pgp|gpg)",
        r"a+b?\-c[\w.-]*\.pgp",
        r"^answer\.pgp$",
        r"(?i)acme-[a-z]+\.pgp",
    ],
)
def test_patterns_of_safe_names_are_accepted(text: str) -> None:
    assert _pattern(text) == text


@pytest.mark.parametrize(
    "text",
    [
        ".*", r"a.pgp", r"[^/]*\.pgp", r"\S+\.pgp", r"\D\.pgp", r"[.-_]+\.pgp", r"[A-z]+\.pgp", r"a b\.pgp",
        r"in/a\.pgp", r"\W", r"a\\b", r"a\n", r"(a)\1", r"[]/]a", r"[^]a]b", r"\x2f", r"[\x00-z]", "a\nb", r"a,b",
        r"a{1,2},b", r"(?s:.)", r"(?P<x>a)", r"a(?=b)", "[[a]", "(", "{}", r"a\{3}b", r"[{3}]",
    ],
)  # fmt: skip
def test_patterns_that_admit_unsafe_names_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        _pattern(text)


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet="abZ09._-\\dsSwW[]^*+?|(){},/ :\n", max_size=12), st.data())
def test_no_accepted_pattern_matches_an_unsafe_ascii_name(text: str, data: st.DataObject) -> None:
    try:
        _pattern(text)
    except Wrong:
        return
    name = data.draw(st.from_regex(re.compile(text, re.ASCII), fullmatch=True))
    assert _SAFE_NAME.fullmatch(name) or not name.isascii()
