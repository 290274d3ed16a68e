"""Rules for single values: each takes what the file says and returns what is meant, or raises Wrong.

`RULES` gives the rule of a key by the dataclass and the field it becomes.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from adapters.settings.cron import cron
from adapters.settings.faults import Wrong
from adapters.settings.host_keys import ASK, host_key
from adapters.settings.model import BodySettings, Config, InboxSettings, InboxSource, UploadSettings, UploadSource
from adapters.settings.secrets import Scheme, split_reference
from formats.rules import Rules
from jobs.providers import Folders, FolderSettings, Keys, PinnedKey, Provider, Schedules, SftpSettings

PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_FILE_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}|[0-9A-Fa-f:.]{2,45}")
_DURATION = re.compile(r"(\d{1,6})([smhd])")
_NO_PATTERN = (re.error, FutureWarning, OverflowError, RecursionError)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SAFE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
# The parts of a pattern: operators to skip, and in the group what matches one character.
_PART = re.compile(r"\{(?:\d+(?:,\d*)?|,\d*)\}|\(\?:|[*+?|()]|(\\.|\[\^?\]?(?:\\.|[^\]])*\]|.)", re.DOTALL)


def duration(text: str) -> timedelta:
    """`30s`, `5m`, `1h` or `2d`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Wrong("is not a duration", 'Write a number and a unit in quotes: "30s", "5m", "1h" or "2d"')
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _positive_duration(text: str) -> timedelta:
    span = duration(text)
    if not span:
        raise Wrong("must be longer than nothing", 'Write a time such as "30s"')
    return span


def _fingerprint(text: str) -> str:
    """40 (or, for version 5 keys, 64) hexadecimal digits, upper case; spaces between them are dropped."""
    digits = "".join(text.split()).upper()
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", digits):
        raise Wrong(
            "is no full OpenPGP fingerprint (40 hexadecimal digits)",
            "Take the fingerprint of the primary key, as `gpg --fingerprint` shows it; short key ids can be forged",
        )
    return digits


def _fingerprint_or_empty(text: str) -> str:
    return _fingerprint(text) if text.strip() else ""


def _reference(text: str) -> str:
    if split_reference(text) is None:  # it may be the secret itself, so it is not shown
        raise Wrong(
            "is not a reference to a secret",
            "Write connection:<id>, env:<NAME> or file:<path>; a secret itself never stands in this file",
        )
    return text


def _folder(text: str) -> str:
    parts = text.rstrip("/").split("/")
    if not text.isprintable() or "\\" in text or text.startswith("/") or ".." in parts or "" in parts:
        raise Wrong(
            "is not a folder below the login folder",
            'Write a relative path with "/" and without "..", such as "outbox/new"',
        )
    return "/".join(parts)


