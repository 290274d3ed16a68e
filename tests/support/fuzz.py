"""`make fuzz`: every parser fed with inputs that reach new lines of it, for so many seconds each.

Each parser runs in a process of its own with atheris (libFuzzer), which keeps what it learned in `.fuzz/<parser>/`;
an input that does harm is written there, too. Where there is no atheris for this Python (macOS, ARM), the inputs of
`make test` are drawn for as long instead, and that is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.support.bounded import bounded
from tests.support.mutations import inputs

KEPT = Path(__file__).resolve().parents[2] / ".fuzz"
LONGEST = 8_192  # bytes of an input
OURS = ("formats", "jobs", "adapters", "app")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--parser", help="one parser only, in this process")
    chosen = arguments.parse_args()
    if chosen.parser:
        return _one(chosen.parser, chosen.seconds)
    if importlib.util.find_spec("atheris") is None:
        here = f"Python {sys.version.split()[0]} on {sys.platform}"
        print(f"  atheris is not available for {here}: inputs are drawn, and nothing guides them")
    from tests.support.parsers import PARSERS

    return int(any([_fuzzed(parser.name, chosen.seconds) for parser in PARSERS if not parser.starts_process]))


def _fuzzed(name: str, seconds: int) -> bool:
    """Whether some input did harm; its report is shown."""
    argv = [sys.executable, "-m", "tests.support.fuzz", "--seconds", str(seconds), "--parser", name]
    done = subprocess.run(argv, cwd=KEPT.parent, capture_output=True, text=True)
    runs = [line for line in done.stderr.splitlines() if line.startswith(("Done ", "#"))]
    told = "ok" if done.returncode == 0 else f"HARM, exit code {done.returncode}"
    print(f"  {name:<45} {told:<6} {runs[-1] if runs else ''}", flush=True)
    if done.returncode:
        print(done.stdout[-2_000:], done.stderr[-4_000:], sep="\n", flush=True)
    return done.returncode != 0


def _one(name: str, seconds: int) -> int:
    if importlib.util.find_spec("atheris") is None:
        return _drawn(name, seconds)
    import atheris

    with atheris.instrument_imports(include=list(OURS), enable_loader_override=False):
        from tests.support.parsers import PARSERS
    parser = next(parser for parser in PARSERS if parser.name == name)
    kept = _kept(name)
    for number, seed in enumerate(parser.seeds):
        (kept / f"seed{number}").write_bytes(seed)
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=30", f"-artifact_prefix={kept}/harm-"]
    atheris.Setup([sys.argv[0], str(kept), *limits], lambda data: bounded(parser, data, parser.bounds))
    atheris.Fuzz()  # ends the process
    return 0


def _drawn(name: str, seconds: int) -> int:
    from tests.support.parsers import PARSERS

    parser = next(parser for parser in PARSERS if parser.name == name)
    until, count = time.monotonic() + seconds, 0
    database = DirectoryBasedExampleDatabase(_kept(name))
    checks, phases = list(HealthCheck), (Phase.reuse, Phase.generate, Phase.shrink)

    @settings(max_examples=500, deadline=None, suppress_health_check=checks, phases=phases, database=database)
    @given(inputs(parser.seeds))
    def harmless(data: bytes) -> None:
        nonlocal count
        count += 1
        bounded(parser, data, parser.bounds)

    while time.monotonic() < until:
        harmless()
    print(f"Done {count} runs, not guided", file=sys.stderr)
    return 0


def _kept(name: str) -> Path:
    folder = KEPT / name.replace("/", "-").replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
