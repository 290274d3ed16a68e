"""The drop folders of the workspace: nothing is taken before it is whole, nothing is lost, one fault stops no other."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adapters.channels.folder import open_regular
from adapters.inboxes import drop_folder
from adapters.inboxes.uploads import LocalDrop, LocalDrops
from app.bootstrap import Muster
from app.loopback import free_port
from jobs.job import Job
from jobs.ports import ReadFile, RemoteFile
from jobs.runs import RunReport, RunStatus
from jobs.upload import Counts, Upload, UploadState
from tests.support.desk import unvalidated
from tests.support.installation import make_installation
from tests.support.machine import need
from tests.support.uploads import ADA, filled, location

NUMBERS = count(1)


class Clock:
    """Time that passes only while somebody waits; `meanwhile` happens then."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC).replace(microsecond=0)
        self.meanwhile: Callable[[], object] = lambda: None

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.meanwhile()


class Drops:
    """The folders of an installation whose clock is ours."""

    def __init__(self, app: Muster, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self.root = app.workspace.uploads

    def folder(self, template: str = "locations", uploader: str = ADA) -> Path:
        folder = self.root / template / uploader
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def drop_of(self, path: Path) -> LocalDrop:
        """The drop folder the file was dropped into, where it also lies once it is taken."""
        return LocalDrop(path.parent, "locations", path.parent.name)

    def drop(self, name: str = "book.xlsx", folder: Path | None = None) -> Path:
        path = (folder or self.folder()) / name
        path.write_bytes(book())
        return path

    @contextmanager
    def rules(self, **values: object) -> Iterator[None]:
        usual = self.app
        rules = replace(usual.exchange.uploads.rules, **values)  # type: ignore[arg-type]
        exchange = replace(usual.exchange, uploads=replace(usual.exchange.uploads, rules=rules))
        self.app = Muster(usual.workspace, usual.settings, exchange, usual.registry)
        yield
        self.app = usual

    def run(self, **options: bool) -> RunReport:
        return self.app.run(Job.BULK_UPLOAD, actor="tests", **options)[0]

    def waits(self) -> bool:
        return self.app.anything_waits(Job.BULK_UPLOAD)

    def history(self, number: int = 1) -> list[Upload]:
        """The newest, the oldest of them first."""
        with self.app.registry.view() as tx:
            return tx.uploads.history(number)[::-1]

    def collected(self) -> list[str]:
        """Names of what a run takes in."""
        before = {item.id for item in self.history(1000)}
        self.run()
        return [item.file_name for item in self.history(1000) if item.id not in before]


def book() -> bytes:
    return filled("locations", location(f"Village {next(NUMBERS)}"))


@pytest.fixture(scope="module")
def opened() -> Iterator[tuple[Muster, Clock]]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    clock = Clock()
    with make_installation(home / "w", free_port()).open(validate=unvalidated, clock=clock) as app:
        yield app, clock
    shutil.rmtree(home)


@pytest.fixture
def drops(opened: tuple[Muster, Clock]) -> Iterator[Drops]:
    made = Drops(*opened)
    yield made
    opened[1].meanwhile = lambda: None
    shutil.rmtree(made.root)
    made.root.mkdir()
    made.clock.time += timedelta(hours=1)  # what was said is forgotten


def test_a_file_that_grows_between_two_looks_is_left_for_the_next_run(drops: Drops) -> None:
    whole = book()
    growing = drops.folder() / "big.xlsx"
    growing.write_bytes(whole[:1000])
    drops.drop("small.xlsx")
    drops.clock.meanwhile = lambda: growing.write_bytes(whole)
    assert drops.collected() == ["small.xlsx"]
    assert growing.exists()
    drops.clock.meanwhile = lambda: None
    assert drops.collected() == ["big.xlsx"]
    (upload,) = drops.history()
    assert (upload.state, upload.counts) == (UploadState.COMPLETED, Counts(new=1))


def test_a_file_that_grows_while_it_is_read_is_left_for_the_next_run(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drops.drop()
    usual = LocalDrop.read

    def read(self: LocalDrop, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        with (path.parent / file.lies_as).open("ab") as out:
            out.write(b"more")
        return usual(self, file, limit, timed)

    with monkeypatch.context() as patch:
        patch.setattr(LocalDrop, "read", read)
        assert drops.collected() == []
    assert [file.name for file in drops.drop_of(path).look().files] == ["book.xlsx"]
    assert drops.collected() == ["book.xlsx"]


def test_a_file_saved_over_one_that_was_just_read_is_not_removed(drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody corrects the workbook in the second it is collected: both are uploads, neither is lost."""
    path = drops.drop()
    usual = LocalDrop.read

    def read(self: LocalDrop, file: RemoteFile, limit: int, timed: bool = True) -> ReadFile:
        found = usual(self, file, limit, timed)
        path.write_bytes(filled("locations", location("Corrected"), location("And more")))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(LocalDrop, "read", read)
        assert drops.collected() == ["book.xlsx"]
    assert path.exists()
    assert drops.collected() == ["book.xlsx"]
    first, second = drops.history(2)
    assert (first.counts, second.counts) == (Counts(new=1), Counts(new=2))
    assert not path.exists()


def test_a_file_that_goes_away_is_no_error(drops: Drops) -> None:
    path = drops.drop()
    drops.clock.meanwhile = path.unlink
    assert drops.run().run.status is RunStatus.NOTHING


def test_what_is_no_finished_workbook_of_a_person_stays_and_wakes_nobody(drops: Drops) -> None:
    names = [
        "~$book.xlsx",
        "a.xlsx.part",
        "b.tmp",
        "c.TMP",
        "d.xlsx.filepart",
        "Thumbs.db",
        "desktop.ini",
        ".hidden.xlsx",
    ]
    for name in names:
        (drops.folder() / name).write_bytes(b"x")
    (drops.folder() / "subfolder").mkdir()
    drops.drop("deep.xlsx", drops.folder() / "subfolder")
    (drops.folder() / "link.xlsx").symlink_to("/etc/hostname")
    (drops.root / "no_template" / ADA).mkdir(parents=True)
    drops.drop("lost.xlsx", drops.root / "no_template" / ADA)
    assert not drops.waits()
    assert drops.collected() == []
    assert sorted(path.name for path in drops.folder().iterdir()) == sorted([*names, "subfolder", "link.xlsx"])


def test_a_file_too_large_stays_and_is_said_and_said_again_only_later(drops: Drops) -> None:
    large = drops.folder() / "large.xlsx"
    large.write_bytes(bytes(20_001))
    small = drops.drop()
    with drops.rules(max_bytes=20_000):
        assert drops.waits()
        report = drops.run()
        assert report.run.status is RunStatus.PARTLY
        assert f"locations/{ADA}/large.xlsx stays where it is" in report.steps[0].message
        assert "holds more than 20000 bytes" in report.steps[0].message
        assert (large.exists(), small.exists()) == (True, False)
        assert not drops.waits()
        drops.drop()
        assert drops.waits()  # others wake the run as ever
        drops.run()
        drops.clock.time += timedelta(minutes=11)
        assert drops.waits()
        assert drops.run(dry_run=True).run.status is RunStatus.PARTLY


def test_a_file_that_cannot_be_read_stops_no_other(drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
    closed, other = drops.drop("closed.xlsx"), drops.drop("other.xlsx")

    def refuse(path: Path) -> Any:
        if path.name == closed.name:
            raise PermissionError(13, "Permission denied", str(path))
        return open_regular(path)

    with monkeypatch.context() as patch:
        patch.setattr(drop_folder, "open_regular", refuse)
        report = drops.run()
        assert "read 'closed.xlsx': access is not allowed" in report.steps[0].message
        assert report.run.status is RunStatus.PARTLY
        dry = drops.run(dry_run=True)
        assert "read 'closed.xlsx': access is not allowed" in dry.steps[1].message
    assert drops.history()[0].file_name == "other.xlsx"
    assert [file.name for file in drops.drop_of(closed).look().files] == ["closed.xlsx"]
    assert not other.exists()


def test_a_folder_that_cannot_be_looked_into_stops_no_other(drops: Drops, monkeypatch: pytest.MonkeyPatch) -> None:
    drops.drop(folder=drops.folder(uploader="closed@example.com"))
    drops.drop("other.xlsx")
    usual = Path.iterdir

    def iterdir(self: Path) -> Iterator[Path]:
        if self.name in ("closed@example.com", "leases"):
            raise PermissionError(13, "Permission denied", str(self))
        return usual(self)

    (drops.root / "leases").mkdir()
    monkeypatch.setattr(Path, "iterdir", iterdir)
    message = drops.run().steps[0].message
    assert "locations/closed@example.com: drop folder" in message
    assert "leases: drop folder" in message
    assert drops.history()[0].file_name == "other.xlsx"


def test_a_file_that_cannot_be_removed_is_one_upload_however_often_it_is_seen(
    drops: Drops, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drops.drop()
    usual = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self.name == path.name:
            raise PermissionError(13, "Permission denied", str(self))
        usual(self, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", unlink)
        assert drops.collected() == ["book.xlsx"]
        (upload,) = drops.history()
        assert (upload.counts, upload.answered) == (Counts(new=1), True)
        for _ in range(2):
            assert drops.collected() == []
        message = drops.run().steps[0].message
        assert f"upload {upload.id} is registered, but cannot be taken out of locations/{ADA}" in message
    assert drops.collected() == []
    assert not path.exists()


def test_a_file_beside_the_folders_of_people_comes_from_nobody_known(drops: Drops) -> None:
    (drops.root / "locations").mkdir()
    drops.drop(folder=drops.root / "locations")
    assert drops.collected() == ["book.xlsx"]
    (upload,) = drops.history()
    assert (upload.uploader, upload.counts) == ("unknown", Counts(new=1))
    assert (drops.root / "locations" / "done" / f"book.upload-{upload.id}.result.xlsx").exists()
    assert drops.collected() == []  # the answer is no upload


def test_a_folder_that_is_made_later_is_watched(drops: Drops) -> None:
    assert not drops.waits()
    drops.drop(folder=drops.folder("locations", "new@example.com"))
    assert drops.waits()
    assert drops.collected() == ["book.xlsx"]
    assert drops.history()[0].uploader == "new@example.com"


def test_two_files_of_one_name_one_after_the_other_both_get_answers(drops: Drops) -> None:
    for _ in range(2):
        drops.drop()
        drops.run()
    first, second = drops.history(2)
    answers = {path.name for path in (drops.folder() / "done").iterdir()}
    assert answers == {f"book.upload-{upload.id}.result.xlsx" for upload in (first, second)}


def test_files_are_taken_oldest_first(drops: Drops) -> None:
    for age, name in ((10, "b.xlsx"), (30, "c.xlsx"), (20, "a.xlsx")):
        os.utime(drops.drop(name), (1_700_000_000 - age,) * 2)
    drops.run()
    assert [upload.file_name for upload in drops.history(3)] == ["c.xlsx", "a.xlsx", "b.xlsx"]


def test_any_name_a_file_system_takes_is_taken(drops: Drops) -> None:
    names = [os.fsdecode(b"\xff\xfe.xlsx"), "a\nb.xlsx", "x" * 245 + ".xlsx", "Größe मार्च.xlsx", "no ending"]
    for name in names:
        drops.drop(name)
    report = drops.run()
    assert report.totals["files collected"] == report.totals["answers given"] == len(names)
    kept = {upload.file_name for upload in drops.history(len(names))}
    assert kept == {"\ufffd\ufffd.xlsx", "a\ufffdb.xlsx", *names[2:]}
    assert sorted(path.name for path in drops.folder().iterdir()) == ["done"]


def test_a_folder_whose_name_can_be_nobodys_is_said(drops: Drops) -> None:
    folder = drops.root / "locations" / os.fsdecode(b"eve\xff")
    folder.mkdir(parents=True)
    drops.drop(folder=folder)
    drops.drop("other.xlsx")
    message = drops.run().steps[0].message
    assert "cannot be the name of anybody" in message
    assert drops.history()[0].file_name == "other.xlsx"


def test_a_folder_that_went_away_is_owed_no_answer(drops: Drops) -> None:
    path = drops.drop()
    run = drops.app.begin(Job.BULK_UPLOAD, actor="tests")
    drops.app.step(run.id, "collect_uploads")
    shutil.rmtree(path.parent)
    drops.app.step(run.id, "apply_uploads")
    drops.app.step(run.id, "answer_uploads")
    drops.app.finish(run.id)
    assert drops.history()[0].answered
    assert not drops.waits()


def test_an_answer_that_cannot_be_written_stops_no_other(drops: Drops) -> None:
    blocked = drops.drop(folder=drops.folder(uploader="a@example.com"))
    (blocked.parent / "done").symlink_to("nowhere")
    drops.drop()
    report = drops.run()
    assert report.totals["answers given"] == 1
    assert "for locations/a@example.com/done" in report.steps[2].message
    (blocked.parent / "done").unlink()
    assert drops.waits()
    assert drops.run().totals["answers given"] == 1


def test_an_archived_workbook_that_is_lost_stops_no_other(drops: Drops) -> None:
    """Its upload stays in progress and is said; it is never dropped silently."""
    drops.drop("lost.xlsx")
    run = drops.app.begin(Job.BULK_UPLOAD, actor="tests")
    drops.app.step(run.id, "collect_uploads")
    (lost,) = drops.history()
    kept = drops.app.exchange.archive.path(lost.sha256)
    away = kept.with_suffix(".away")
    kept.rename(away)
    drops.drop("other.xlsx")
    drops.app.finish(run.id)
    report = drops.run()
    assert f"upload {lost.id} stays in progress" in report.steps[1].message
    assert drops.history()[0].state is UploadState.COMPLETED
    away.rename(kept)
    drops.run()
    with drops.app.registry.view() as tx:
        assert tx.uploads.get(lost.id).state is UploadState.COMPLETED


def test_drop_folders_are_named_by_their_place(drops: Drops) -> None:
    drops.folder()
    assert [drop.place for drop in LocalDrops(drops.root).all()] == ["locations/unknown", f"locations/{ADA}"]
