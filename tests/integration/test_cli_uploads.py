"""Bulk uploads from the command line: templates, uploads, history, decisions, uploaders."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from adapters.registry.engine import make_engine
from adapters.registry.tables import audit
from app import uploading
from app.loopback import free_port
from formats.templates import NAMES, template
from jobs.job import Job
from tests.support.installation import Installation, make_installation
from tests.support.machine import need
from tests.support.muster import ACTOR, CommandLine, Ran
from tests.support.uploads import Cell, filled, location, read_back

NUMBERS = count(1)


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    need("gpg")
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    yield make_installation(home / "w", free_port())
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def muster(installation: Installation) -> CommandLine:
    return CommandLine(installation.workspace)


@pytest.fixture
def send(muster: CommandLine, tmp_path: Path) -> Callable[..., Ran]:
    """Uploads a workbook of Locations; `rows` are theirs, `words` more options."""

    def send(*words: str, rows: tuple[dict[str, Cell], ...] = (), name: str = "book.xlsx") -> Ran:
        if rows:
            (tmp_path / name).write_bytes(filled("locations", *rows))
        return muster("upload", str(tmp_path / name), "--template", "locations", "--as", ACTOR, *words)

    return send


@pytest.fixture
def asks(installation: Installation) -> Iterator[None]:
    """Uploads are held until somebody agrees, as `commit = false` says."""
    config = installation.workspace.config
    usual = config.read_text(encoding="utf-8")
    config.write_text(usual.replace("[uploads]\n", "[uploads]\ncommit = false\n", 1), encoding="utf-8")
    yield
    config.write_text(usual, encoding="utf-8")


def good() -> dict[str, Cell]:
    return location(f"Hamlet {next(NUMBERS)}")


def bad() -> dict[str, Cell]:
    return location(f"Hamlet {next(NUMBERS)}", latitude="95")


def newest(muster: CommandLine) -> int:
    listed = muster("uploads", "list", "--limit", "1", "--json").json["uploads"]
    return int(listed[0]["number"]) if listed else 0


def trail(installation: Installation, action: str) -> list[tuple[str, str, str]]:
    engine = make_engine(f"sqlite:///{installation.workspace.registry}")
    with engine.connect() as connection:
        chosen = select(audit.c.actor, audit.c.object, audit.c.reason).where(audit.c.action == action)
        rows = [(row.actor, row.object, row.reason) for row in connection.execute(chosen.order_by(audit.c.number))]
    engine.dispose()
    return rows


def test_templates_are_listed_and_written(muster: CommandLine, tmp_path: Path) -> None:
    listed = muster("template")
    assert listed.code == 0
    assert all(name in listed.out for name in NAMES)
    assert [item["name"] for item in muster("template", "--json").json["templates"]] == list(NAMES)
    target = tmp_path / "places.xlsx"
    ran = muster("template", "locations", "--to", str(target))
    assert (ran.code, ran.out.strip()) == (0, str(target))
    assert f"muster upload {target} --template locations" in ran.err
    assert load_workbook(target)["Locations"]["A1"].value == "City *"
    assert muster("template", "locations", "--to", str(target), "--json").json["file"] == str(target)


def test_an_unknown_template_is_named_with_those_there_are(
    muster: CommandLine, send: Callable[..., Ran], tmp_path: Path
) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"x")
    for words in (
        ("template", "loactions"),
        ("upload", str(tmp_path / "book.xlsx"), "--template", "loactions", "--as", ACTOR, "--yes"),
        ("uploads", "list", "--template", "loactions"),
    ):
        ran = muster(*words)
        assert (ran.code, ran.out) == (1, "")
        assert "there is no template 'loactions' (did you mean locations?); there are: customers" in ran.err


def test_a_dry_run_shows_what_would_be_and_changes_nothing(
    muster: CommandLine, send: Callable[..., Ran], tmp_path: Path
) -> None:
    before = newest(muster)
    ran = send("--dry-run", rows=(good(), bad()))
    assert ran.code == 4
    for part in ("data rows  2", "new        1", "failed     1", "E4", "NUMBER_RANGE", "Report: "):
        assert part in ran.out
    assert "Nothing was changed." in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["book.xlsx"]
    answers = tmp_path / "answers"
    answers.mkdir()
    told = send("--dry-run", "--json", "--answers", str(answers)).json
    assert (told["dry_run"], told["refused"], told["rows"]["new"], told["rows"]["failed"]) == (True, False, 1, 1)
    assert [item["code"] for item in told["findings"]] == ["NUMBER_RANGE"]
    rows = read_back(template("locations"), Path(told["answer"]).read_bytes())
    assert [row["Result"] for row in rows if row["Result"]][-2:] == ["Would pass: new", "Would fail"]
    assert newest(muster) == before
    assert send("--dry-run", rows=(good(),)).code == 0
    assert send("--dry-run", rows=(bad(),)).code == 1


def test_good_rows_are_applied_and_the_answer_lies_beside(
    muster: CommandLine, send: Callable[..., Ran], tmp_path: Path
) -> None:
    ran = send("--yes", rows=(good(), bad()))
    number = newest(muster)
    assert ran.code == 4
    assert f"Upload {number}: COMPLETED" in ran.out
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"book.upload-{number}.failed.xlsx",
        f"book.upload-{number}.result.xlsx",
        "book.xlsx",
    ]
    assert send("--yes", rows=(good(),), name="fine.xlsx").code == 0
    again = send("--yes", name="fine.xlsx")
    assert (again.code, f"the same file as upload {number + 1}" in again.out) == (3, True)
    assert send("--yes", rows=(bad(),)).code == 1


def test_as_json_it_is_one_document(muster: CommandLine, send: Callable[..., Ran], tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.mkdir()
    told = send("--yes", "--json", "--answers", str(answers), rows=(good(),)).json
    assert (told["upload"]["state"], told["upload"]["counts"]["new"], told["upload"]["uploader"]) == (
        "COMPLETED",
        1,
        ACTOR,
    )
    assert [Path(path).parent for path in told["answers"]] == [answers]
    assert Path(told["page"]).exists()
    assert [path.name for path in tmp_path.glob("*.xlsx")] == ["book.xlsx"]


def test_where_nobody_can_be_asked_yes_has_to_be_said(muster: CommandLine, send: Callable[..., Ran]) -> None:
    before = newest(muster)
    ran = send(rows=(good(),))
    assert (ran.code, "--yes" in ran.err, newest(muster)) == (2, True, before)


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 3)])
def test_a_person_is_asked(
    muster: CommandLine, send: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, answer: bool, code: int
) -> None:
    asked = []

    def confirm(question: str, err: bool) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("app.cli.upload.typer.confirm", confirm)
    monkeypatch.setattr("app.cli.asking.can_ask", lambda: True)
    before = newest(muster)
    assert send(rows=(good(), bad())).code == (4 if answer else code)
    assert asked == ["Apply 1 good row?"]
    assert newest(muster) == before + answer


def test_a_workbook_that_is_refused_is_not_even_asked_about(
    muster: CommandLine, send: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.asking.can_ask", lambda: True)
    monkeypatch.setattr("app.cli.upload.typer.confirm", lambda *_, **__: pytest.fail("somebody was asked"))
    (tmp_path / "book.xlsx").write_bytes(b"no workbook")
    before = newest(muster)
    ran = send()
    assert (ran.code, newest(muster)) == (1, before)
    assert "The file would be refused as a whole" in ran.out
    assert "WORKBOOK_NOT_XLSX" in ran.out
    ran = send("--yes")
    assert (ran.code, newest(muster)) == (1, before + 1)
    assert "FAILED" in ran.out


def test_a_missing_file_a_nameless_uploader_and_a_closed_folder(
    muster: CommandLine, send: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert send("--yes").code == 2  # there is no such file
    (tmp_path / "book.xlsx").write_bytes(filled("locations", good()))
    nobody = muster("upload", str(tmp_path / "book.xlsx"), "--template", "locations", "--as", " ", "--yes")
    assert (nobody.code, "--as" in nobody.err) == (2, True)
    before = newest(muster)
    with monkeypatch.context() as patch:
        patch.setattr("app.cli.upload.os.access", lambda path, _: path != tmp_path)
        closed = send("--yes")
    assert (closed.code, "--answers" in closed.err, newest(muster)) == (2, True, before)


def test_the_history_and_one_upload(muster: CommandLine, send: Callable[..., Ran]) -> None:
    send("--yes", rows=(good(), bad()))
    number = newest(muster)
    shown = muster("uploads")
    assert shown.code == 0
    for part in ("Template Name", "Passed Records", "Failed Records", "Updated By", "Locations", "COMPLETED", ACTOR):
        assert part in shown.out
    listed = muster("uploads", "list", "--template", "locations", "--as", ACTOR, "--json").json["uploads"]
    assert (listed[0]["number"], listed[0]["passed"], listed[0]["failed"]) == (number, 1, 1)
    nothing = muster("uploads", "list", "--as", "eve@example.com")
    assert (nothing.code, nothing.out, "No such upload" in nothing.err) == (0, "", True)
    one = muster("uploads", "show", str(number))
    for part in (f"Upload {number}", "book.xlsx", "E4", "NUMBER_RANGE", "sha256"):
        assert part in one.out
    assert [item["code"] for item in muster("uploads", "show", str(number), "--json").json["findings"]] == [
        "NUMBER_RANGE"
    ]
    unknown = muster("uploads", "show", "99999")
    assert (unknown.code, unknown.out, "there is no upload 99999" in unknown.err) == (1, "", True)


def test_an_answer_is_made_again(muster: CommandLine, send: Callable[..., Ran], tmp_path: Path) -> None:
    send("--yes", rows=(good(), bad()))
    number = newest(muster)
    first = {path.name for path in tmp_path.glob(f"*upload-{number}*")}
    again = tmp_path / "again"
    again.mkdir()
    ran = muster("uploads", "answer", str(number), "--to", str(again))
    assert (ran.code, {Path(line).name for line in ran.out.split()}) == (0, first)
    assert {path.name for path in again.iterdir()} == first


def test_held_uploads_are_decided_with_a_reason(
    asks: None, installation: Installation, muster: CommandLine, tmp_path: Path
) -> None:
    folder = installation.workspace.uploads / "locations" / ACTOR
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "one.xlsx").write_bytes(filled("locations", good(), bad()))
    (folder / "two.xlsx").write_bytes(filled("locations", good()))
    ran = muster("run", "bulk_upload")
    assert (ran.code, "waits for a decision" in ran.err) == (0, True)
    second = newest(muster)
    first = second - 1
    status = muster("status")
    assert "Uploads: 2 held for a decision, 0 standing still" in status.out
    assert "muster uploads commit" in status.out
    assert {item["id"] for item in muster("status", "--json").json["uploads"]} == {first, second}
    early = muster("uploads", "answer", str(first), "--to", str(tmp_path))
    assert (early.code, "there is no answered workbook yet" in early.err) == (1, True)
    assert muster("uploads", "commit", str(first), "--reason", " ").code == 2
    assert muster("uploads", "commit", str(first)).code == 2
    committed = muster("uploads", "commit", str(first), "--reason", "checked with sales")
    assert (committed.code, f"Upload {first}: COMPLETED" in committed.out) == (0, True)
    assert muster("uploads", "commit", str(first), "--reason", "again").code == 1
    discarded = muster(
        "uploads", "discard", str(second), "--reason", "wrong month", "--confirm", str(second), "--json"
    ).json
    assert (discarded["status"], discarded["reason"]) == ("FAILED", "wrong month")
    assert (ACTOR, f"upload {first}", "checked with sales") in trail(installation, "upload committed")
    assert (ACTOR, f"upload {second}", "wrong month") in trail(installation, "upload discarded")
    assert [path.name for path in (folder / "failed").iterdir()] == [f"two.upload-{second}.result.xlsx"]
    assert "held for a decision" not in muster("status").out.partition("Uploads:")[2]


def test_an_upload_that_stands_still_is_seen(installation: Installation, muster: CommandLine, tmp_path: Path) -> None:
    data = filled("locations", good())
    with installation.open() as app:
        upload = uploading.store(app, uploading.hand_in(app, "locations", ACTOR, "still.xlsx", data), ACTOR)
        assert "Uploads:" not in muster("status").out
        with app.registry.transaction() as tx:
            tx.uploads.describe(upload.id, updated_at=app.exchange.clock.now() - timedelta(minutes=6))
    shown = muster("status").out
    assert "Uploads: 0 held for a decision, 1 standing still" in shown
    assert "muster run bulk_upload" in shown
    muster("run", "bulk_upload")
    assert "Uploads:" not in muster("status").out


def test_while_another_run_is_at_work_the_upload_is_safe(
    installation: Installation,
    muster: CommandLine,
    send: Callable[..., Ran],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(uploading, "PATIENCE", timedelta(seconds=1))
    with installation.open(owner="another host") as app, app.exchange.lease("uploads"):
        ran = send("--yes", rows=(good(),))
        number = newest(muster)
        assert (ran.code, ran.out) == (1, "")
        assert f"upload {number} is received and safe, but not applied yet" in ran.err
        assert "[UPLOAD_LATER]" in ran.err
        assert "the next run does it" in ran.err
    muster("run", "bulk_upload")
    assert muster("uploads", "show", str(number), "--json").json["status"] == "COMPLETED"
    ran = muster("uploads", "answer", str(number), "--to", str(tmp_path))
    assert ran.code == 0


def test_it_waits_for_a_run_that_ends_in_time(
    installation: Installation, muster: CommandLine, send: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run has applied the workbook by then: its answer is given all the same."""
    with installation.open(owner="another host") as app:
        held = app.exchange.lease("uploads")
        held.__enter__()

        def other_run_ends(self: object, seconds: float) -> None:
            monkeypatch.undo()
            held.__exit__(None, None, None)
            app.run(Job.BULK_UPLOAD, actor="airflow")

        monkeypatch.setattr("adapters.clock.SystemClock.sleep", other_run_ends)
        ran = send("--yes", "--json", rows=(good(),))
    assert ran.code == 0
    assert (ran.json["upload"]["state"], len(ran.json["answers"])) == ("COMPLETED", 1)


