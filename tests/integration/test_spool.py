"""The spool: private, fresh paths, gone at the end of the block and after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.spool import FileSpool

_HOLD = """
import sys, time
from pathlib import Path
from adapters.spool import FileSpool
with FileSpool(Path(sys.argv[1])).file(".csv") as path:
    path.write_bytes(b"plaintext")
    print(path, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def spool(tmp_path: Path) -> FileSpool:
    return FileSpool(tmp_path / "spool")


def entries(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir() if path.name != ".lock")


def test_a_path_is_fresh_private_and_gone_afterwards(spool: FileSpool, tmp_path: Path) -> None:
    root = tmp_path / "spool"
    assert root.stat().st_mode & 0o777 == 0o700
    with spool.file(".pgp") as first, spool.file(".pgp") as second:
        assert first != second
        assert first.suffix == ".pgp"
        assert str(os.getpid()) in str(first.relative_to(root))
        assert not first.exists()
        assert first.parent.stat().st_mode & 0o777 == 0o700
        first.write_bytes(b"plaintext")
        first.with_name("beside it.part").write_bytes(b"half of it")
    assert entries(root) == []


def test_an_error_removes_it_too(spool: FileSpool, tmp_path: Path) -> None:
    def fail() -> None:
        with spool.file() as path:
            path.write_bytes(b"plaintext")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert entries(tmp_path / "spool") == []


def test_a_file_that_was_moved_away_is_no_error(spool: FileSpool, tmp_path: Path) -> None:
    with spool.file() as path:
        path.write_bytes(b"kept")
        path.rename(tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == b"kept"


def test_a_suffix_is_no_path(spool: FileSpool) -> None:
    with pytest.raises(ValueError, match="suffix"), spool.file("/../../x"):
        pass


def test_an_existing_folder_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir(mode=0o755)
    FileSpool(tmp_path / "spool")
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_a_sweep_spares_the_living_and_removes_what_the_killed_left(spool: FileSpool, tmp_path: Path) -> None:
    root = tmp_path / "spool"
    repository = Path(__file__).parents[2]
    holders = [
        subprocess.Popen([sys.executable, "-c", _HOLD, str(root)], cwd=repository, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    paths = []
    for holder in holders:
        assert holder.stdout is not None
        paths.append(Path(holder.stdout.readline().strip()))
    try:
        with spool.file() as mine:
            mine.write_bytes(b"plaintext")
            assert spool.sweep() == 0
            holders[0].kill()
            holders[0].wait()
            assert paths[0].exists()
            assert spool.sweep() == 1
            assert not paths[0].parent.exists()
            assert paths[1].read_bytes() == mine.read_bytes() == b"plaintext"
            assert FileSpool(root).sweep() == 0
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
            assert holder.stdout is not None
            holder.stdout.close()
    assert spool.sweep() == 1
    assert entries(root) == []


def test_a_number_in_use_again_protects_nothing(spool: FileSpool, tmp_path: Path) -> None:
    left = tmp_path / "spool" / f"{os.getpid()}-left"
    left.mkdir()
    (left / "file.csv").write_bytes(b"plaintext")
    (tmp_path / "spool" / "loose").write_bytes(b"plaintext")
    (tmp_path / "spool" / "link").symlink_to(tmp_path)
    assert spool.sweep() == 3
    assert entries(tmp_path / "spool") == []
    assert tmp_path.is_dir()
