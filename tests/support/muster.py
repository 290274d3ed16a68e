"""The command line as tests run it: in this process, on one workspace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from adapters.settings import Workspace
from app.cli.app import app

ACTOR = "ada@example.com"


@dataclass(frozen=True)
class Ran:
    """How one command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """Call it with the words after `muster`."""

    workspace: Workspace

    def __call__(self, *arguments: str) -> Ran:
        words = ["--home", str(self.workspace.home), *arguments]
        done = CliRunner().invoke(app, words, env={"MUSTER_ACTOR": ACTOR, "COLUMNS": "120"})
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)
