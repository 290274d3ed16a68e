"""The SFTP channel uses public parts of paramiko only: SFTP itself is spoken by `adapters/channels/sftp_wire.py`.

`paramiko` is held below its next major version for what the channel knows of its ways of failing.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = sorted((ROOT / "adapters/channels").glob("*.py"))


def private(path: Path) -> set[str]:
    """Private attributes of anything but `self`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            found |= set() if getattr(node.value, "id", "") == "self" else {node.attr}
    return found


@pytest.mark.parametrize("path", CHANNELS, ids=lambda path: path.name)
def test_the_channel_uses_no_private_call(path: Path) -> None:
    assert private(path) == set()


def test_a_private_call_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("self._a.sftp._request(1)\nself._own\n")
    assert private(tmp_path / "a.py") == {"_request"}


def test_paramiko_is_held_below_its_next_major_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "paramiko>=5,<6" in project["dependencies"]
