"""Disk full, a locked database, a database that restarts: an error that can heal, and words for people."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import paramiko
import pytest
from sqlalchemy.exc import OperationalError

from adapters.archive import FileArchive
from adapters.audit_anchor import AuditAnchor
from adapters.channels.folder import FolderChannel
from adapters.inboxes.drop_folder import DropFolder
from adapters.inboxes.uploads import LocalDrop
from adapters.registry import engine
from adapters.registry.registry import Registry
from adapters.report import ReportStore
from adapters.spool import FileSpool
from app.bootstrap import Muster
from jobs.errors import MusterError, Retry, Setup
from jobs.job import Job
from jobs.runs import Run, RunStatus
from tests.support import run_reports
from tests.support.desk import Desk
from tests.support.installation import order_row
from tests.support.postgres import Postgres, running_postgres

CAN_HEAL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE)


@pytest.mark.parametrize(
    "error",
    [
        EOFError(),
        TimeoutError(),
        TimeoutError("timed out"),
        ConnectionError(),
        ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"),
        BrokenPipeError(),
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        paramiko.SSHException("No existing session"),
        paramiko.SSHException(""),
        paramiko.ssh_exception.NoValidConnectionsError({("127.0.0.1", 22): OSError("x")}),
        OSError("Socket is closed"),
        OSError(),
        OSError(errno.ENOSPC, "No space left on device"),
        UnicodeDecodeError("utf-8", b"SECRET", 0, 1, "invalid start byte"),
        MemoryError(),
    ],
)
def test_a_cause_is_neither_empty_nor_raw(error: Exception) -> None:
    from jobs.causes import cause

    said = cause(error)
    assert len(said) > 8
    assert not any(kind.__name__ in said for kind in type(error).__mro__)
    assert "''" not in said
    assert "SECRET" not in said
    assert "No existing session" not in said


def test_what_the_other_side_says_is_quoted_and_cut() -> None:
    from jobs.causes import cause

    said = cause(OSError("\x1b[2Jcome in" + "!" * 10_000))
    assert "\x1b" not in said
    assert "come in" in said
    assert len(said) < 300


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with what the acts below need; made before anything fails."""
    (tmp_path / "there").mkdir()
    for name in ("source", "there/a.pgp", "orders.csv"):
        (tmp_path / name).write_bytes(b"x" * 5_000)
    return tmp_path


def _keep(folder: Path) -> object:
    return FileArchive(folder / "archive", None).keep(folder / "source")  # type: ignore[arg-type]  # nothing is encrypted


def _spool(folder: Path) -> object:
    with FileSpool(folder / "spool").file() as path:
        return path


def _fetch(folder: Path) -> object:
    with FolderChannel(folder).open() as session:
        return session.fetch("there", "a.pgp", folder / "landed", 10_000)


def _remove(folder: Path) -> object:
    inbox = DropFolder(folder, "orders.csv")
    (file,) = inbox.look().files
    return inbox.remove(inbox.read(file, 10_000))


def _anchor(folder: Path) -> object:
    return AuditAnchor(folder / "anchor").keep(1, "a" * 64, "R-1")


def _report(folder: Path) -> object:
    return ReportStore(folder / "reports").write(run_reports.rich())


def _answer(folder: Path) -> object:
    return LocalDrop(folder, "sales_data_update", "ada").answer("done", "a.xlsx", b"x" * 5_000)


BOUNDARIES: dict[str, tuple[Callable[[Path], object], object, str]] = {
    "archive": (_keep, shutil, "copyfileobj"),
    "spool": (_spool, tempfile, "mkdtemp"),
    "fetch": (_fetch, os, "fsync"),
    "inbox remove": (_remove, Path, "unlink"),
    "anchor": (_anchor, os, "fsync"),
    "reports": (_report, tempfile, "mkstemp"),
    "upload answer": (_answer, Path, "write_bytes"),
}


