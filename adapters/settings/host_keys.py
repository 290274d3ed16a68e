"""Pinned SSH host keys: one OpenSSH public key line each, taken apart to the last byte."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from adapters.settings.faults import Wrong

ASK = "Ask the provider for its host key by a second way, such as the phone, and list it here"
_REMEDY = f'{ASK} as "<type> <base64>", such as "ssh-ed25519 AAAA…"'
_ECDSA = {
    "ecdsa-sha2-nistp256": (b"nistp256", 65),
    "ecdsa-sha2-nistp384": (b"nistp384", 97),
    "ecdsa-sha2-nistp521": (b"nistp521", 133),
}
_TYPES = ("ssh-ed25519", *_ECDSA, "ssh-rsa")
_RSA_BITS = 2048


def host_key(text: str) -> str:
    """`<type> <base64>` without its comment. Raises Wrong.

    Formats: RFC 4253 section 6.6 (RSA), RFC 5656 section 3.1 (ECDSA), RFC 8709 section 4 (Ed25519).
    """
    words = text.split()
    if not words:
        raise Wrong("is empty", _REMEDY)
    if words[0] not in _TYPES:
        raise Wrong(_why_no_type(words), _REMEDY)
    if len(words) < 2:
        raise Wrong("has a key type but no key", _REMEDY)
    kind, body = words[0], words[1]
    try:
        blob = base64.b64decode(body, validate=True)
        fields = list(_fields(blob))
    except (binascii.Error, ValueError):
        raise Wrong("is damaged or cut: its base64 part is no key", _REMEDY) from None
    if not fields or fields[0] != kind.encode():
        raise Wrong(f"says {kind} but holds another type of key", _REMEDY)
    _check(kind, fields[1:])
    return f"{kind} {body}"


def _why_no_type(words: list[str]) -> str:
    if words[0].startswith("SHA256:") or words[0].startswith("MD5:"):
        return "is a fingerprint, not a key"
    if words[0].startswith("@") or (len(words) > 2 and words[1] in _TYPES) or "*" in words[0]:
        return "is a known_hosts line or a wildcard; only one key of one host can be pinned"
    if words[0] == "ssh-dss":
        return "is a DSA key, which is too weak"
    return "is no OpenSSH public key of a known type (" + ", ".join(_TYPES) + ")"


def _fields(blob: bytes) -> Iterator[bytes]:
    """The length-prefixed strings of a key blob; ValueError unless they fill it exactly."""
    at = 0
    while at < len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4], "big")
        if at + 4 > len(blob) or end > len(blob):
            raise ValueError("cut")
        yield blob[at + 4 : end]
        at = end


def _check(kind: str, fields: list[bytes]) -> None:
    if kind == "ssh-ed25519":
        good = [len(field) for field in fields] == [32]
    elif kind == "ssh-rsa":
        good = len(fields) == 2
        if good and int.from_bytes(fields[1], "big").bit_length() < _RSA_BITS:
            raise Wrong(f"is an RSA key of fewer than {_RSA_BITS} bits", _REMEDY)
    else:
        curve, size = _ECDSA[kind]
        good = len(fields) == 2 and fields[0] == curve and len(fields[1]) == size
    if not good:
        raise Wrong("is damaged or cut: its base64 part is no key", _REMEDY)
