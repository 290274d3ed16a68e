"""OpenPGP keys: ours work and last, and the providers' are there, valid and the pinned ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.clock import SystemClock
from adapters.openpgp import keyring
from adapters.openpgp.cipher import OpenPgpCipher
from adapters.settings import Settings, Workspace, resolve
from adapters.spool import FileSpool
from app.doctor.result import Check, Status
from jobs.errors import MessageDamaged
from jobs.providers import PinnedKey, Provider

_SOON = timedelta(days=60)
_PROBE = b"muster doctor"


def home(workspace: Workspace) -> Iterator[Check]:
    """Ours, private, and reachable for the agent."""
    with keyring.Home(workspace.gnupg) as opened:
        if opened.path != workspace.gnupg.resolve():
            what = f"its path is too long for the agent's socket, so {opened.path} stands for it"
            yield Check("GnuPG home", Status.WARN, what, "Use a workspace with a shorter path")
        else:
            yield Check("GnuPG home", Status.OK, str(workspace.gnupg))
    settings = workspace.gnupg / "gpg-agent.conf"
    if "auto-expand-secmem" not in (settings.read_text() if settings.exists() else ""):
        what = "the agent may run out of secure memory when many messages are made at once"
        yield Check("GnuPG home", Status.WARN, what, f"Write auto-expand-secmem 0x400000 into {settings}")


def own(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Our keys have their secret part and do not run out."""
    found = {key.fingerprint: key for key in keyring.list_keys(workspace.gnupg)}
    if not settings.own_key:
        fix = "Run `muster keys generate` and write its fingerprint into muster.toml"
        yield Check("own key", Status.FAIL, "muster.toml names no own_key", fix)
    named = {"own key": settings.own_key, "archive key": settings.archive_key or settings.own_key}
    for name, fingerprint in named.items():
        if not fingerprint or (name == "archive key" and fingerprint == settings.own_key):
            continue
        key = found.get(fingerprint)
        if key is None or not key.secret:
            fix = f"Restore {workspace.gnupg} from its backup, or correct muster.toml"
            yield Check(name, Status.FAIL, f"{fingerprint} or its secret part is not in the keyring", fix)
            continue
        ends = [moment for moment in (key.expires, key.encryption_expires) if moment is not None]
        fix = (
            f"gpg --homedir {workspace.gnupg} --quick-set-expire {fingerprint} 2y, again with '*' at its end, "
            "then send `muster keys export` to every provider"
        )
        yield _judge(name, key, min(ends, default=None), fix)


def round_trip(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Sign and encrypt to ourselves, then open it again: gpg, agent, passphrase and keys together."""
    if not settings.own_key:
        return
    passphrase = resolve(settings.passphrase, workspace) if settings.passphrase else None
    archive_key = settings.archive_key or settings.own_key
    spool = FileSpool(workspace.spool)
    with (
        OpenPgpCipher(workspace.gnupg, settings.own_key, archive_key, passphrase) as cipher,
        spool.file(".pgp") as sealed,
        spool.file() as opened,
    ):
        cipher.protect_own(_PROBE, sealed)
        cipher.open_own(sealed, opened, len(_PROBE))
        if opened.read_bytes() != _PROBE:
            raise MessageDamaged("what was opened is not what was sealed")
    yield Check("sign and encrypt", Status.OK, "a message to ourselves went round")


def partner(workspace: Workspace, provider: Provider) -> Iterator[Check]:
    """The pinned keys are in the keyring, and one of each use is good today."""
    found = {key.fingerprint: key for key in keyring.list_keys(workspace.gnupg)}
    for use, pinned in (("signer", provider.keys.signers), ("recipient", provider.keys.recipients)):
        yield from _pinned(provider.name, use, pinned, found)


def _pinned(provider: str, use: str, pinned: Sequence[PinnedKey], found: dict[str, keyring.KeyInfo]) -> Iterator[Check]:
    name = f"{provider} {use}"
    today = SystemClock().now().date()
    valid = [pin for pin in pinned if pin.valid_on(today)]
    if not valid:
        fix = f"Ask the provider for its new key, import it and pin it in providers/{provider}.toml"
        yield Check(name, Status.FAIL, "no pinned key is valid today", fix)
    for pin in valid:
        key = found.get(pin.fingerprint)
        if key is None:
            fix = f"muster keys import FILE --fingerprint {pin.fingerprint}"
            yield Check(name, Status.FAIL, f"{pin.fingerprint} is not in the keyring", fix)
            continue
        able = key.can_encrypt if use == "recipient" else key.can_sign
        if not able:
            fix = "Ask the provider for its present key, import it and pin it"
            yield Check(name, Status.FAIL, f"{pin.fingerprint} has no valid part for this use", fix)
            continue
        ends = [key.expires, key.encryption_expires if use == "recipient" else None]
        fix = "Ask the provider for the key with its new expiry date, and import it again"
        yield _judge(name, key, min((end for end in ends if end is not None), default=None), fix)


def _judge(name: str, key: keyring.KeyInfo, expires: datetime | None, fix: str) -> Check:
    if key.revoked:
        return Check(name, Status.FAIL, f"{key.fingerprint} is revoked", "Agree on a new key, import it and pin it")
    if expires is None:
        return Check(name, Status.OK, f"{key.fingerprint}, never expires")
    left = expires - SystemClock().now()
    if left <= timedelta(0):
        return Check(name, Status.FAIL, f"{key.fingerprint} has expired", fix)
    what = f"{key.fingerprint}, expires in {left.days} days"
    return Check(name, Status.WARN, what, fix) if left < _SOON else Check(name, Status.OK, what)
