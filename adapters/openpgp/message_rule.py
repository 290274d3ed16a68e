"""What gpg's status lines prove, and which error they are otherwise. Pure.

A return code or "decryption okay" alone proves nothing: unsigned, doubled and foreign messages
all have them. A message is accepted only if gpg reported exactly the steps of one encrypted,
integrity-protected message with one good signature, in their order, and nothing else of weight.
Lines: GnuPG's doc/DETAILS.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.errors import (
    CipherUnavailable,
    KeyUnusable,
    MessageDamaged,
    MessageTooLarge,
    MusterError,
    NotEncrypted,
    NotSigned,
    PassphraseWrong,
    SignatureExpired,
    SignerNotAllowed,
    SignerUnknown,
)
from jobs.ports import Opened

CLOCK_TOLERANCE = timedelta(minutes=5)

_PREFIX = "[GNUPG:] "
_STEPS = (
    "BEGIN_DECRYPTION",
    "DECRYPTION_INFO",
    "PLAINTEXT",
    "NEWSIG",
    "GOODSIG",
    "VALIDSIG",
    "DECRYPTION_OKAY",
    "GOODMDC",  # gpg reports it for AEAD messages, too
    "END_DECRYPTION",
)
_REMARKS = frozenset(
    {
        "CARDCTRL",
        "DECRYPTION_COMPLIANCE_MODE",
        "DECRYPTION_KEY",
        "ENC_TO",
        "INQUIRE_MAXLEN",
        "KEYEXPIRED",
        "KEY_CONSIDERED",
        "NEED_PASSPHRASE",
        "NOTATION_DATA",
        "NOTATION_FLAGS",
        "NOTATION_NAME",
        "NO_SECKEY",
        "PLAINTEXT_LENGTH",
        "POLICY_URL",
        "PROGRESS",
        "SC_OP_SUCCESS",
        "SIG_ID",
        "TRUST_FULLY",
        "TRUST_MARGINAL",
        "TRUST_ULTIMATE",
        "TRUST_UNDEFINED",
        "USERID_HINT",
        "VERIFICATION_COMPLIANCE_MODE",
        "WARNING",
    }
)
_STRONG_HASHES = frozenset({"8", "9", "10", "11"})  # SHA-256, SHA-384, SHA-512, SHA-224 (RFC 4880, 9.4)
_CIPHERS = frozenset({"7", "8", "9", "10", "11", "12", "13"})  # AES, Twofish, Camellia: blocks of 128 bits (RFC 9580)
_NUMBER = re.compile(r"[0-9]{1,10}")  # 32 bits
_BINARY_DOCUMENT = "00"
_NO_PUBLIC_KEY = "9"
_BAD_PASSPHRASE = 11
_ERROR_CODE = 0xFFFF  # the low half of a gpg error value; the high half names the program
_MACHINE_TROUBLE = (
    "Cannot allocate memory",
    "Disk quota exceeded",
    "End of file",
    "Input/output error",
    "No agent running",
    "No space left on device",
    "Operation timed out",
    "Read-only file system",
    "Too many open files",
)
_NO_AGENT = "can't connect to the agent"
_NO_OUTPUT = "gpg: error creating "
_NO_PACKET = re.compile(r"invalid packet \(ctb=[0-7]")  # every packet's first bit is set, no ASCII character's is
_OVER_LIMIT = "exceeded --max-output limit"


@dataclass(frozen=True)
class _Report:
    """gpg's output, split into status lines (keyword, fields) and messages."""

    status: tuple[tuple[str, tuple[str, ...]], ...]
    messages: tuple[str, ...]

    def has(self, *keywords: str) -> bool:
        return any(keyword in keywords for keyword, _ in self.status)

    def count(self, keyword: str) -> int:
        return sum(1 for found, _ in self.status if found == keyword)

    def fields(self, keyword: str) -> list[tuple[str, ...]]:
        return [fields for found, fields in self.status if found == keyword]

    def says(self, text: str) -> bool:
        return any(text in message for message in self.messages)


def judge(
    lines: Sequence[str], returncode: int, *, allowed: Collection[str], own: Collection[str], now: datetime
) -> Opened:
    """Who signed the message that gpg decrypted, and when.

    Args:
        lines: all that gpg wrote to its status and error stream, one line each.
        returncode: gpg's exit code.
        allowed: full primary fingerprints (upper case) whose signature is accepted.
        own: full primary fingerprints of our own keys.
        now: the machine's time; a signature may be at most `CLOCK_TOLERANCE` ahead of it.

    Raises:
        MessageRefused: one of its subclasses, when it is not exactly one good signature by an allowed key.
        KeyUnusable: our secret key or its passphrase is missing.
        CipherUnavailable: gpg failed for reasons of this machine.
    """
    report = _read(lines)
    steps = tuple(keyword for keyword, _ in report.status if keyword not in _REMARKS)
    if returncode == 0 and steps == _STEPS:
        _must_be_current(report)
        return _signature(report.fields("VALIDSIG")[0], allowed, now)
    raise local_fault(lines, returncode) or _message_fault(report, own)


def judge_sealed(lines: Sequence[str], returncode: int) -> None:
    """Return if gpg signed and encrypted one message; `lines` and `returncode` as for `judge`.

    Raises:
        KeyUnusable: a recipient, our key or its passphrase is missing or no longer valid.
        CipherUnavailable: gpg failed for reasons of this machine.
    """
    report = _read(lines)
    done = report.count("SIG_CREATED") == 1 and report.count("END_ENCRYPTION") == 1
    if returncode == 0 and done and not report.has("FAILURE", "INV_RECP", "INV_SGNR"):
        return
    raise local_fault(lines, returncode) or _sealing_fault(report, returncode)


