"""Takes files out of drop folders: renamed first, read, and removed only as what was read.

A file that was replaced or written to meanwhile is work for this run or the next, never waste.
"""

from __future__ import annotations

from contextlib import suppress

from jobs.context import Exchange
from jobs.errors import MusterError, Refused, Setup
from jobs.files import plain
from jobs.ports import Folder, ReadFile, RemoteFile
from jobs.runs import Run
from jobs.stability import Steady
from jobs.unread import SOURCE_LENGTH, say
from jobs.work import Work


def take(exchange: Exchange, run: Run, folder: Folder, steady: Steady, limit: int, work: Work) -> ReadFile | None:
    """Take a steady file and read it; None if it cannot be had now, which is noted. A dry run leaves it its name.

    Crash window: taken, but not worked on yet; every look shows taken files, so the next run goes on with it.
    """
    shown = f"{folder.place}/{plain(steady.file.name)}"
    if steady.file.size > limit:
        work.failed += 1
        work.notes.append(f"{shown} stays where it is: it holds more than {limit} bytes")
        _give_back(folder, steady.file, run)
        return None
    file = steady.file
    try:
        taken = file if run.dry_run else folder.take(file)
        if taken is None:  # another run, or whoever wrote it, was faster
            return None
        file = taken
        read = folder.read(file, limit, steady.timed)
        again = read if steady.timed or read.gone else folder.read(file, limit, steady.timed)
    except (Refused, Setup) as error:
        work.failed += 1
        work.notes.append(f"{shown} waits: {error.what}")
        _give_back(folder, file, run)
        return None
    if not steady.file.is_unchanged(read.file, steady.timed) or again.data != read.data:
        work.notes.append(f"{shown} is still being written")
        return None
    if read.gone:
        say(exchange, run, shown[:SOURCE_LENGTH], "FILE_GONE_AFTER_READING", 1, work)
    return read


def _give_back(folder: Folder, file: RemoteFile, run: Run) -> None:
    """Under its own name a person finds it. Where it cannot have that, the next run goes on with the taken file."""
    if file.taken_as and not run.dry_run:
        with suppress(MusterError):
            folder.give_back(file)


def put_out(folder: Folder, read: ReadFile, done: str, work: Work) -> bool:
    """Remove what was read from its folder; False if that cannot be, which is noted. `done` says what became of it."""
    try:
        removed = folder.remove(read)
    except MusterError as error:
        work.failed += 1
        work.notes.append(f"{done}, but cannot be taken out of {folder.place}: {error.what}")
        return False
    if not removed:
        work.notes.append(
            f"{folder.place}/{plain(read.file.name)} was written to meanwhile: the next run reads it again"
        )
    return True
