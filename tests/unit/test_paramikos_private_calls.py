"""The SFTP channel uses a few private parts of paramiko: which ones, and that they are what they were.

`paramiko` is held below its next major version for their sake; a minor one that changes them fails here first.
"""

from __future__ import annotations

import ast
import inspect
import tomllib
from pathlib import Path

import paramiko
import pytest

from adapters.channels import sftp

ROOT = Path(__file__).resolve().parents[2]
PRIVATE = {
    "_async_request": (paramiko.SFTPClient, ["self", "fileobj", "t", "args"]),
    "_read_response": (paramiko.SFTPClient, ["self", "waitfor"]),
    "_convert_status": (paramiko.SFTPClient, ["self", "msg"]),
    "_request": (paramiko.SFTPClient, ["self", "t", "args"]),
    "_from_msg": (paramiko.SFTPAttributes, ["msg", "filename", "longname"]),
}
HOLDERS = {"_sftp", "wire", "attributes"}
"""Names under which the channel holds parts of paramiko."""


def used() -> set[str]:
    """Private attributes of what the channel holds of paramiko."""
    found = set()
    for node in ast.walk(ast.parse(Path(sftp.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            holder = node.value
            name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
            found |= {node.attr} if name in HOLDERS else set()
    return found


def test_the_channel_uses_these_and_no_others() -> None:
    assert used() == set(PRIVATE)


@pytest.mark.parametrize("name", PRIVATE)
def test_a_private_call_is_what_it_was(name: str) -> None:
    owner, parameters = PRIVATE[name]
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_a_pipeline_is_answered_where_paramiko_answers() -> None:
    """Requests sent ahead are answered by a call of `_async_response` on the object that asked."""
    source = inspect.getsource(paramiko.SFTPClient._read_response)
    assert "fileobj._async_response(t, msg, num)" in source
    assert hasattr(sftp._Pipeline, "_async_response")


def test_paramiko_is_held_below_its_next_major_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "paramiko>=5,<6" in project["dependencies"]
