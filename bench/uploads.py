"""A bulk upload at size, beside the same work as it is usually written, each a process with a registry of its own."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from sqlalchemy import create_engine, select

from adapters.registry.business_tables import products, sales
from adapters.registry.registry import Registry
from adapters.settings import Workspace
from app.installing import initialise
from bench.database import copied, database
from bench.sample import PRODUCTS, TEMPLATE, fill_registry, write_workbook
from bench.timing import Staged, Timing, timed_stages

STAGES = ("collect", "read", "check", "apply", "answer", "report")
_ABSENT = Timing("", 0.0, 0.0, 0)


def measure(rows: int, postgresql: bool, naive: bool = True) -> None:
    """Print what each stage takes, and whether both left the same registry behind."""
    with tempfile.TemporaryDirectory(prefix="mu", dir="/tmp") as folder, database(postgresql) as url:
        workspace, book = Workspace(Path(folder) / "m"), Path(folder) / "book.xlsx"
        vehicles = max(rows, PRODUCTS)
        url = _prepare(workspace, url, vehicles)
        other = copied(url) if postgresql else _copied_file(workspace, Path(folder) / "naive.db")
        write_workbook(book, rows)
        drop = workspace.uploads / TEMPLATE.name / "ada@example.com"
        drop.mkdir(parents=True)
        shutil.copy(book, drop / book.name)
        ours = timed_stages("muster", [sys.executable, "-m", "bench.staged_upload", str(workspace.home)])
        print(
            f"\n{rows:,} rows of {TEMPLATE.title} ({book.stat().st_size / 1e6:.1f} MB), {vehicles:,} vehicles, ", end=""
        )
        print("PostgreSQL" if postgresql else "SQLite")
        if not naive:
            _print(ours, None)
            return
        command = [sys.executable, "-m", "bench.naive_upload", other, str(book), str(Path(folder) / "answer.xlsx")]
        theirs = timed_stages("naive", command)
        _print(ours, theirs)
        print("the same registry after both:", _digest(url) == _digest(other))


def _prepare(workspace: Workspace, url: str, vehicles: int) -> str:
    settings: dict[str, object] = {"uploads": {"settle": "0s"}}
    initialise(workspace, "Example Ltd", settings | ({"registry_url": url} if url else {}))
    url = url or f"sqlite:///{workspace.registry}"
    registry = Registry(url)
    registry.migrate()
    registry.close()
    fill_registry(url, vehicles)
    return url


def _copied_file(workspace: Workspace, target: Path) -> str:
    shutil.copy(workspace.registry, target)
    return f"sqlite:///{target}"


def _digest(url: str) -> str:
    """Of everything an upload of the template can change."""
    found = hashlib.sha256()
    engine = create_engine(url)
    with engine.connect() as connection:
        for table, key in ((products, products.c.id), (sales, sales.c.product_id)):
            columns = [column for column in table.columns if table is products or column.name != "id"]
            for row in connection.execute(select(*columns).order_by(key)):
                found.update(repr(tuple(row)).encode())
    engine.dispose()
    return found.hexdigest()


def _print(ours: Staged, theirs: Staged | None) -> None:
    print(f"\n{'':<10}{'muster':>10}{'':>19}{'naive':>12}{'':>19}{'naive / muster':>20}")
    print(f"{'stage':<10}" + f"{'wall s':>10}{'cpu s':>9}{'MiB':>10}  " * 2 + f"{'wall':>8}{'cpu':>10}")
    for stage in STAGES:
        _line(stage, ours.stages.get(stage), theirs.stages.get(stage) if theirs else None)
    _line("rest", _rest(ours), _rest(theirs) if theirs else None)
    _line("all", ours.whole, theirs.whole if theirs else None)
    print("\nmuster:", ours.told, *(["naive:", theirs.told] if theirs else []))


def _rest(staged: Staged) -> Timing:
    """Start and end of the process."""
    stages = staged.stages.values()
    wall, cpu = sum(item.wall for item in stages), sum(item.cpu for item in stages)
    return Timing("rest", staged.whole.wall - wall, staged.whole.cpu - cpu, 0)


def _line(name: str, ours: Timing | None, theirs: Timing | None) -> None:
    cells = "".join(
        f"{item.wall:>10.2f}{item.cpu:>9.2f}{item.peak or '':>10}  " for item in (ours or _ABSENT, theirs or _ABSENT)
    )
    ratio = f"{theirs.wall / ours.wall:>7.1f}x{theirs.cpu / ours.cpu:>9.1f}x" if ours and theirs and ours.cpu else ""
    print(f"{name:<10}{cells}{ratio}")