def test_a_decision_stands_while_another_run_is_at_work(
    asks: None, installation: Installation, muster: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = installation.workspace.uploads / "locations" / ACTOR
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "busy.xlsx").write_bytes(filled("locations", good()))
    muster("run", "bulk_upload")
    number = newest(muster)
    monkeypatch.setattr(uploading, "PATIENCE", timedelta())
    with installation.open(owner="another host") as app, app.exchange.lease("uploads"):
        ran = muster("uploads", "commit", str(number), "--reason", "checked")
        assert (ran.code, f"the decision about upload {number} stands" in ran.err) == (1, True)
    muster("run", "bulk_upload")
    assert muster("uploads", "show", str(number), "--json").json["status"] == "COMPLETED"


def test_uploaders_are_added_listed_and_removed(installation: Installation) -> None:
    """In a workspace of its own: from the first one on nobody else may upload."""
    home = Path(tempfile.mkdtemp(dir="/tmp", prefix="m"))
    try:
        made = make_installation(home / "w", free_port())
        muster = CommandLine(made.workspace)
        assert "everybody may upload" in muster("uploaders", "list").err
        stranger = muster(
            "uploaders", "remove", "eve@example.com", "--reason", "a slip", "--confirm", "eve@example.com"
        )
        assert (stranger.code, "is not registered" in stranger.err) == (1, True)
        assert "everybody may upload" in muster("uploaders", "list").err
        assert muster("uploaders", "add", "ada lovelace", "--reason", "x").code == 2
        assert muster("uploaders", "add", ACTOR, "--reason", " ").code == 2
        added = muster("uploaders", "add", ACTOR, "--reason", "sales")
        assert (added.code, "only people who are registered" in added.err) == (0, True)
        assert {path.parent.name for path in made.workspace.uploads.glob(f"*/{ACTOR}")} == set(NAMES)
        ben = muster("uploaders", "add", "ben@example.com", "--customer", "C-1", "--reason", "dealer")
        assert (ben.code, "only people" in ben.err) == (0, False)
        unknown = muster("uploaders", "add", "cleo@example.com", "--customer", "C-404", "--reason", "dealer")
        assert (unknown.code, "C-404" in unknown.err) == (1, True)
        assert not list(made.workspace.uploads.glob("*/cleo@example.com"))
        assert muster("uploaders", "list", "--json").json["uploaders"] == [
            {"email": ACTOR, "customer": "ALL"},
            {"email": "ben@example.com", "customer": "C-1"},
        ]
        refuse_strangers(muster, home)
        for email in (ACTOR, "ben@example.com"):
            assert muster("uploaders", "remove", email, "--reason", "left", "--confirm", email).code == 0
        assert "nobody may upload" in muster("uploaders", "list").err
        assert trail(made, "uploader added") == [
            (ACTOR, f"uploader {ACTOR}", "sales"),
            (ACTOR, "uploader ben@example.com", "dealer"),
        ]
        assert [item[2] for item in trail(made, "uploader removed")] == ["left", "left"]
    finally:
        shutil.rmtree(home)


def refuse_strangers(muster: CommandLine, home: Path) -> None:
    book = home / "book.xlsx"
    book.write_bytes(filled("locations", good()))
    ran = muster("upload", str(book), "--template", "locations", "--as", "eve@example.com", "--yes")
    assert (ran.code, "UPLOADER_UNKNOWN" in ran.out) == (1, True)
