"""Writes commented TOML files: a template in which the given values replace the commented defaults.

In a template an option that is not set is a line `#key = default`, a table `#[table]`; lines that begin
with `# ` are prose. A test holds the templates to the defaults of the settings.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from adapters.settings.faults import Fault
from adapters.settings.rules import PROVIDER_NAME
from adapters.settings.workspace import Workspace
from jobs.errors import ConfigurationFaulty

_TEMPLATES = Path(__file__).parent / "templates"
_TABLE = re.compile(r"#?\[([a-z_.]+)\]")
_OPTION = re.compile(r"#?([a-z_]+) = .*")
_MODE = 0o640
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def write_provider(workspace: Workspace, name: str, values: Mapping[str, object], overwrite: bool = False) -> Path:
    """`providers/<name>.toml` with `values` (nested like the file), everything else commented.

    Values are not checked here: `check` does that. Raises ConfigurationFaulty if the name is no
    provider name, a key is unknown, or the file exists and `overwrite` is not asked for.
    """
    path = workspace.providers / f"{name}.toml"
    if not PROVIDER_NAME.fullmatch(name):
        remedy = "Use a small letter, then at most 30 small letters, digits, '_' and '-'"
        raise _faulty(f"{workspace.providers.name}/{name!r}", "is no provider name", remedy)
    return _write(path, f"{workspace.providers.name}/{path.name}", "provider.toml", values, overwrite)


def write_config(workspace: Workspace, values: Mapping[str, object], overwrite: bool = False) -> Path:
    """`muster.toml`, in the way of `write_provider`."""
    return _write(workspace.config, workspace.config.name, "muster.toml", values, overwrite)


def _write(path: Path, shown: str, template: str, values: Mapping[str, object], overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        raise _faulty(shown, "exists already", "Edit it, or ask for it to be overwritten")
    text = _filled((_TEMPLATES / template).read_text(encoding="utf-8"), dict(_flat(values)), shown)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.chmod(_MODE)
    part.replace(path)
    return path


def _flat(values: Mapping[str, object], table: str = "") -> Iterator[tuple[tuple[str, str], str]]:
    """((table, key), TOML text) of every value; None means: leave the default."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{table}.{key}" if table else key)
        elif value is not None:
            yield (table, key), _toml(value)


def _filled(template: str, values: dict[tuple[str, str], str], shown: str) -> str:
    lines = []
    table = ""
    used = {name for name, _ in values}
    for line in template.splitlines():
        if match := _TABLE.fullmatch(line):
            table = match[1]
            line = line.removeprefix("#") if table in used else line
        elif match := _OPTION.fullmatch(line):
            value = values.pop((table, match[1]), None)
            line = line if value is None else f"{match[1]} = {value}"
        lines.append(line)
    if values:
        name, key = next(iter(values))
        raise _faulty(f"{shown}: {f'{name}.' if name else ''}{key}", "is not a known key", "Remove it")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A value as TOML 1.0 text."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() | Path():
            return _string(str(value))
        case timedelta():
            return _duration(value)
        case date():
            return value.isoformat()
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items() if item is not None) + " }"
        case Sequence():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
    raise TypeError(f"a {type(value).__name__} has no place in a TOML file")


def _string(text: str) -> str:
    """JSON's escapes are TOML's; DEL alone must be escaped in TOML and is not in JSON."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _duration(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    unit, size = next(item for item in _UNITS if seconds % item[1] == 0)
    return _string(f"{seconds // size}{unit}") if seconds else _string("0s")


def _faulty(path: str, what: str, remedy: str) -> ConfigurationFaulty:
    return ConfigurationFaulty(f"{path} {what}", faults=[Fault(path, what, remedy)])
