"""What a machine may lack: found, or the test says so and skips; with CI=true it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

_PLACES = {
    "sshd": ("sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"),
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "soffice": ("soffice", "libreoffice"),
    "sftp": ("sftp",),
    "gpg": ("gpg",),
}


def need(part: str) -> Path:
    """The path of a program the test needs; skips (or, with CI=true, fails) without it."""
    for place in _PLACES[part]:
        found = shutil.which(place)
        if found:
            return Path(found)
    reason = f"this machine has no {part}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
