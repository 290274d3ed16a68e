"""Shows the demo's steps while they run: a spinner on a terminal, else a line for each and every ten seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

_WIDTH = 80
_HEARTBEAT = 10.0


class Step:
    """One step under way. `note` says what it is at, `result` what came of it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.result = ""
        self._note = ""
        self._progress: Progress | None = None
        self.started = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    @property
    def text(self) -> str:
        return f"{self.title}: {self._note}" if self._note else self.title

    def note(self, text: str) -> None:
        self._note = text.rstrip(".")
        if self._progress:
            self._progress.update(self._progress.task_ids[0], description=self.text)

    @contextmanager
    def spinning(self, console: Console) -> Iterator[None]:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as self._progress:
            self._progress.add_task(self.text, total=None)
            yield

    @contextmanager
    def heard(self, console: Console) -> Iterator[None]:
        """A line every ten seconds, so that a log shows life."""
        ended = threading.Event()

        def tell() -> None:
            while not ended.wait(_HEARTBEAT):
                console.print(f"   ... {self.text}, {self.elapsed:.0f} s", markup=False, highlight=False)

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            ended.set()
            teller.join()


class Steps:
    """Prints one line for each step when it ends: what happened and how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._animated = console.is_terminal and not console.is_dumb_terminal and not console.no_color

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """A step that raises is marked as failed."""
        step = Step(title)
        shown = step.spinning(self._console) if self._animated else step.heard(self._console)
        try:
            with shown:
                yield step
        except BaseException:
            self._line(step, "x", "not finished", "red")
            raise
        self._line(step, "✓", step.result, "green")

    def _line(self, step: Step, mark: str, result: str, style: str) -> None:
        grid = Table.grid(padding=(0, 1))
        grid.width = min(self._console.width, _WIDTH)
        grid.add_column(width=2, justify="right", style=style)
        grid.add_column(width=12, style="bold")
        grid.add_column(ratio=1)
        grid.add_column(width=8, justify="right", style="dim")
        plain = self._console.options.ascii_only and mark == "✓"
        grid.add_row("ok" if plain else mark, step.title, result, f"{step.elapsed:.1f} s")
        self._console.print(grid)
