"""What a shell sees of a command's end."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """`muster --help` lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOTHING = 3
    PARTLY = 4
