"""`muster upload --yes` said how many rows had failed, not which, where and why: the answer had to be opened for that.

The first findings are shown with cell, what is wrong and what was read, as the preview shows them, and the workbook of
the failed rows is called what it is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.loopback import free_port
from tests.support.installation import Installation, make_installation
from tests.support.machine import need
from tests.support.muster import CommandLine
from tests.support.uploads import filled


@pytest.fixture
def installation() -> Iterator[Installation]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    yield make_installation(home, free_port())
    shutil.rmtree(home)


def test_the_findings_are_on_the_screen(installation: Installation, tmp_path: Path) -> None:
    muster = CommandLine(installation.workspace)
    file = tmp_path / "places.xlsx"
    place = {"city": "Pune", "district": "Pune", "state": "Maharashtra", "country": "India"}
    file.write_bytes(filled("locations", place, place | {"city": "Mumbai", "latitude": "18,9 N"}))
    ended = muster("upload", str(file), "--template", "locations", "--as", "ada@example.com", "--yes")
    assert ended.code == 4
    assert "E4" in ended.out
    assert "The value is not a plain number" in ended.out
    assert "18,9 N" in ended.out
    assert "Failed rows, to correct and upload: " in ended.out