@pytest.mark.parametrize("number", CAN_HEAL)
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_each_boundary_says_that_it_can_heal_and_where(
    boundary: str, number: int, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act, owner, name = BOUNDARIES[boundary]
    monkeypatch.setattr(owner, name, _failing(number))
    with pytest.raises(Retry) as caught:
        act(place)
    full = number in (errno.ENOSPC, errno.EDQUOT)
    assert caught.value.code == ("DISK_FULL" if full else "STORAGE_FAILED")
    assert ("disk full at" in caught.value.what) == full


def _failing(number: int) -> Callable[..., None]:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    return fails


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: a write past that fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("act", [_keep, _fetch, _report, _answer])
def test_a_real_write_that_does_not_fit(act: Callable[[Path], object], place: Path) -> None:
    before = _files(place)
    with largest_file(16), pytest.raises(Retry, match="disk full at") as caught:
        act(place)
    assert caught.value.code == "DISK_FULL"
    assert _files(place) == before


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOENT, errno.ENOTDIR])
def test_what_a_person_has_to_mend_is_not_tried_again(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", _failing(number))
    with pytest.raises(Setup) as caught:
        _report(tmp_path)
    assert caught.value.code == "PATH_UNUSABLE"


def test_a_sqlite_registry_that_is_locked_past_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_BUSY_MS", 20)
    monkeypatch.setattr(engine, "_PRAGMAS", ("PRAGMA busy_timeout=20",))
    with closing(Registry(f"sqlite:///{tmp_path}/r.db")) as registry:
        registry.migrate()
        with closing(sqlite3.connect(tmp_path / "r.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(Retry, match="locked by another process") as caught, registry.transaction():
                pass
        assert caught.value.code == "REGISTRY_BUSY"
        with registry.transaction() as tx:
            assert tx.queries is not None


def test_a_sqlite_registry_on_a_full_disk(tmp_path: Path) -> None:
    with closing(Registry(f"sqlite:///{tmp_path}/r.db")) as registry:
        registry.migrate()
        with pytest.raises(Retry, match="disk full at the registry") as caught:
            _fill(registry)
        assert caught.value.code == "DISK_FULL"


def _fill(registry: Registry) -> None:
    with registry.transaction() as tx:
        connection: Any = tx.queries._db  # type: ignore[attr-defined]
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        connection.exec_driver_sql("CREATE TABLE filler (x)")
        for _ in range(100):
            connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(50000))")


def test_a_sqlite_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"not a database at all" * 1_000)
    with closing(Registry(f"sqlite:///{tmp_path}/r.db")) as registry, pytest.raises(Setup, match="damaged") as caught:
        registry.migrate()
    assert caught.value.code == "REGISTRY_REFUSED"


def test_a_postgresql_that_is_stopped_under_a_transaction_and_started_again() -> None:
    with running_postgres() as server, closing(Registry(server.fresh())) as registry:
        registry.migrate()
        with pytest.raises(Retry) as caught:
            _restart_under_a_transaction(server, registry)
        assert caught.value.code == "REGISTRY_AWAY"
        assert "stopped or restarted" in caught.value.what or "ended the connection" in caught.value.what
        with registry.view() as tx:
            assert tx.runs.recent(1) == []
        server.stop()
        with pytest.raises(Retry) as caught, registry.view():
            pass
        assert caught.value.code == "REGISTRY_AWAY"
        server.restart()


def _restart_under_a_transaction(server: Postgres, registry: Registry) -> None:
    with registry.transaction() as tx:
        server.restart()
        tx.runs.recent(1)


def test_a_postgresql_that_knows_no_such_database(postgres: Any) -> None:
    address = postgres.fresh().replace("/registry_", "/nobody_")
    with closing(Registry(address)) as registry, pytest.raises(Setup) as caught:
        registry.migrate()
    assert caught.value.code == "REGISTRY_REFUSED"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "DISK_FULL"),
        ("53300", "REGISTRY_BUSY"),
        ("40P01", "REGISTRY_BUSY"),
        ("57P03", "REGISTRY_AWAY"),
        ("58030", "STORAGE_FAILED"),
        ("28P01", "REGISTRY_REFUSED"),
        ("", "REGISTRY_AWAY"),
    ],
)
def test_each_state_of_postgresql_has_its_group(state: str, code: str) -> None:
    from adapters.registry.trouble import translated

    class Said(Exception):
        sqlstate = state

    found = translated(OperationalError("SELECT secret", {"imei": "490154203237518"}, Said("it said so")))
    assert found is not None
    assert found.code == code
    assert "secret" not in str(found)
    assert "4901" not in str(found)


def test_a_full_archive_fails_the_step_with_its_cause_and_closes_the_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = order_row(next(desk.numbers))
    with monkeypatch.context() as broken:
        broken.setattr(FileArchive, "keep_plaintext", _no_space)
        with pytest.raises(Retry, match="disk full at") as caught:
            desk.dispatch(row)
    run = _run_of(desk, caught.value)
    assert run.status is RunStatus.FAILED
    (step,) = desk.app.report(run.id).steps
    assert "[DISK_FULL] disk full at" in step.message
    desk.dispatch()
    assert desk.states(row["serial_number"]) == ["WAITING"]


def _no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/var/lib/muster/archive/ab")


def test_a_report_that_cannot_be_written_is_written_by_the_next_run(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(ReportStore, "write", _full_reports)
        with pytest.raises(Retry, match="the run is closed and recorded, but not yet written: disk full") as caught:
            desk.dispatch(order_row(next(desk.numbers)))
    assert caught.value.code == "REPORT_LATER"
    late = _run_of(desk, caught.value)
    assert late.status is RunStatus.DONE
    page = Path(str(caught.value.facts["report"]))
    assert not page.exists()
    desk.dispatch()
    assert page.is_file()
    assert page.with_suffix(".json").is_file()
    page.unlink()
    assert desk.app.page(desk.app.report(late.id)) == page
    assert page.is_file()


def _full_reports(*_: Any) -> None:
    from jobs.causes import system_error

    raise system_error(OSError(errno.ENOSPC, "x"), "the reports folder")


def test_an_anchor_that_cannot_be_written_leaves_the_run_closed_and_its_page_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(AuditAnchor, "keep", _full_reports)
        with pytest.raises(Retry) as caught:
            desk.dispatch(order_row(next(desk.numbers)))
    assert caught.value.code == "REPORT_LATER"
    assert _run_of(desk, caught.value).status is RunStatus.DONE
    assert Path(str(caught.value.facts["report"])).is_file()


def test_a_failure_that_cannot_be_recorded_is_the_one_that_is_raised(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = desk.app.begin(Job.ORDER_DISPATCH, actor="ada@example.com")

    def away(*_: Any, **__: Any) -> None:
        from jobs.errors import RegistryAway

        raise RegistryAway("the registry was stopped or restarted")

    desk.drop("a;b\n")
    with monkeypatch.context() as broken:
        broken.setattr(FileArchive, "keep_plaintext", _no_space)
        broken.setattr(Muster, "record", away)
        broken.setattr(Muster, "close", away)
        with pytest.raises(Retry) as caught:
            desk.app.carry_out(run)
    assert caught.value.code == "DISK_FULL"
    desk.app.carry_out(run)


def _run_of(desk: Desk, failure: MusterError) -> Run:
    """The run whose report the failure names."""
    run_id = Path(str(failure.facts["report"])).stem.removeprefix("order_dispatch-")
    with desk.registry.view() as tx:
        return tx.runs.get(run_id)
