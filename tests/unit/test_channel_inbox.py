"""The local drop folder: what counts as a file that was dropped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from adapters.inboxes.drop_folder import DropFolder
from jobs.errors import RemoteFileRefused, RemotePathRefused
from jobs.ports import Listing, ReadFile, RemoteFile

PATTERN = r".*\.(xlsx|csv)"


@pytest.fixture
def folder(tmp_path: Path) -> DropFolder:
    return DropFolder(tmp_path, PATTERN)


def named(name: str) -> RemoteFile:
    return RemoteFile(name, 1, 1)


def test_files_are_regular_visible_finished_and_match(folder: DropFolder, tmp_path: Path) -> None:
    for name in ("b.csv", "Order März 1.xlsx", "~$b.xlsx", ".b.csv", "b.csv.part", "b.csv.tmp", "b.txt"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "sub.csv").mkdir()
    (tmp_path / "link.csv").symlink_to("b.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    files = folder.look().files
    assert [(file.name, file.size) for file in files] == [("Order März 1.xlsx", 5), ("b.csv", 5)]
    assert files[1].mtime == int((tmp_path / "b.csv").stat().st_mtime)


@pytest.mark.parametrize("name", ["a.csv.part", "a.csv.TMP", "~$a.csv", ".a.csv"])
def test_unfinished_and_hidden_files_do_not_count_whatever_the_pattern(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert DropFolder(tmp_path, ".*").look() == Listing((), ())


def test_a_missing_folder_needs_a_person(tmp_path: Path) -> None:
    with pytest.raises(RemotePathRefused):
        DropFolder(tmp_path / "none", PATTERN).look()


def test_read_and_remove(folder: DropFolder, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"12345")
    (file,) = folder.look().files
    read = folder.read(file, limit=5)
    assert read.data == b"12345"
    assert folder.remove(read)
    assert folder.remove(read)
    assert folder.look().files == ()


def test_read_refuses_what_is_too_large_gone_or_no_file(folder: DropFolder, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"12345")
    (tmp_path / "link.csv").symlink_to("a.csv")
    (tmp_path / "sub.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(RemoteFileRefused):
        folder.read(named("a.csv"), limit=4)
    for name in ("link.csv", "sub.csv", "pipe.csv", "none.csv"):
        with pytest.raises(RemoteFileRefused):
            folder.read(named(name), limit=100)


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "sub/a.csv", "a\0.csv", "", ".", "..", "a.txt"])
def test_only_a_name_the_folder_would_list_is_touched(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "a.csv"
    outside.write_bytes(b"1")
    (tmp_path / "box").mkdir()
    folder = DropFolder(tmp_path / "box", PATTERN)
    with pytest.raises(RemoteFileRefused):
        folder.read(named(name), limit=100)
    with pytest.raises(RemoteFileRefused):
        folder.take(named(name))
    with pytest.raises(RemoteFileRefused):
        folder.remove(ReadFile(named(name), b"1"))
    assert outside.exists()
