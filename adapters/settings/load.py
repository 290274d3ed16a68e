"""Loads a workspace's configuration as a whole: every fault of every file, or typed settings."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from adapters.settings.faults import Fault, FileFaults
from adapters.settings.model import Config, Settings
from adapters.settings.rules import PROVIDER_NAME
from adapters.settings.shape import tidy, typed
from adapters.settings.workspace import Workspace
from formats.rules import LISTS
from jobs.errors import ConfigurationFaulty
from jobs.providers import Folders, Provider, UnknownOutcomePolicy

_SHOWN = 3


def load(workspace: Workspace, kinds: Collection[str]) -> Settings:
    """The settings; `kinds` are the names of the provider kinds there are.

    Raises ConfigurationFaulty, whose fact `faults` lists every Fault of all files. Reads files only:
    no network, no secrets, no database.
    """
    settings, faults = _read(workspace, kinds)
    if faults or settings is None:
        shown = "; ".join(f"{fault.path} {fault.what}" for fault in faults[:_SHOWN])
        more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise ConfigurationFaulty(f"the configuration has {count}: {shown}{more}", faults=faults)
    return settings


def check(workspace: Workspace, kinds: Collection[str]) -> list[Fault]:
    """Every fault of the configuration, `muster.toml` first, then the providers by name."""
    return _read(workspace, kinds)[1]


def _read(workspace: Workspace, kinds: Collection[str]) -> tuple[Settings | None, list[Fault]]:
    config, faults = _config(workspace)
    providers: list[Provider] = []
    prefixes: dict[str, str] = {}
    for path in _provider_files(workspace, faults):
        file_faults = FileFaults(f"{workspace.providers.name}/{path.name}")
        provider = _provider(path, kinds, prefixes, file_faults)
        faults += file_faults.found
        if provider is not None:
            providers.append(_placed(provider, workspace))
    if config is None:
        return None, faults
    return _settings(config, tuple(providers), workspace), faults


def _provider_files(workspace: Workspace, faults: list[Fault]) -> list[Path]:
    """The provider files by name; hidden files are editors' and our own unfinished ones."""
    folder = workspace.providers
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        remedy = "Make it a folder this user may list"
        faults.append(Fault(folder.name, f"cannot be listed ({error.strerror})", remedy))
        return []


def _config(workspace: Workspace) -> tuple[Config | None, list[Fault]]:
    faults = FileFaults(workspace.config.name)
    raw = _toml(workspace.config, faults)
    config = None if raw is None else typed(Config, tidy(Config, raw, faults), faults)
    for name in sorted(set(config.uploads.rules.lists) - set(LISTS) if config else ()):
        faults.add(("uploads", "rules", "lists", name), "is no list of a template", f"There are {', '.join(LISTS)}")
    return config, faults.found


def _settings(config: Config, providers: tuple[Provider, ...], workspace: Workspace) -> Settings:
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    fields["registry_url"] = config.registry_url or f"sqlite:///{workspace.registry}"
    fields["archive"] = workspace.home / config.archive
    return Settings(**fields, providers=providers)


def _placed(provider: Provider, workspace: Workspace) -> Provider:
    if provider.folder is None:
        return provider
    folder = dataclasses.replace(provider.folder, path=str(workspace.home / provider.folder.path))
    return dataclasses.replace(provider, folder=folder)


def _toml(path: Path, faults: FileFaults) -> dict[str, Any] | None:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        faults.add((), f"is not valid TOML: {error}", "Mend that line; text stands in quotes, tables in [brackets]")
    except UnicodeDecodeError:
        faults.add((), "is not UTF-8 text", "Save the file as UTF-8")
    except (RecursionError, ValueError):  # of Python's own: it reads no number of thousands of digits, either
        faults.add((), "is nested too deeply, or holds an endless number", "Take out what no setting needs")
    except FileNotFoundError:
        faults.add((), f"is missing in {path.parent}", "Run `muster init`, or point MUSTER_HOME to the workspace")
    except OSError as error:
        faults.add((), f"cannot be read ({error.strerror})", "Give this user the right to read it")
    return None


