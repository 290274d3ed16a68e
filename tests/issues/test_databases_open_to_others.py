"""The registry, its write-ahead log and Airflow's database are readable by us alone, also where they were not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.registry.registry import Registry
from app.console.home import Home


@pytest.fixture(autouse=True)
def _ordinary_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("there_already", [False, True])
def test_the_registry_and_its_log(tmp_path: Path, there_already: bool) -> None:
    if there_already:
        for name in ("registry.db", "registry.db-wal", "registry.db-shm"):
            (tmp_path / name).touch(0o644)
    registry = Registry(f"sqlite:///{tmp_path / 'registry.db'}")
    try:
        registry.migrate()
        with registry.view() as tx:
            assert tx.runs.recent(1) == []
            found = modes(tmp_path)
    finally:
        registry.close()
    assert set(found) >= {"registry.db", "registry.db-wal"}
    assert {name: oct(mode) for name, mode in found.items() if mode != 0o600} == {}


@pytest.mark.parametrize("there_already", [False, True])
def test_the_database_of_airflow(tmp_path: Path, there_already: bool) -> None:
    home = Home(tmp_path / "airflow")
    if there_already:
        home.folder.mkdir()
        home.database.touch(0o644)
    home.prepare()
    assert modes(home.folder)["airflow.db"] == 0o600
