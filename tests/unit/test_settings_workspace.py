"""The workspace's folders, and the few environment variables."""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.settings import Environment, Workspace, actor, environment


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("open_umask")
def test_create_makes_private_and_shared_folders_whatever_the_umask(tmp_path: Path) -> None:
    made = Workspace(tmp_path / "deep" / "home")
    made.create()
    private = [made.secrets, made.gnupg, made.spool, made.archive, made.quarantine]
    shared = [made.home, made.providers, made.inbox, made.inbox.parent, made.reports]
    assert {_mode(folder) for folder in private} == {0o700}
    assert {_mode(folder) for folder in shared} == {0o750}
    assert not made.config.exists()


def test_create_again_tightens_private_folders_and_leaves_shared_ones(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    made.create()
    made.secrets.chmod(0o755)
    made.inbox.chmod(0o770)
    (made.inbox / "orders.csv").write_text("x")
    made.create()
    assert (_mode(made.secrets), _mode(made.inbox)) == (0o700, 0o770)
    assert (made.inbox / "orders.csv").read_text() == "x"


def test_every_path_lies_in_the_home(tmp_path: Path) -> None:
    made = Workspace(tmp_path)
    assert made.inbox == tmp_path / "inbox" / "orders"
    assert made.registry == tmp_path / "registry.db"
    assert made.simulator == tmp_path / "simulator"
    assert made.connections == tmp_path / "secrets" / "connections.env"


def test_environment_reads_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MUSTER_HOME", "MUSTER_ACTOR", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert environment() == Environment(home=None, actor=None, no_color=False)
    monkeypatch.setenv("MUSTER_HOME", "/srv/muster")
    monkeypatch.setenv("MUSTER_ACTOR", "dana@example.com")
    monkeypatch.setenv("NO_COLOR", "1")
    assert environment() == Environment(home=Path("/srv/muster"), actor="dana@example.com", no_color=True)


def test_actor_is_the_variable_or_the_user_and_fits_a_log_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_ACTOR", " dana\n\x1b[31m" + "x" * 200)
    assert actor().startswith("dana[31mx")
    assert len(actor()) == 100
    monkeypatch.setenv("MUSTER_ACTOR", "\n")
    assert actor() == pwd.getpwuid(os.geteuid()).pw_name


def test_actor_without_a_user_name_is_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSTER_ACTOR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 987_654)
    assert actor() == "uid987654"
