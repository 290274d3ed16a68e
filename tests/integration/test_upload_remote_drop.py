"""Workbooks dropped on an SFTP server: collected, applied, removed there and answered there; and when it is away."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from adapters.channels.names import is_peoples
from adapters.channels.sftp import SftpChannel
from adapters.inboxes.uploads import AllDrops, LocalDrops, RemoteDrops
from app.bootstrap import Muster
from app.loopback import free_port
from formats.templates import template
from jobs.job import Job
from jobs.providers import SftpSettings
from jobs.runs import RunReport, RunStatus
from jobs.upload import Counts, Upload, UploadState
from tests.support.desk import unvalidated
from tests.support.installation import Installation, make_installation
from tests.support.machine import need
from tests.support.sshd import Sshd, TextKey, sshd  # noqa: F401  (a fixture)
from tests.support.uploads import ADA, filled, location, read_back

BEN = "ben@example.com"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    yield make_installation(home / "w", free_port())
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def opened(installation: Installation) -> Iterator[Muster]:
    with installation.open(validate=unvalidated) as app:
        yield app


@dataclass
class Server:
    """A folder of uploads on the server, and the application that watches it beside its own folders."""

    sshd: Sshd
    usual: Muster
    account: str

    def __post_init__(self) -> None:
        self.root = self.sshd.root / self.account / "uploads"
        self.away = False

    def folder(self, name: str = "locations", uploader: str = ADA) -> Path:
        folder = self.root / name / uploader
        for made in (folder, folder / "done", folder / "failed"):
            made.mkdir(parents=True, exist_ok=True)
        return folder

    def drop(self, *cities: str, name: str = "book.xlsx", uploader: str = ADA) -> Path:
        path = self.folder(uploader=uploader) / name
        path.write_bytes(filled("locations", *(location(city) for city in cities)))
        return path

    @property
    def app(self) -> Muster:
        settings = SftpSettings(
            host=self.sshd.host,
            user=self.sshd.user,
            host_keys=(self.sshd.host_key,),
            credential="env:UNUSED",
            port=free_port() if self.away else self.sshd.port,
        )
        channel = SftpChannel(settings, TextKey(self.sshd.private_key), is_peoples)
        remote = RemoteDrops(channel, self.usual.exchange.spool, f"{self.account}/uploads", (ADA, BEN))
        drops = AllDrops(LocalDrops(self.usual.workspace.uploads), remote)
        exchange = replace(self.usual.exchange, uploads=replace(self.usual.exchange.uploads, inboxes=drops))
        return Muster(self.usual.workspace, self.usual.settings, exchange, self.usual.registry)

    def run(self, **options: bool) -> RunReport:
        return self.app.run(Job.BULK_UPLOAD, actor="tests", **options)[0]

    def newest(self) -> Upload:
        with self.usual.registry.view() as tx:
            return tx.uploads.history(1)[0]


@pytest.fixture
def server(sshd: Sshd, opened: Muster) -> Server:  # noqa: F811
    return Server(sshd, opened, sshd.fresh())


def city() -> str:
    return f"Town {next(NUMBERS)}"


def test_collected_applied_removed_and_answered_on_the_server(server: Server) -> None:
    good = city()
    dropped = server.drop(good, "")
    (dropped.parent / "half.xlsx.part").write_bytes(b"PK")
    (dropped.parent / "other.xlsx.filepart").write_bytes(b"PK")
    (dropped.parent / "~$book.xlsx").write_bytes(b"lock")
    report = server.run()
    upload = server.newest()
    assert (upload.state, upload.counts, upload.uploader) == (UploadState.COMPLETED, Counts(new=1, failed=1), ADA)
    assert [file.name for file in report.files] == ["book.xlsx"]
    left = sorted(path.name for path in dropped.parent.iterdir())
    assert left == ["done", "failed", "half.xlsx.part", "other.xlsx.filepart", "~$book.xlsx"]
    answers = sorted(path.name for path in (dropped.parent / "done").iterdir())
    assert answers == [f"book.upload-{upload.id}.failed.xlsx", f"book.upload-{upload.id}.result.xlsx"]
    rows = read_back(template("locations"), (dropped.parent / "done" / answers[1]).read_bytes())
    assert [row["Result"] for row in rows if row["City *"] == good] == ["Passed: new"]
    assert not server.app.anything_waits(Job.BULK_UPLOAD)


def test_a_workbook_that_is_refused_is_answered_into_the_folder_for_that(server: Server) -> None:
    dropped = server.folder() / "notes.txt"
    dropped.write_text("no workbook")
    server.run()
    upload = server.newest()
    assert upload.state is UploadState.FAILED
    assert [path.name for path in (dropped.parent / "failed").iterdir()] == [f"notes.upload-{upload.id}.result.xlsx"]
    assert not dropped.exists()


def test_folders_that_are_not_there_are_passed_over(server: Server) -> None:
    report = server.run()
    assert report.run.status is RunStatus.NOTHING
    assert not server.app.anything_waits(Job.BULK_UPLOAD)


def test_names_as_people_give_them_are_taken(server: Server) -> None:
    stems = ["Sales March", "Größe_मार्च 2026 (2)", "a'b; $(x) & c", "ж" * 95]
    for stem in stems:
        server.drop(city(), name=f"{stem}.xlsx")
    report = server.run()
    assert report.totals["files collected"] == report.totals["answers given"] == len(stems)
    with server.usual.registry.view() as tx:
        names = {Path(item.file_name).stem: item for item in tx.uploads.history(len(stems))}
    assert set(names) == set(stems)
    assert {item.counts for item in names.values()} == {Counts(new=1)}
    answers = {path.name for path in (server.folder() / "done").iterdir()}
    assert answers == {f"{stem[:75]}.upload-{names[stem].id}.result.xlsx" for stem in stems}
    assert sorted(path.name for path in server.folder().iterdir()) == ["done", "failed"]


def test_names_that_cannot_be_used_are_said_and_stop_nothing(server: Server) -> None:
    names = [b"\xff\xfe.xlsx", b"a\nb.xlsx", "x\u202ey.xlsx".encode(), b"a\\b.xlsx", b"c:d.xlsx"]
    good = server.drop(city())
    hostile = [Path(os.fsdecode(bytes(good.parent) + b"/" + name)) for name in names]
    for path in hostile:
        path.write_bytes(b"x")
    assert server.app.anything_waits(Job.BULK_UPLOAD)
    report = server.run()
    assert server.newest().counts == Counts(new=1)
    assert report.run.status is RunStatus.PARTLY
    assert f"sftp:locations/{ADA}: names that cannot be used, rename them: b" in report.steps[0].message
    assert all(repr(name) in report.steps[0].message for name in names)
    assert not good.exists()
    assert all(path.exists() for path in hostile)
    assert not server.app.anything_waits(Job.BULK_UPLOAD)  # it was said; it is said again later


def test_a_link_on_the_server_is_not_followed(server: Server) -> None:
    link = server.folder() / "link.xlsx"
    link.symlink_to("/etc/hostname")
    report = server.run()
    assert "names that cannot be used" in report.steps[0].message
    assert link.is_symlink()


def test_a_server_that_is_away_stops_no_local_upload(server: Server) -> None:
    waiting = server.drop(city())
    server.away = True
    local = server.usual.workspace.uploads / "locations" / ADA
    local.mkdir(parents=True, exist_ok=True)
    (local / "here.xlsx").write_bytes(filled("locations", location(city())))
    report = server.run()
    upload = server.newest()
    assert (upload.place, upload.state, upload.counts) == (f"locations/{ADA}", UploadState.COMPLETED, Counts(new=1))
    assert (local / "done" / f"here.upload-{upload.id}.result.xlsx").exists()
    assert report.run.status is RunStatus.PARTLY
    assert "sftp: connect to 127.0.0.1" in report.steps[0].message
    assert waiting.exists()
    server.away = False
    server.run()
    assert server.newest().place == f"sftp:locations/{ADA}"
    assert not waiting.exists()


def test_a_server_that_goes_away_before_the_answer_gets_it_later(server: Server) -> None:
    dropped = server.drop(city())
    run = server.app.begin(Job.BULK_UPLOAD, actor="tests")
    server.app.step(run.id, "collect_uploads")
    server.app.step(run.id, "apply_uploads")
    server.away = True
    step = server.app.step(run.id, "answer_uploads")
    assert step.status is RunStatus.PARTLY
    assert f"answered workbook of upload {server.newest().id} for sftp:locations/{ADA}/done: connect to" in step.message
    server.app.finish(run.id)
    server.away = False
    assert server.app.anything_waits(Job.BULK_UPLOAD)
    server.run()
    assert [path.suffix for path in (dropped.parent / "done").iterdir()] == [".xlsx"]


def test_an_answer_that_lies_there_already_is_replaced(server: Server) -> None:
    """A run that was killed before it recorded the answer; what it offers may have changed since."""
    dropped = server.drop(city())
    server.run()
    upload = server.newest()
    answer = dropped.parent / "done" / f"book.upload-{upload.id}.result.xlsx"
    size = answer.stat().st_size
    answer.write_bytes(b"half of another size")
    with server.usual.registry.transaction() as tx:
        tx.uploads.describe(upload.id, answered=False)
    server.run()
    assert answer.stat().st_size == size


def test_without_a_folder_for_answers_the_run_says_so_and_others_get_theirs(server: Server) -> None:
    bare = server.drop(city())
    (bare.parent / "done").rmdir()
    other = server.drop(city(), uploader=BEN)
    report = server.run()
    assert len(list((other.parent / "done").iterdir())) == 1
    assert "there is no such file or folder" in report.steps[2].message
    assert f"sftp:locations/{ADA}/done" in report.steps[2].message
    (bare.parent / "done").mkdir()
    server.run()
    assert len(list((bare.parent / "done").iterdir())) == 1


def test_a_dry_run_leaves_files_on_the_server(server: Server) -> None:
    dropped = server.drop(city(), "")
    report = server.run(dry_run=True)
    assert (report.totals["new"], report.totals["rows failed"]) == (1, 1)
    assert dropped.exists()
    assert list((dropped.parent / "done").iterdir()) == []


@pytest.fixture
def watched(installation: Installation) -> Iterator[Callable[[str], RunReport]]:
    """A run with the simulator's server, another program than OpenSSH, as `[uploads.source]` of the settings."""
    config, home = installation.workspace.config, installation.simulator
    usual = config.read_text(encoding="utf-8")

    def run(credential: str) -> RunReport:
        source = (
            f'[uploads.source]\nuploaders = ["{BEN}"]\n[uploads.source.sftp]\nhost = "127.0.0.1"\nuser = "muster"\n'
            f'port = {home.last_port}\nhost_keys = ["{home.host_key}"]\ncredential = "{credential}"\n'
        )
        config.write_text(f"{usual}\n{source}", encoding="utf-8")
        with installation.open(validate=unvalidated) as app:
            return app.run(Job.BULK_UPLOAD, actor="tests")[0]

    with installation.simulating():
        yield run
    config.write_text(usual, encoding="utf-8")


def test_the_server_of_the_settings_is_watched(installation: Installation, watched: Callable[[str], RunReport]) -> None:
    folder = installation.simulator.files / "uploads" / "locations" / BEN
    for made in (folder / "done", folder / "failed"):
        made.mkdir(parents=True)
    (folder / "Sales März.xlsx").write_bytes(filled("locations", location(city())))
    closed = watched("env:NOBODY_HAS_SET_THIS")
    assert closed.run.status is RunStatus.PARTLY
    assert "sftp: " in closed.steps[0].message
    assert "NOBODY_HAS_SET_THIS" in closed.steps[0].message
    report = watched("connection:muster_acme")
    assert [(file.name, file.passed) for file in report.files] == [("Sales März.xlsx", 1)]
    (answer,) = (folder / "done").iterdir()
    assert answer.name.startswith("Sales März.upload-")
    assert sorted(path.name for path in folder.iterdir()) == ["done", "failed"]
