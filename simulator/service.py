"""The running simulator: the SFTP server and the loop that takes requests and sends answers."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from simulator import openpgp, server, store
from simulator.answers import Answers
from simulator.home import SimulatorHome
from simulator.journal import Journal
from simulator.plan import LivePlan, Plan, parse_plan
from simulator.requests import Requests

BANNER = """\
*** PROVIDER SIMULATOR - FOR TESTING ONLY ***
It plays a Device Enrolment Provider and enrols nothing. Send it invented orders and devices only."""
_TURN_SECONDS = 0.2


async def serve(home: SimulatorHome, host: str, port: int, plan: Plan | None, ready: Callable[[int], None]) -> None:
    """Play the provider until cancelled; `ready` gets the port once clients may connect.

    Port 0 is the port of the last run if that is free, else any. `plan` None is the home's
    plan file; in either case rewriting that file changes the plan.
    """
    store.prepare(home.database)
    journal = Journal(home)
    live = LivePlan(home.plan, plan, lambda faulty: journal.write("plan_faulty", "plan.toml", why=str(faulty)))
    with openpgp.short_path(home.gnupg) as gnupg:
        try:
            async with server.serving(home, host, port, live) as bound:
                home.remember_port(bound)
                journal.write("listening", "-", port=bound)
                ready(bound)
                await _work(home, gnupg, live, journal)
        finally:
            await openpgp.kill_agent(gnupg)


def run(home_path: Path, host: str = "127.0.0.1", port: int = 0, plan_path: Path | None = None) -> None:
    """Play the provider until SIGTERM or SIGINT; its address and keys go to standard output as one JSON line.

    A plan given here becomes the home's plan. Raises SimulatorError if there is no home
    or the plan is faulty.
    """
    home = SimulatorHome.open(home_path)
    if plan_path is not None:
        parse_plan(plan_path.read_text())
        shutil.copyfile(plan_path, home.plan)
    print(BANNER, file=sys.stderr, flush=True)
    asyncio.run(_until_signal(home, host, port))


async def _until_signal(home: SimulatorHome, host: str, port: int) -> None:
    def announce(bound: int) -> None:
        line = home.announce({"host": host, "port": bound, "host_key": home.host_key, "fingerprint": home.fingerprint})
        print(line, flush=True)

    home.ready.unlink(missing_ok=True)
    serving = asyncio.create_task(serve(home, host, port, None, announce))
    for wanted in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wanted, serving.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await serving
    finally:
        home.ready.unlink(missing_ok=True)


async def _work(home: SimulatorHome, gnupg: Path, live: LivePlan, journal: Journal) -> None:
    answers = Answers(home, gnupg, live, journal)
    requests = Requests(home, gnupg, answers, journal)
    while True:
        plan = live.current()
        partner = home.partner()
        if partner is not None:
            await requests.take_all(partner, plan)
            await answers.send_due(partner)
        await asyncio.sleep(_TURN_SECONDS)
