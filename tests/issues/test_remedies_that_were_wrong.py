"""Mistakes people make at the terminal: each is named for what it is, with a remedy that helps."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from adapters.settings import Workspace
from app.cli.app import app
from app.cli.batches import _show
from app.doctor import examine
from jobs.errors import GpgMissing, PassphraseWrong
from jobs.job import Job
from jobs.names import unknown


def muster(home: Path, *arguments: str, **environment: str):  # type: ignore[no-untyped-def]  # typer keeps its Result private
    return CliRunner().invoke(app, ["--home", str(home), *arguments], env=environment)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    done = muster(tmp_path / "ws", "init", "--simulator", "acme")
    assert done.exit_code == 0, done.output
    return tmp_path / "ws"


def callbacks(of: typer.Typer, name: str) -> Iterator[tuple[str, object]]:
    """Every function of a tree of commands that does work: all but the options before the command."""
    for command in of.registered_commands:
        yield f"{name} {command.name}", command.callback
    for group in of.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        if inner.registered_callback is not None:
            yield f"{name} {inner.info.name}", inner.registered_callback.callback
        yield from callbacks(inner, f"{name} {inner.info.name}")


def test_every_callback_reports_its_errors() -> None:
    found = dict(callbacks(app, "muster"))
    assert "muster uploads" in found
    assert [name for name, function in found.items() if not hasattr(function, "__wrapped__")] == []


def test_a_faulty_workspace_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "muster.toml").write_text("x = [")
    done = muster(tmp_path, "uploads")
    assert done.exit_code == 1
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "Mend that line" in done.output


@pytest.mark.parametrize("command", [("status",), ("uploads",), ("init",), ("doctor",)])
@pytest.mark.parametrize("below", ["", "deeper/still"])
def test_a_workspace_that_is_a_file(tmp_path: Path, command: tuple[str, ...], below: str) -> None:
    (tmp_path / "file").touch()
    done = muster(tmp_path / "file" / below, *command)
    assert done.exit_code == 1
    assert f"{tmp_path / 'file'} is no folder [WORKSPACE_NO_FOLDER]" in done.output


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    assert unknown("job", "order_dispach", Job).what.startswith(
        "there is no job 'order_dispach' (did you mean order_dispatch?); there are: bulk_upload, "
    )
    assert unknown("provider", "zzz", ("acme", "beta")).what == "there is no provider 'zzz'; there are: acme, beta"
    assert unknown("provider", "x", ()).what == "there is no provider 'x'; there is none yet"


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("run", "device_enrolment_request", "--provider", "acne"), "did you mean acme?"),
        (("run", "order_dispach"), "did you mean order_dispatch?"),
        (("template", "sales_data"), "did you mean sales_data_update?"),
        (("simulate", "acmee"), "did you mean acme?"),
        (("console", "--simulate", "acne"), "did you mean acme?"),
        (("batch", "list", "--provider", "acne"), "did you mean acme?"),
        (("uploads", "list", "--template", "lease"), "did you mean leases?"),
    ],
)
def test_names_that_are_nearly_right(home: Path, arguments: tuple[str, ...], meant: str) -> None:
    done = muster(home, *arguments)
    assert done.exit_code in (1, 2)
    assert meant in done.output
    assert "there are: " in done.output


@pytest.mark.parametrize("command", ["console", "simulate"])
def test_a_port_out_of_range_is_wrong_usage(home: Path, command: str) -> None:
    done = muster(home, command, *(("acme",) if command == "simulate" else ()), "--port", "99999")
    assert done.exit_code == 2
    assert "65535" in done.output


def test_an_upload_that_cannot_ask_says_so_before_it_reads(home: Path, tmp_path: Path) -> None:
    (tmp_path / "no workbook.xlsx").write_bytes(b"")
    arguments = ("upload", str(tmp_path / "no workbook.xlsx"), "--template", "leases", "--as", "ada@example.com")
    done = muster(home, *arguments)
    assert done.exit_code == 2
    assert "--yes" in done.output
    assert not list((home / "reports").rglob("*.html"))  # nothing was validated


@pytest.mark.parametrize(
    "arguments",
    [
        ("uploads", "discard", "7", "--reason", "wrong month"),
        ("uploaders", "remove", "ada@example.com", "--reason", "left"),
        ("batch", "cancel", "ACME-000001", "--reason", "wrong customer"),
    ],
)
def test_what_ends_something_asks_for_a_typed_answer(home: Path, arguments: tuple[str, ...]) -> None:
    done = muster(home, *arguments)
    assert done.exit_code == 2
    assert f"must be {arguments[2]}, typed once more" in done.output
    # typed once more it goes on, to find nothing of that name
    assert "NOT_FOUND" in muster(home, *arguments, "--confirm", arguments[2]).output


def test_gpg_that_is_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    checks = {check.name: check for check in examine(Workspace(home), offline=True)}
    assert "Install" in checks["gpg"].fix
    assert "Install it" in checks["sign and encrypt"].fix
    assert "tried again" not in GpgMissing.remedy


def test_a_passphrase_that_is_wrong(home: Path) -> None:
    (home / "secrets/openpgp-passphrase").write_text("another")
    checks = {check.name: check for check in examine(Workspace(home), offline=True)}
    assert checks["sign and encrypt"].fix == PassphraseWrong.remedy
    assert "passphrase" in PassphraseWrong.remedy


def test_evidence_shows_times_as_times() -> None:
    batch = dict.fromkeys(
        ("number", "state", "provider", "file_name", "made_at", "sent_at", "order_count", "hash_total"), ""
    )
    evidence = {"kind": "delivery", "at": datetime(2026, 11, 27, tzinfo=UTC), "facts": {"mtime": 1795781880, "size": 9}}
    found = {
        "batch": batch | {"record_count": 1, "detail_sha256": "", "plaintext_sha256": "", "archive_key": ""},
        "outcomes": {},
        "evidence": [evidence],
        "answers": [],
    }
    screen = Console(file=io.StringIO(), width=100)
    _show(screen, found, ZoneInfo("Europe/Berlin"))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert "1795781880" not in shown
    assert "27 Nov 2026 13:18 CET" in shown
    assert "9 bytes" in shown


def test_a_locale_without_our_letters_shows_them_escaped() -> None:
    code = (
        "from unittest import mock; import app.cli.app\n"
        "with mock.patch('app.cli.app.app', lambda **_: print('M\\u00e4rz \\u2026')):\n"
        "    from app.cli import main\n    main()"
    )
    environment = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "M\\xe4rz \\u2026\n", "")
