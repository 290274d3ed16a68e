"""No way round the pinned host keys: what may not appear in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("formats", "jobs", "adapters", "app", "simulator", "dags", "plugins")
    for path in (ROOT / folder).rglob("*.py")
]
OPEN_DOORS = {"AutoAddPolicy", "WarningPolicy", "load_system_host_keys", "no_host_key_check", "allow_host_key_change"}
CLOSED = {"look_for_keys", "allow_agent"}


def faults(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if _name(node) in OPEN_DOORS:
            yield f"{_name(node)} lets anybody in"
        if isinstance(node, ast.Call) and _name(node.func) == "Transport":
            yield "a bare Transport checks no host key"
        if isinstance(node, ast.keyword) and node.arg in CLOSED and not _is_false(node.value):
            yield f"{node.arg} is not False"
        if isinstance(node, ast.Call) and _name(node.func) == "set_missing_host_key_policy":
            (policy,) = node.args
            if not isinstance(policy, ast.Call) or _name(policy.func) != "_PinnedOnly":
                yield "a host key policy other than _PinnedOnly"


def _is_false(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    return node.name if isinstance(node, ast.alias) else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_opens_a_door(path: Path) -> None:
    assert list(faults(path.read_text())) == []


def test_the_channel_is_among_the_sources() -> None:
    assert ROOT / "adapters/channels/sftp.py" in SOURCES


@pytest.mark.parametrize(
    "line",
    [
        "client.set_missing_host_key_policy(paramiko.AutoAddPolicy())",
        "from paramiko import WarningPolicy",
        "client.set_missing_host_key_policy(policy)",
        "paramiko.Transport(sock).connect(username='a', pkey=key)",
        "client.connect('host', look_for_keys=True)",
        "client.connect('host', allow_agent=flag)",
    ],
)
def test_the_check_itself_finds_open_doors(line: str) -> None:
    assert list(faults(line))
