"""This machine: gpg, the workspace's folders and their rights, free space."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from adapters.openpgp.keyring import ENVIRONMENT
from adapters.settings import Settings, Workspace
from app.doctor.result import Check, Status

# 2.2.8 made a message without integrity protection an error and closed CVE-2018-12020;
# 2.2.36 and 2.3.7 closed CVE-2022-34903: both forge the status lines a verdict rests on.
_LEAST = (2, 2, 8)
_SOUND = ((2, 2, 36), (2, 3, 7))
_SPACE_WARN = 0.15
_SPACE_FAIL = 0.02
_TIMEOUT = timedelta(seconds=20)


def gpg() -> Iterator[Check]:
    """Its version."""
    program = shutil.which("gpg")
    if program is None:
        yield Check("gpg", Status.FAIL, "is not installed", "Install GnuPG 2.2 or later (package gnupg)")
        return
    said = subprocess.run(  # noqa: S603  # the program's own path, no shell
        [program, "--version"], capture_output=True, env=ENVIRONMENT, timeout=_TIMEOUT.total_seconds(), check=False
    )
    found = re.search(rb"^gpg \(GnuPG[^)]*\) (\d+)\.(\d+)\.(\d+)", said.stdout)
    if found is None:
        yield Check("gpg", Status.FAIL, "does not tell its version", "Install GnuPG 2.2 or later (package gnupg)")
        return
    yield judge_version((int(found[1]), int(found[2]), int(found[3])))


def judge_version(version: tuple[int, int, int]) -> Check:
    """Whether a gpg of this version may be trusted with the verdict on a signature."""
    shown = ".".join(map(str, version))
    if version < _LEAST:
        return Check("gpg", Status.FAIL, f"{shown} is too old: it can be made to lie about signatures", "Upgrade GnuPG")
    if version < _SOUND[0] or (2, 3, 0) <= version < _SOUND[1]:
        fix = "Upgrade GnuPG, or make sure that your distribution has mended CVE-2022-34903"
        return Check("gpg", Status.WARN, f"{shown} has a known weakness (CVE-2022-34903)", fix)
    return Check("gpg", Status.OK, shown)


def folders(workspace: Workspace) -> Iterator[Check]:
    """The private folders are ours alone."""
    faults = 0
    for folder in (workspace.secrets, workspace.gnupg, workspace.spool, workspace.archive, workspace.quarantine):
        fault = _fault(folder, stat.S_ISDIR, "folder", "700")
        if fault is not None:
            faults += 1
            yield fault
    for folder in (workspace.providers, workspace.inbox, workspace.reports):
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            faults += 1
            yield Check("folders", Status.FAIL, f"{folder} is missing or not ours to write", "Run `muster init`")
    if not faults:
        yield Check("folders", Status.OK, str(workspace.home))


def secret_files(workspace: Workspace) -> Iterator[Check]:
    """Every file below `secrets` is ours alone."""
    files = [path for path in sorted(workspace.secrets.rglob("*")) if not path.is_dir()]
    faults = [fault for path in files if (fault := _fault(path, stat.S_ISREG, "file", "600"))]
    yield from faults
    if not faults:
        yield Check("secrets", Status.OK, f"{len(files)} file(s), readable by us alone")


def space(workspace: Workspace, settings: Settings) -> Iterator[Check]:
    """Free space where the spool and the archive lie."""
    places = [
        next(path for path in (folder, *folder.parents) if path.exists())
        for folder in (workspace.spool, settings.archive)
    ]
    for place in {path.stat().st_dev: path for path in places}.values():
        usage = shutil.disk_usage(place)
        free = usage.free / usage.total
        what = f"{free:.0%} free ({usage.free / 1e9:,.1f} GB) below {place}"
        if free >= _SPACE_WARN:
            yield Check("disk", Status.OK, what)
        else:
            status = Status.FAIL if free < _SPACE_FAIL else Status.WARN
            yield Check("disk", status, what, f"Make room below {place}")


def _fault(path: Path, is_kind: Callable[[int], bool], noun: str, mode: str) -> Check | None:
    """What is wrong with a private file or folder; None if nothing is. Links are followed."""
    name = "folders" if noun == "folder" else "secrets"
    try:
        found = path.stat()
    except OSError:
        return Check(name, Status.FAIL, f"{path} is missing or cannot be reached", "Run `muster init`")
    if not is_kind(found.st_mode):
        return Check(name, Status.FAIL, f"{path} is no {noun}", f"Move it away; a {noun} must be there")
    if found.st_uid != os.geteuid():
        return Check(name, Status.FAIL, f"{path} belongs to another user", f"chown {os.geteuid()} {path}")
    if found.st_mode & 0o077:
        shown = f"{stat.S_IMODE(found.st_mode):04o}"
        return Check(name, Status.FAIL, f"{path} is open to others (mode {shown})", f"chmod {mode} {path}")
    return None