def local_fault(lines: Sequence[str], returncode: int) -> MusterError | None:
    """What went wrong on this machine or with our own passphrase; None if the cause lies elsewhere."""
    report = _read(lines)
    trouble = next((text for text in _MACHINE_TROUBLE if any(m.endswith(text) for m in report.messages)), None)
    if trouble:
        return CipherUnavailable(f"gpg could not work: {trouble}")
    if returncode < 0:
        return CipherUnavailable("gpg was ended by a signal", signal=-returncode)
    if report.says(_NO_AGENT) or any(message.startswith(_NO_OUTPUT) for message in report.messages):
        return CipherUnavailable("gpg has no agent or cannot make its output file")
    opened = report.has("DECRYPTION_KEY", "SIG_CREATED")
    if _BAD_PASSPHRASE in _error_codes(report) or (report.has("NEED_PASSPHRASE") and not opened):
        return PassphraseWrong("the passphrase of our own key is missing or wrong")
    return None


def _read(lines: Sequence[str]) -> _Report:
    status = [line.removeprefix(_PREFIX).split() for line in lines if line.startswith(_PREFIX)]
    messages = (line.rstrip() for line in lines if not line.startswith(_PREFIX))
    return _Report(
        status=tuple((words[0], tuple(words[1:])) for words in status if words),
        messages=tuple(messages),
    )


def _must_be_current(report: _Report) -> None:
    """DECRYPTION_INFO: protection, cipher, AEAD."""
    for fields in report.fields("DECRYPTION_INFO"):
        if fields[1:2] == () or fields[1] not in _CIPHERS:
            raise MessageDamaged(
                "the message is encrypted with a retired algorithm such as 3DES; the provider has to use AES",
                cipher=fields[1] if fields[1:] else "",
            )


def _signature(fields: tuple[str, ...], allowed: Collection[str], now: datetime) -> Opened:
    """VALIDSIG: key, date, time, expiry, version, reserved, algorithm, hash, class, primary key."""
    if len(fields) < 10 or not _NUMBER.fullmatch(fields[2]):
        raise MessageDamaged("gpg's report on the signature is incomplete")
    signed_at = datetime.fromtimestamp(int(fields[2]), UTC)
    digest, kind, primary = fields[7], fields[8], fields[9]
    if primary not in allowed:
        raise SignerNotAllowed("the message is signed by a key that is not pinned here", signer=primary)
    if digest not in _STRONG_HASHES or kind != _BINARY_DOCUMENT:
        raise MessageDamaged("the signature uses a weak hash or is not over binary data", hash=digest)
    if signed_at > now + CLOCK_TOLERANCE:
        raise SignatureExpired("the signature is dated in the future", signed_at=signed_at.isoformat())
    return Opened(signer=primary, signed_at=signed_at)


def _error_codes(report: _Report) -> set[int]:
    """gpg-error codes of ERROR and FAILURE lines: what failed, code."""
    last = (fields[-1] for keyword in ("ERROR", "FAILURE") for fields in report.fields(keyword) if fields)
    return {int(field) & _ERROR_CODE for field in last if _NUMBER.fullmatch(field)}


def _message_fault(report: _Report, own: Collection[str]) -> MusterError:
    if report.says(_OVER_LIMIT):
        return MessageTooLarge("the message holds more than the allowed number of bytes")
    return (
        _not_encrypted_to_us(report, own)
        or _damage(report)
        or _signature_fault(report)
        or MessageDamaged("the message is not exactly one signed and encrypted message")
    )


def _not_encrypted_to_us(report: _Report, own: Collection[str]) -> MusterError | None:
    if report.has("NO_SECKEY") and not report.has("DECRYPTION_INFO"):
        if any(fields[0] in own for fields in report.fields("KEY_CONSIDERED") if fields):
            return KeyUnusable("the secret part of our own key is missing")
        return NotEncrypted("the message is encrypted to keys that are not ours")
    if report.has("BEGIN_DECRYPTION", "ENC_TO"):
        return None
    if report.has("PLAINTEXT", "NEWSIG", "NEED_PASSPHRASE_SYM"):
        return NotEncrypted("the file is not encrypted to our key")
    if any(_NO_PACKET.search(message) for message in report.messages):
        return NotEncrypted("the file is no binary OpenPGP message")
    return None


def _damage(report: _Report) -> MusterError | None:
    if report.has("DECRYPTION_FAILED", "BADMDC", "BADSIG", "UNEXPECTED", "NODATA", "ERROR"):
        return MessageDamaged("the message was changed, cut, joined with other bytes, or is not protected")
    if report.count("NEWSIG") > 1 or report.count("PLAINTEXT") != 1:
        return MessageDamaged("the message does not hold exactly one text with one signature")
    return None


def _signature_fault(report: _Report) -> MusterError | None:
    if report.has("EXPSIG", "EXPKEYSIG", "REVKEYSIG", "KEYREVOKED"):
        return SignatureExpired("the signature or its key has expired or was revoked")
    if any(fields[5:6] == (_NO_PUBLIC_KEY,) for fields in report.fields("ERRSIG")):
        return SignerUnknown("the message is signed by a key we do not have")
    if report.has("ERRSIG"):
        return MessageDamaged("the signature cannot be checked: its algorithm is unknown or too weak")
    if not report.has("NEWSIG"):
        return NotSigned("the message is not signed")
    return None


def _sealing_fault(report: _Report, returncode: int) -> MusterError:
    for keyword, whose in (("INV_RECP", "the recipient's"), ("INV_SGNR", "our own")):
        for fields in report.fields(keyword):
            return KeyUnusable(f"{whose} key is missing, expired or revoked", fingerprint=" ".join(fields[1:]))
    return CipherUnavailable("gpg did not finish the message", returncode=returncode)
