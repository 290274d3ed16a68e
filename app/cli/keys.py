"""`muster keys`: our OpenPGP keys and the providers'."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.state import Json, State, command, group
from jobs.errors import Setup

if TYPE_CHECKING:
    from rich.text import Text

    from adapters.openpgp.keyring import KeyInfo
    from adapters.settings import Settings

CONTACT = "muster@example.com"
_SOON = timedelta(days=60)


class KeyThere(Setup):
    code = "KEY_THERE"
    remedy = "See it with `muster keys list`; what lies in the archive opens only with this key, so renew its expiry"


class NoKey(Setup):
    code = "NO_KEY"
    remedy = "Run `muster keys generate` and enter the fingerprint as own_key"


def register(app: typer.Typer) -> None:
    keys = group("keys", "OpenPGP keys: list, export, import, generate.")
    command(keys, "list", "Every key: whose, what for, how long.", "muster keys list")(list_keys)
    command(
        keys,
        "export",
        "Our public key, to hand to a provider.",
        "muster keys export > our-key.asc",
        more="Tell the provider the fingerprint by another way, such as the phone.",
    )(export)
    command(
        keys,
        "import",
        "Take in a provider's public key.",
        "muster keys import acme.asc --fingerprint 0123…4567 --reason 'new key'",
        more="Ask for the fingerprint by another way than the file came. "
        "The key is used only once the provider's file pins it under [keys].",
    )(import_key)
    command(keys, "generate", "Make our own key, where there is none.", "muster keys generate")(generate)
    app.add_typer(keys)


def list_keys(ctx: typer.Context, as_json: Json = False) -> None:
    from adapters.openpgp import keyring
    from app.cli.screen import print_json, results, table

    settings = ctx.obj.settings()
    found = keyring.list_keys(ctx.obj.workspace.gnupg)
    uses = _uses(settings)
    missing = [fingerprint for fingerprint in uses if fingerprint not in {key.fingerprint for key in found}]
    if as_json:
        listed = [{**vars(key), "uses": uses.get(key.fingerprint, [])} for key in found]
        print_json({"keys": listed, "missing": [{"fingerprint": key, "uses": uses[key]} for key in missing]})
        return
    for key in found:
        _show_key(key, uses.get(key.fingerprint, []), settings)
    if missing:
        results().print("\nNot in the keyring: muster keys import FILE --fingerprint …", style="bold red")
        results().print(table(["Fingerprint", "Pinned as"], [(key, ", ".join(uses[key])) for key in missing]))


def export(ctx: typer.Context) -> None:
    from adapters.openpgp import keyring
    from app.cli.screen import messages

    settings = ctx.obj.settings()
    if not settings.own_key:
        raise NoKey("muster.toml names no own_key")
    typer.echo(keyring.export_public(ctx.obj.workspace.gnupg, settings.own_key).decode("ascii"), nl=False)
    messages().print(f"Fingerprint: {spaced(settings.own_key)}")


def import_key(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The key file.", exists=True, dir_okay=False, show_default=False)
    ],
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", metavar="HEX", help="As a person told it.", show_default=False)
    ],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="For the audit trail.", show_default=False)
    ] = "",
) -> None:
    from adapters.openpgp import keyring
    from app.cli.screen import results

    expected = "".join(fingerprint.split()).upper()
    with _audited(ctx.obj, "key imported", expected, reason):
        keyring.import_public(ctx.obj.workspace.gnupg, file.read_bytes(), expected)
    results().print(f"Imported {spaced(expected)}")
    results().print(f'  Next: pin it in providers/<name>.toml under [keys]: {{ fingerprint = "{expected}" }}')


def generate(
    ctx: typer.Context,
    email: Annotated[
        str, typer.Option("--email", metavar="ADDRESS", help="Stands on the key, for partners to see.")
    ] = CONTACT,
) -> None:
    from adapters.openpgp import keyring
    from adapters.settings import resolve
    from app.cli.screen import results

    settings = ctx.obj.settings()
    if settings.own_key:
        raise KeyThere(f"there is a key already: {settings.own_key}")
    passphrase = resolve(settings.passphrase, ctx.obj.workspace) if settings.passphrase else None
    fingerprint = keyring.generate(ctx.obj.workspace.gnupg, settings.organisation or "Muster", email, passphrase)
    with _audited(ctx.obj, "key generated", fingerprint, ""):
        results().print(f"Made the key {spaced(fingerprint)}")
    results().print(f'  Next: write own_key = "{fingerprint}" into {ctx.obj.workspace.config}', soft_wrap=True)


def spaced(fingerprint: str) -> str:
    """In groups of four, as people compare it."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def _uses(settings: Settings) -> dict[str, list[str]]:
    """Fingerprints the configuration names, each with its uses."""
    uses: dict[str, list[str]] = {}
    for fingerprint, use in ((settings.own_key, "own key"), (settings.archive_key, "archive key")):
        if fingerprint:
            uses.setdefault(fingerprint, []).append(use)
    for provider in settings.providers:
        for pinned, use in ((provider.keys.signers, "signer"), (provider.keys.recipients, "recipient")):
            for key in pinned:
                uses.setdefault(key.fingerprint, []).append(f"{provider.name} {use}")
    return uses


def _show_key(key: KeyInfo, uses: list[str], settings: Settings) -> None:
    from rich.text import Text

    from app.cli.screen import facts, results

    results().print(Text(spaced(key.fingerprint), "bold"))
    results().print(
        facts(
            [
                ("name", key.user_id),
                ("used as", ", ".join(uses) or "nothing: no setting names it"),
                ("secret part", "here" if key.secret else ""),
                ("valid", _expiry(key.expires, settings, revoked=key.revoked)),
                ("encrypts", _expiry(key.encryption_expires, settings) if key.can_encrypt else Text("no", "bold red")),
            ]
        )
    )


def _expiry(expires: datetime | None, settings: Settings, revoked: bool = False) -> Text:
    from rich.text import Text

    from adapters.clock import SystemClock
    from app.cli.screen import moment, plural

    if revoked:
        return Text("revoked", "bold red")
    if expires is None:
        return Text("for ever")
    left = expires - SystemClock().now()
    shown = f"until {moment(expires, settings.zone)}"
    if left < timedelta(0):
        return Text(f"{shown}, expired", "bold red")
    return Text(f"{shown}, in {plural(left.days, 'day')}", "yellow" if left < _SOON else "")


@contextmanager
def _audited(state: State, action: str, fingerprint: str, reason: str) -> Iterator[None]:
    """The block and its audit row: both or neither."""
    from adapters.clock import SystemClock
    from adapters.settings import actor

    with state.registry(change=True) as (registry, _), registry.transaction() as tx:
        now = SystemClock().now()
        tx.audit.append(actor=actor(), action=action, subject=f"key {fingerprint}", now=now, reason=reason)
        yield
