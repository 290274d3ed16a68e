"""The rule accepts exactly one sequence of status lines and names every other outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.openpgp.message_rule import CLOCK_TOLERANCE, judge, judge_sealed
from jobs.errors import (
    CipherUnavailable,
    KeyUnusable,
    MessageDamaged,
    MessageRefused,
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

OWN = "0" * 39 + "1"
SIGNER = "A" * 40
SUBKEY = "B" * 40
SIGNED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = int(SIGNED_AT.timestamp())


def valid_sig(*, at: object = SECONDS, digest: str = "8", kind: str = "00", primary: str = SIGNER) -> str:
    return f"[GNUPG:] VALIDSIG {SUBKEY} 2026-03-01 {at} 0 4 0 22 {digest} {kind} {primary}"


REMARKS = [
    "[GNUPG:] ENC_TO F27395A7B4B496C0 18 0",
    f"[GNUPG:] KEY_CONSIDERED {OWN} 0",
    f"[GNUPG:] DECRYPTION_KEY {SUBKEY} {OWN} u",
    "gpg: encrypted with 255-bit ECDH key, ID F27395A7B4B496C0, created 2026-03-01",
    "[GNUPG:] PLAINTEXT_LENGTH 6756",
    "[GNUPG:] SIG_ID X2vvkMIzL5HPCT9NJGpPdps60Zg 2026-03-01 1795311661",
    'gpg: Good signature from "Provider <keys@example.com>" [unknown]',
    "[GNUPG:] TRUST_UNDEFINED 0 pgp",
    "",
]
STEPS = [
    "[GNUPG:] BEGIN_DECRYPTION",
    "[GNUPG:] DECRYPTION_INFO 2 9 0",
    "[GNUPG:] PLAINTEXT 62 1795311661 ",
    "[GNUPG:] NEWSIG",
    "[GNUPG:] GOODSIG 8159C7A5FC284C26 Provider <keys@example.com>",
    valid_sig(),
    "[GNUPG:] DECRYPTION_OKAY",
    "[GNUPG:] GOODMDC",
    "[GNUPG:] END_DECRYPTION",
]
FAULTS = [
    "[GNUPG:] BADSIG 8159C7A5FC284C26 Provider",
    "[GNUPG:] EXPSIG 8159C7A5FC284C26 Provider",
    "[GNUPG:] EXPKEYSIG 8159C7A5FC284C26 Provider",
    "[GNUPG:] REVKEYSIG 8159C7A5FC284C26 Provider",
    "[GNUPG:] KEYREVOKED",
    f"[GNUPG:] ERRSIG 568722DC61AADE8D 22 10 00 {SECONDS} 9 {SUBKEY}",
    "[GNUPG:] NO_PUBKEY 568722DC61AADE8D",
    "[GNUPG:] NODATA 3",
    "[GNUPG:] BADMDC",
    "[GNUPG:] UNEXPECTED 0",
    "[GNUPG:] DECRYPTION_FAILED",
    "[GNUPG:] FAILURE decrypt 4294967295",
    "[GNUPG:] ERROR pkdecrypt_failed 67108875",
    "[GNUPG:] A_KEYWORD_OF_A_LATER_GPG",
]
ENCRYPTED = [*REMARKS[:3], STEPS[0], STEPS[1]]


def verdict(lines: list[str], returncode: int = 0, allowed: frozenset[str] = frozenset({SIGNER})) -> Opened:
    return judge(lines, returncode, allowed=allowed, own={OWN}, now=SIGNED_AT)


def test_one_good_signature_by_an_allowed_key_is_accepted() -> None:
    assert verdict([*REMARKS[:4], *STEPS, *REMARKS[4:]]) == Opened(SIGNER, SIGNED_AT)


@given(
    st.lists(st.sampled_from(STEPS + FAULTS + REMARKS), max_size=16)
    | st.permutations(STEPS)
    | st.lists(st.integers(0, 9), max_size=3).map(lambda drop: [s for i, s in enumerate(STEPS) if i not in drop])
    | st.tuples(st.integers(0, 9), st.sampled_from(STEPS + FAULTS + REMARKS)).map(
        lambda extra: [*STEPS[: extra[0]], extra[1], *STEPS[extra[0] :]]
    ),
    st.sampled_from([0, 0, 0, 1, 2, -9]),
)
@example(STEPS, 0)
@example([*STEPS, *STEPS], 0)
def test_nothing_but_the_exact_steps_is_ever_accepted(lines: list[str], returncode: int) -> None:
    exact = [line for line in lines if line not in REMARKS] == STEPS and returncode == 0
    if exact:
        assert verdict(lines, returncode).signer == SIGNER
    else:
        with pytest.raises(MusterError) as caught:
            verdict(lines, returncode)
        assert isinstance(caught.value, MessageRefused | CipherUnavailable | KeyUnusable)


@given(st.text(), st.integers(-20, 255))
def test_no_output_whatever_breaks_the_rule(text: str, returncode: int) -> None:
    with pytest.raises(MusterError):
        verdict([f"[GNUPG:] {text}", text], returncode)


def test_a_status_line_inside_a_message_counts_for_nothing() -> None:
    hidden = [f"gpg: {line}" for line in STEPS]
    with pytest.raises(MessageRefused):
        verdict(hidden)
    assert verdict([*hidden, *STEPS]).signer == SIGNER


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        (valid_sig(primary="C" * 40), SignerNotAllowed),
        (valid_sig(primary=SUBKEY), SignerNotAllowed),
        (valid_sig(primary=SIGNER.lower()), SignerNotAllowed),
        (valid_sig(digest="1"), MessageDamaged),
        (valid_sig(digest="2"), MessageDamaged),
        (valid_sig(digest="3"), MessageDamaged),
        (valid_sig(kind="01"), MessageDamaged),
        (valid_sig(at="20260301T120000"), MessageDamaged),
        (valid_sig(at="9" * 20), MessageDamaged),
        (valid_sig(at=SECONDS + 301), SignatureExpired),
        (f"[GNUPG:] VALIDSIG {SIGNER} 2026-03-01 {SECONDS} 0 4 0 22 8 00", MessageDamaged),
        ("[GNUPG:] VALIDSIG", MessageDamaged),
    ],
)
def test_every_field_of_the_signature_counts(changed: str, error: type[MusterError]) -> None:
    with pytest.raises(error):
        verdict([changed if "VALIDSIG" in line else line for line in STEPS])


def test_a_subkeys_own_fingerprint_opens_nothing() -> None:
    with pytest.raises(SignerNotAllowed):
        verdict(STEPS, allowed=frozenset({SUBKEY}))


def test_a_clock_a_little_behind_is_tolerated() -> None:
    assert judge(STEPS, 0, allowed={SIGNER}, own={OWN}, now=SIGNED_AT - CLOCK_TOLERANCE)
    with pytest.raises(SignatureExpired):
        judge(STEPS, 0, allowed={SIGNER}, own={OWN}, now=SIGNED_AT - CLOCK_TOLERANCE - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ([*ENCRYPTED, STEPS[2], *STEPS[6:]], NotSigned),
        ([*ENCRYPTED, *STEPS[2:4], FAULTS[5], FAULTS[6], *STEPS[6:]], SignerUnknown),
        ([*ENCRYPTED, *STEPS[2:4], FAULTS[5].replace(" 9 ", " 5 "), *STEPS[6:]], MessageDamaged),
        ([*ENCRYPTED, *STEPS[2:4], FAULTS[1], STEPS[5]], SignatureExpired),
        ([*ENCRYPTED, *STEPS[2:4], FAULTS[2], *STEPS[5:]], SignatureExpired),
        ([*ENCRYPTED, *STEPS[2:4], FAULTS[3], *STEPS[5:]], SignatureExpired),
        ([*ENCRYPTED, *STEPS[2:6], "[GNUPG:] BADMDC", "[GNUPG:] DECRYPTION_FAILED", STEPS[8]], MessageDamaged),
        ([*ENCRYPTED, *STEPS[2:], *STEPS[2:6]], MessageDamaged),
        ([], MessageDamaged),
        (STEPS[2:6], NotEncrypted),
        (["[GNUPG:] NEED_PASSPHRASE_SYM 9 3 2"], NotEncrypted),
        (["gpg: [don't know]: invalid packet (ctb=48)", "[GNUPG:] NODATA 3"], NotEncrypted),
        (["gpg: [don't know]: invalid packet (ctb=9f)", "[GNUPG:] NODATA 3"], MessageDamaged),
        ([REMARKS[0], f"[GNUPG:] KEY_CONSIDERED {SIGNER} 0", "[GNUPG:] NO_SECKEY F273", STEPS[0]], NotEncrypted),
        ([*REMARKS[:2], "[GNUPG:] NO_SECKEY F273", STEPS[0], FAULTS[10]], KeyUnusable),
        ([*REMARKS[:2], "[GNUPG:] ERROR pkdecrypt_failed 67108875", STEPS[0], FAULTS[10]], PassphraseWrong),
        ([*REMARKS[:2], "[GNUPG:] NEED_PASSPHRASE B8128BB2A301792F 568722DC61AADE8D 18 0"], PassphraseWrong),
        ([*STEPS[:3], "gpg: error writing to 'x': exceeded --max-output limit", *STEPS[6:]], MessageTooLarge),
        ([*STEPS, "gpg: error closing 'x': No space left on device"], CipherUnavailable),
        ([STEPS[0], FAULTS[10], "gpg: public key decryption failed: Cannot allocate memory"], CipherUnavailable),
        (["gpg: can't connect to the agent: General error", "[GNUPG:] NO_SECKEY F273"], CipherUnavailable),
    ],
)
def test_each_outcome_has_its_own_error(lines: list[str], error: type[MusterError]) -> None:
    with pytest.raises(MusterError) as caught:
        verdict(lines, 2)
    assert type(caught.value) is error


def test_gpg_killed_by_the_system_can_heal() -> None:
    with pytest.raises(CipherUnavailable):
        verdict(ENCRYPTED, -9)


SEALED = [
    "[GNUPG:] BEGIN_SIGNING H8",
    f"[GNUPG:] SIG_CREATED S 22 8 00 {SECONDS} {OWN}",
    "[GNUPG:] BEGIN_ENCRYPTION 2 9",
    "[GNUPG:] END_ENCRYPTION",
]


def test_a_sealed_message_was_signed_and_encrypted() -> None:
    judge_sealed(SEALED, 0)
    for missing in (1, 3):
        with pytest.raises(CipherUnavailable):
            judge_sealed([line for i, line in enumerate(SEALED) if i != missing], 0)
    with pytest.raises(CipherUnavailable):
        judge_sealed(SEALED, 2)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (f"[GNUPG:] INV_RECP 1 {SIGNER}", KeyUnusable),
        (f"[GNUPG:] INV_SGNR 9 {OWN}", KeyUnusable),
        ("[GNUPG:] FAILURE sign-encrypt 67108875", KeyUnusable),
        ("gpg: filter_flush failed on close: No space left on device", CipherUnavailable),
        ("[GNUPG:] FAILURE sign-encrypt 32854", CipherUnavailable),
    ],
)
def test_why_a_message_was_not_sealed(line: str, error: type[MusterError]) -> None:
    with pytest.raises(error):
        judge_sealed([*SEALED[:1], line], 2)