def _provider(path: Path, kinds: Collection[str], prefixes: dict[str, str], faults: FileFaults) -> Provider | None:
    name = path.stem
    if not PROVIDER_NAME.fullmatch(name):
        remedy = "Rename it: a small letter, then at most 30 small letters, digits, '_' and '-', then .toml"
        faults.add((), "has a name that is no provider name", remedy)
    raw = _toml(path, faults)
    if raw is None:
        return None
    if raw.get("name", name) != name:
        faults.add(("name",), f"differs from the file's name {name!r}", "Remove it, or rename the file")
    tidied = tidy(Provider, {"keys": {}, **raw, "name": name}, faults)
    _check_kind(tidied, kinds, faults)
    _check_channel(tidied, faults)
    _check_validity(tidied, faults)
    _check_folders(tidied, faults)
    _check_resend(tidied, faults)
    _check_prefix(tidied, prefixes, faults)
    return typed(Provider, tidied, faults)


def _check_kind(raw: Mapping[str, Any], kinds: Collection[str], faults: FileFaults) -> None:
    kind = raw.get("kind")
    if isinstance(kind, str) and kind not in kinds:
        near = difflib.get_close_matches(kind, sorted(kinds), 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Write one of " + ", ".join(sorted(kinds))
        faults.add(("kind",), "is not a provider kind of this installation", hint)


def _check_channel(raw: Mapping[str, Any], faults: FileFaults) -> None:
    if raw.get("sftp") is None and raw.get("folder") is None:
        faults.add(("sftp",), "is missing, and so is folder: there is no channel", "Write one of these two tables")
    elif "sftp" in raw and "folder" in raw:
        faults.add(("folder",), "stands beside sftp: a provider has one channel", "Remove one of the two tables")


def _check_validity(raw: Mapping[str, Any], faults: FileFaults) -> None:
    for use in ("signers", "recipients"):
        pinned = raw["keys"].get(use) if isinstance(raw["keys"], dict) else None
        for index, key in enumerate(pinned if isinstance(pinned, list) else []):
            if isinstance(key, dict) and _is_backwards(key):
                faults.add(("keys", use, index, "valid_until"), "lies before valid_from", "Swap the two dates")


def _is_backwards(key: Mapping[str, Any]) -> bool:
    try:
        return bool(key["valid_until"] < key["valid_from"])
    except (KeyError, TypeError):  # one is missing or no date; the latter is a fault of its own
        return False


def _check_folders(raw: Mapping[str, Any], faults: FileFaults) -> None:
    """The folders in force, defaults included, must be different ones: else we would read what we sent."""
    given = raw.get("folders", {})
    if not isinstance(given, dict):
        return
    seen: set[str] = set()
    for key in ("outbound", "inbound", "inbound_done"):
        folder = given.get(key, getattr(Folders, key))
        if not isinstance(folder, str):
            continue
        if folder in seen:
            faults.add(("folders", key), "is the same folder as another one", "Give each use a folder of its own")
        seen.add(folder)


def _check_resend(raw: Mapping[str, Any], faults: FileFaults) -> None:
    resends = raw.get("on_unknown_outcome") == UnknownOutcomePolicy.RESEND
    if resends and raw.get("removes_duplicates_by_batch") is not True:
        faults.add(
            ("on_unknown_outcome",),
            "may be 'resend' only for a provider that removes duplicates by batch number",
            "Set removes_duplicates_by_batch = true if the provider guarantees it in writing, else write 'hold'",
        )


def _check_prefix(raw: Mapping[str, Any], prefixes: dict[str, str], faults: FileFaults) -> None:
    """Batch numbers are upper case, so prefixes must differ in more than case."""
    prefix = raw.get("file_prefix") or raw["name"]
    if not isinstance(prefix, str):
        return
    other = prefixes.setdefault(prefix.upper(), raw["name"])
    if other != raw["name"]:
        remedy = "Give one of the two a file_prefix of its own"
        faults.add(("file_prefix",), f"is the file prefix of provider {other!r}, too", remedy)