def _path(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise Wrong("is not a path", "Write the path of a folder, absolute or relative to the workspace")
    return text


def _file_prefix(text: str) -> str:
    if text and not _FILE_PREFIX.fullmatch(text):
        raise Wrong(
            "would make unsafe file names", "Use at most 64 letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return text


def _name_pattern(text: str) -> str:
    """A regular expression for whole names of files, as people give them; what may not be used no pattern admits."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # such as "[[": another meaning in a later Python
            re.compile(text)
    except _NO_PATTERN as error:
        raise Wrong(f"is no regular expression: {error}", r'Write one such as "ACME-[0-9]+\\.pgp"') from None
    return text


def _file_pattern(text: str) -> str:
    """A regular expression for whole file names, each part of which admits only A-Z a-z 0-9 . _ - of ASCII."""
    _name_pattern(text)
    for part in filter(None, _PART.findall(text)):
        if not _admitted(part) <= _SAFE_CHARACTERS:
            raise Wrong(
                f"admits unsafe file names by its part {part!r}",
                "Use only letters, digits, '_', '-', escaped dots and classes such as [A-Za-z0-9._-]",
            )
    return text


def _admitted(part: str) -> set[str]:
    """The ASCII characters that one part of a pattern matches."""
    try:
        return {char for char in map(chr, range(128)) if re.fullmatch(part, char, re.DOTALL)}
    except re.error:  # a part that makes sense only in its place, such as a back reference
        return {part}


def _regex(text: str) -> str:
    """A regular expression that RE2 and Python read alike: no look-around, no back references."""
    try:
        re.compile(text)
    except _NO_PATTERN as error:
        raise Wrong(f"is no regular expression: {error}", 'Write one such as "(?:CHH|EVH)000[0-9A-Z]*"') from None
    if re.search(r"\(\?[=!<]|\\[1-9]", text):
        raise Wrong("uses look-around or a back reference", "Write it without")
    return text


def _country_code(text: str) -> str:
    if not re.fullmatch(r"\+[1-9][0-9]{0,3}", text):
        raise Wrong("is no country code", 'Write it with a plus, such as "+91"')
    return text


def _firmware(text: str) -> str:
    if text and not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2}){3}", text):
        raise Wrong("is no firmware version", 'Write four numbers, such as "00.06.18.32"')
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise Wrong("is no host name", 'Write the name or address alone, such as "sftp.example.com"')
    return text


def _user(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise Wrong("is no user name", "Write the user name the provider gave you")
    return text


def _time_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        near = difflib.get_close_matches(text, available_timezones(), 1)
        hint = f"Did you mean {near[0]!r}?" if near else 'Write "UTC" or a name such as "Europe/Berlin"'
        raise Wrong("is no IANA time zone", hint) from None
    return text


def _registry_url(text: str) -> str:
    found = split_reference(text)
    if text == "" or (found is not None and found[0] is not Scheme.CONNECTION):
        return text
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError:
        raise Wrong("is no database URL", "Write a URL, or a reference env:<NAME> or file:<path>") from None
    if secret:
        raise Wrong("holds a password", "Put the whole URL into an environment variable and write env:<NAME> here")
    backend = parts.scheme.partition("+")[0]
    if backend not in ("sqlite", "postgresql"):
        raise Wrong("is no SQLite or PostgreSQL URL", 'Write "postgresql+psycopg://user@host/name" or leave it empty')
    if backend == "sqlite" and not parts.path.startswith("//"):
        raise Wrong("names no absolute path", 'Write "sqlite:////absolute/path/registry.db" or leave it empty')
    return text


RULES: dict[tuple[type, str], Callable[[str], object]] = {
    (SftpSettings, "host"): _host,
    (SftpSettings, "user"): _user,
    (SftpSettings, "host_keys"): host_key,
    (SftpSettings, "credential"): _reference,
    (SftpSettings, "timeout"): _positive_duration,
    (SftpSettings, "deadline"): _positive_duration,
    (FolderSettings, "path"): _path,
    (Folders, "outbound"): _folder,
    (Folders, "inbound"): _folder,
    (Folders, "inbound_done"): _folder,
    (Folders, "inbound_pattern"): _file_pattern,
    (PinnedKey, "fingerprint"): _fingerprint,
    (Schedules, "request"): cron,
    (Schedules, "response"): cron,
    (Provider, "file_prefix"): _file_prefix,
    (Config, "time_zone"): _time_zone,
    (Config, "registry_url"): _registry_url,
    (Config, "archive"): _path,
    (Config, "own_key"): _fingerprint_or_empty,
    (Config, "archive_key"): _fingerprint_or_empty,
    (Config, "passphrase"): _reference,
    (InboxSettings, "patterns"): _name_pattern,
    (InboxSettings, "schedule"): cron,
    (InboxSource, "folder"): _folder,
    (InboxSource, "done_folder"): _folder,
    (UploadSettings, "schedule"): cron,
    (BodySettings, "deadline"): _positive_duration,
    (UploadSource, "folder"): _folder,
    (Rules, "placeholder_pattern"): _regex,
    (Rules, "vin_pattern"): _regex,
    (Rules, "country_code"): _country_code,
    (Rules, "minimum_firmware"): _firmware,
    (Rules, "latest_firmware"): _firmware,
}

_ADD_KEY = 'Add { fingerprint = "…" } with the full fingerprint of the provider\'s key'

# Lists that may neither be missing nor be empty.
NOT_EMPTY: dict[type, dict[str, tuple[str, str]]] = {
    SftpSettings: {"host_keys": ("pins no host key", ASK)},
    Keys: {
        "signers": ("names no key whose signature is accepted", _ADD_KEY),
        "recipients": ("names no key to encrypt to", _ADD_KEY),
    },
}
