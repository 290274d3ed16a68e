"""Drives the exchange through Airflow: triggers the real DAGs over REST and waits for what they do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from app.console import Console
from app.demo.ledger import Ledger
from app.demo.orders import PROVIDER, Dispatch
from app.demo.stage import Stage
from app.demo.steps import Step, Steps
from formats.enrolment import RequestType
from jobs.catalogue import PLANS, STEPS
from jobs.errors import MusterError
from jobs.job import Job
from jobs.states import REFUSED_BUCKET, LineState

_ROUNDS = 4  # two are needed: returns wait until their device is enrolled
_DAGS_TIMEOUT = 600.0
_ENDS = {RequestType.ORDER: "to enrol", RequestType.RETURN: "to return"}


class DemoFailed(MusterError):
    code = "DEMO_FAILED"
    remedy = "Nothing is lost: mend the cause and run the demo again, it goes on where it stopped"


class Flow:
    """One order file's way through the running system. `allowance` is the longest a job may take (seconds)."""

    def __init__(self, stage: Stage, console: Console, ledger: Ledger, steps: Steps, allowance: float) -> None:
        self._workspace = stage.workspace
        self._simulator = stage.simulator
        self._console = console
        self._client = console.client
        self._ledger = ledger
        self._steps = steps
        self._allowance = allowance

    def exchange(self, dispatch: Dispatch) -> None:
        """Load the file, then request and response until no line waits. Raises DemoFailed."""
        self._dispatch(dispatch)
        for _ in range(_ROUNDS):
            self._request()
            self._answers()
            self._response()
            if self._ledger.open_lines() == 0:
                return

    def _dispatch(self, dispatch: Dispatch) -> None:
        with self._steps.step("Order file") as step:
            known = self._ledger.is_loaded()
            _drop(self._workspace.inbox / dispatch.name, dispatch.data)
            self._run(Job.ORDER_DISPATCH, step)
            if known:
                step.result = f"{dispatch.name} is known: nothing loaded twice"
                return
            refused = self._ledger.buckets()[REFUSED_BUCKET]
            step.result = f"{dispatch.rows:,} rows read: {dispatch.rows - refused:,} loaded, {refused:,} refused"

    def _request(self) -> None:
        with self._steps.step("Request") as step:
            before, batches = self._ledger.submitted(), len(self._ledger.batches())
            self._run(Job.REQUEST, step)
            new = self._ledger.submitted() - before
            made = len(self._ledger.batches()) - batches
            devices = " and ".join(
                f"{_count(number, 'device', 's')} {_ENDS[RequestType(kind)]}" for kind, number in new.items()
            )
            step.result = f"{_count(made, 'batch')} sent, encrypted: {devices}" if made else "nothing to send"

    def _answers(self) -> None:
        """The simulator answers each batch with one file."""
        with self._steps.step("Provider") as step:
            sent = self._ledger.sent_batches(PROVIDER)
            until = time.monotonic() + self._allowance
            while (answered := len(list(self._simulator.sent.glob("*.pgp")))) < sent:
                step.note(f"{answered} of {sent} batches answered")
                self._console.check()
                if time.monotonic() > until:
                    log = self._workspace.home / "airflow/logs/simulator.log"
                    raise DemoFailed(f"{PROVIDER} has answered {answered} of {sent} batches only; its log is {log}")
                time.sleep(0.2)
            step.result = f"{PROVIDER} has answered {answered} of {_count(sent, 'batch')}"

    def _response(self) -> None:
        with self._steps.step("Response") as step:
            before = self._ledger.buckets()
            self._run(Job.RESPONSE, step)
            now = self._ledger.buckets()
            ends = (LineState.ENROLLED, LineState.UNENROLLED, LineState.REJECTED, LineState.REVIEW)
            new = [f"{now[end] - before[end]:,} {end.lower()}" for end in ends if now[end] > before[end]]
            step.result = f"applied: {', '.join(new)}" if new else "no new answer"

    def _run(self, job: Job, step: Step) -> None:
        """One run of the job's DAG, to its end."""
        dag_id = f"{job}.{PROVIDER}" if PLANS[job].per_provider else job.value
        run_id = self._client.trigger(dag_id)
        try:
            end = self._client.wait(dag_id, run_id, self._allowance, _reporter(job, step), self._console.check)
        except BaseException:
            with suppress(MusterError):  # Airflow may be the one that failed
                self._client.give_up(dag_id, run_id)
            raise
        if end == "success":
            return
        tasks = self._client.tasks(dag_id, run_id)
        failed = [task for task in STEPS[job] if tasks.get(task) == "failed"]
        logs = self._workspace.home / "airflow/logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
        raise DemoFailed(f"{dag_id} failed in {', '.join(failed) or 'its report'}; its logs are in {logs}")


def await_dags(console: Console) -> None:
    """Wait until Airflow has read the demo's DAGs. Raises DemoFailed with what keeps it from that."""
    client = console.client
    wanted = {Job.ORDER_DISPATCH.value, f"{Job.REQUEST}.{PROVIDER}", f"{Job.RESPONSE}.{PROVIDER}"}
    until = time.monotonic() + _DAGS_TIMEOUT
    while not wanted <= set(client.dags()):
        if errors := client.import_errors():
            raise DemoFailed("Airflow cannot read the DAGs:\n" + "\n".join(errors))
        if time.monotonic() > until:
            raise DemoFailed(f"Airflow has not read the DAGs within {_DAGS_TIMEOUT:.0f} s")
        console.check()
        time.sleep(0.3)


def _reporter(job: Job, step: Step) -> Callable[[str, Mapping[str, str]], None]:
    """Tells `step` which task is at work."""
    total = len(STEPS[job]) + 2

    def report(state: str, tasks: Mapping[str, str]) -> None:
        done = sum(task in ("success", "skipped") for task in tasks.values())
        busy = [task for task, at in tasks.items() if at == "running"]
        step.note(f"{' '.join(busy) or state} ({done} of {total} tasks done)")

    return report


def _drop(target: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    part = target.with_suffix(".part")
    part.write_bytes(data)
    part.replace(target)


def _count(number: int, noun: str, ending: str = "es") -> str:
    return f"{number:,} {noun}{'' if number == 1 else ending}"
