"""The command line without an installation: help, usage errors, and the texts people read."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from app.cli import screen
from app.cli.app import app
from app.cli.device import spellings
from app.cli.exit_codes import ExitCode
from app.cli.failure import explain
from app.cli.jobs import exit_code
from app.cli.keys import spaced
from app.cli.reference import helps, reference
from jobs.errors import ConfigurationFaulty, ProviderBusy
from jobs.runs import RunStatus

ROOT = Path(__file__).resolve().parents[2]
HELPS = dict(helps())
GROUPS = {
    "muster",
    *(f"muster {name}" for name in ("archive", "batch", "customers", "keys", "audit", "uploaders", "uploads")),
}
COMMANDS = sorted(set(HELPS) - GROUPS)
HEAVY = {"app.bootstrap", "alembic", "asyncssh", "pandas", "paramiko", "pyarrow", "pydantic", "rich", "sqlalchemy"}


def muster(home: Path, *arguments: str, **environment: str):  # type: ignore[no-untyped-def]  # typer keeps its Result private
    return CliRunner().invoke(app, ["--home", str(home), *arguments], env=environment)


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) >= 20
    assert set(HELPS) >= GROUPS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_an_example(command: str) -> None:
    usage, _, rest = HELPS[command].partition("\n\n")
    assert usage.startswith("Usage: muster")
    assert rest.lstrip().startswith(f"$ {command}")


@pytest.mark.parametrize("command", sorted(HELPS))
def test_help_fits_a_terminal_of_80_columns(command: str) -> None:
    assert [line for line in HELPS[command].splitlines() if len(line) > 80] == []
    assert "..." not in HELPS[command].replace("ARGS]...", "")  # no summary was cut off


def test_the_reference_page_is_the_help() -> None:
    assert (ROOT / "docs/cli.md").read_text(encoding="utf-8") == reference(), (
        "run: python -m app.cli.reference > docs/cli.md"
    )


def test_exit_codes_are_documented() -> None:
    for code in ExitCode:
        assert f"{int(code)} " in HELPS["muster"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import json, sys\n"
        "from app.cli.app import app\n"
        "try:\n    app(['--help'], prog_name='muster')\n"
        "except SystemExit:\n    print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Usage: muster" in done.stdout
    assert HEAVY & set(json.loads(done.stderr)) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        ["statsu"],
        ["run"],
        ["run", "no_such_job"],
        ["run", "order_dispatch", "--provider", "acme"],
        ["where"],
        ["batch", "list", "--state", "LOST"],
        ["keys", "import", "/nonexistent/key.asc", "--fingerprint", "00"],
        ["init", "--registry-url", "postgresql://user:secret@db.example.com/muster"],
        ["batch"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_touches_nothing(tmp_path: Path, arguments: list[str]) -> None:
    home = tmp_path / "home"
    done = muster(home, *arguments)
    assert done.exit_code == ExitCode.USAGE
    assert not home.exists()
    assert "secret@" not in done.output


def test_the_version_is_told(tmp_path: Path) -> None:
    done = muster(tmp_path, "--version")
    assert (done.exit_code, done.stdout.split()[0]) == (0, "muster")


def test_without_a_workspace_the_way_to_one_is_told(tmp_path: Path) -> None:
    done = muster(tmp_path / "none", "status")
    assert done.exit_code == ExitCode.FAILED
    assert done.stdout == ""
    assert "muster.toml is missing" in done.stderr
    assert "muster init" in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["--debug", "--home", str(tmp_path), "status"])
    assert done.exit_code == ExitCode.FAILED
    assert "Traceback" in done.stderr


def test_check_config_lists_every_fault(tmp_path: Path) -> None:
    (tmp_path / "muster.toml").write_text('time_zone = "Mars"\nbogus = 1\n')
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers/acme.toml").write_text('kind = "generic"\n')
    shown = muster(tmp_path, "check-config")
    as_json = muster(tmp_path, "check-config", "--json")
    faults = json.loads(as_json.stdout)["faults"]
    assert (shown.exit_code, as_json.exit_code) == (1, 1)
    assert {"muster.toml: time_zone", "muster.toml: bogus", "providers/acme.toml: sftp"} <= {f["path"] for f in faults}
    for fault in faults:
        assert fault["path"] in shown.stdout
        assert fault["remedy"]


def test_check_config_says_that_all_is_well(tmp_path: Path) -> None:
    (tmp_path / "muster.toml").write_text("")
    done = muster(tmp_path, "check-config")
    assert (done.exit_code, done.stdout) == (0, "In order: muster.toml and 0 provider files.\n")
    assert json.loads(muster(tmp_path, "check-config", "--json").stdout) == {"faults": []}


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ([RunStatus.DONE], 0),
        ([RunStatus.NOTHING], 3),
        ([RunStatus.DONE, RunStatus.NOTHING], 0),
        ([RunStatus.FAILED], 1),
        ([RunStatus.FAILED, RunStatus.NOTHING], 1),
        ([RunStatus.FAILED, RunStatus.DONE], 4),
        ([RunStatus.PARTLY], 4),
        ([RunStatus.PARTLY, RunStatus.FAILED], 4),
    ],
)
def test_exit_code_of_several_runs(ended: list[RunStatus], code: int) -> None:
    assert exit_code(ended) == code


def test_an_error_is_what_and_how() -> None:
    what, how = explain(ProviderBusy("another run works on acme"))
    assert (what, how) == ("another run works on acme [PROVIDER_BUSY]", ProviderBusy.remedy)


def test_an_unexpected_error_shows_no_data() -> None:
    what, how = explain(KeyError("356938035643809"))
    assert "356938035643809" not in what + how
    assert "--debug" in how


def test_two_faults_point_to_check_config() -> None:
    _, how = explain(ConfigurationFaulty("2 faults", faults=["a", "b"]))
    assert "muster check-config" in how


def test_text_of_partners_cannot_act_on_the_terminal() -> None:
    assert screen.clean("a\x1b[2Jb\x9bc\u202ed\r") == "a\ufffd[2Jb\ufffdc\ufffdd\ufffd"
    assert screen.clean("Zürich [bold]") == "Zürich [bold]"


def test_times_are_shown_in_the_zone_that_is_named() -> None:
    at = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)
    assert screen.moment(at, ZoneInfo("Europe/Berlin")) == "2 Nov 2026 00:30 CET"
    assert screen.moment(None, UTC) == "-"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("356938-03-564380-9", "356938035643809"),
        (" 35 693803 564380 9 ", "356938035643809"),
        ("a1-000049-a5f3b2", "A1000049A5F3B2"),
        ("02-1a-2b-3c-4d-5e", "02:1A:2B:3C:4D:5E"),
        ("021a.2b3c.4d5e", "02:1A:2B:3C:4D:5E"),
        ("sn-00Ab", "sn-00Ab"),
    ],
)
def test_any_spelling_of_an_identifier(text: str, canonical: str) -> None:
    assert canonical in spellings(text)
    assert spellings(text)[0] == text.strip()


def test_a_fingerprint_is_shown_in_groups() -> None:
    assert spaced("0123456789ABCDEF") == "0123 4567 89AB CDEF"


def test_plurals() -> None:
    assert [screen.plural(n, "batch") for n in (0, 1, 1200)] == ["0 batches", "1 batch", "1,200 batches"]


def test_pools_have_one_slot_for_each_provider(tmp_path: Path) -> None:
    from tests.dags.samples import ACME, workspace

    workspace(tmp_path, acme=ACME)
    assert json.loads(muster(tmp_path, "airflow-pools").stdout) == {
        "provider_acme": {
            "slots": 1,
            "description": "One task at a time works with Acme Devices",
            "include_deferred": True,
        }
    }


def test_a_simulator_needs_its_home(tmp_path: Path) -> None:
    done = muster(tmp_path, "simulate", str(tmp_path / "none"))
    assert done.exit_code == ExitCode.FAILED
    assert "no home of a simulator" in done.stderr
