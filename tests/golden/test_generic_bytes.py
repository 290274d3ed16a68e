"""The bytes of the generic format, which partners read and write. A difference is a change of the format: it
needs a new version (`formats.generic.layout.FORMAT_VERSION`), or every partner is broken at once.

The golden files are written anew only on purpose: `MUSTER_WRITE_GOLDEN=1 pytest tests/golden/test_generic_bytes.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from formats.generic import reader
from formats.generic.layout import Interface
from tests.support.generic_files import REQUEST, RESPONSE, small_request, small_response

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("name", "made"), [("generic_request.csv", small_request), ("generic_response.csv", small_response)]
)
def test_the_bytes_are_as_published(name: str, made: Callable[[], bytes]) -> None:
    if os.environ.get("MUSTER_WRITE_GOLDEN") == "1":
        (HERE / name).write_bytes(made())
    assert made() == (HERE / name).read_bytes()


def test_the_golden_files_are_understood() -> None:
    """A reader of today understands a file of the day the golden files were made."""
    request = reader.read((HERE / "generic_request.csv").read_bytes(), Interface.REQUEST)
    response = reader.read((HERE / "generic_response.csv").read_bytes(), Interface.RESPONSE)
    assert (request.header, list(request.findings)) == (REQUEST, [])
    assert (response.header, list(response.findings)) == (RESPONSE, [])
    assert request.details["manufacturer"][0].as_py() == 'Example "Devices", Ltd'
    assert request.details["asset_tag"][1].as_py() == "Müller 設備"
    assert response.details["level"].to_pylist() == ["DEVICE", "DEVICE", "DELIVERY", "ORDER", "FILE"]
