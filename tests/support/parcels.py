"""What a session is given to deliver."""

from __future__ import annotations

import hashlib
from pathlib import Path

from jobs.ports import Parcel

TOKEN = "0a1b2c3d"


def parcel(source: Path, folder: str, name: str, token: str = TOKEN, read_back: bool = True) -> Parcel:
    """The file as it is now, for one attempt."""
    return Parcel(source, hashlib.sha256(source.read_bytes()).hexdigest(), folder, name, token, read_back)
