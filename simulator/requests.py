"""Takes requests: verified, checked, judged, booked; their answers are planned in the same transaction."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from sqlite3 import Connection

from simulator import openpgp, store
from simulator.answers import Answers
from simulator.enrolments import Book
from simulator.errors import MessageRefused
from simulator.home import Partner, SimulatorHome
from simulator.journal import Journal
from simulator.plan import ORDER, Fault, Plan
from simulator.provider import answer_lines
from simulator.reader import RequestFile, RequestHeader, RequestRefused, read_request
from simulator.writer import Answer, details_of

_BAD_SIGNATURE = "GEN-001"
_OTHER_CONTENT = "GEN-003"


class Requests:
    """The incoming side of the simulated provider. `gnupg` is a short path of the home's key ring."""

    def __init__(self, home: SimulatorHome, gnupg: Path, answers: Answers, journal: Journal) -> None:
        self._home = home
        self._gnupg = gnupg
        self._answers = answers
        self._journal = journal

    async def take_all(self, partner: Partner, plan: Plan) -> None:
        """Deal with every request that has lain long enough under its final name.

        The wait lets an uploader look at its file after the rename, as it can at real providers.
        """
        for path in sorted(self._home.to_provider.glob("*.pgp")):
            if path.is_file() and time.time() - path.stat().st_ctime >= plan.settle_seconds:
                path.replace(self._home.arrived / path.name)
        for path in sorted(self._home.arrived.iterdir()):
            await self._take(path, partner, plan)
            path.replace(_free(self._home.processed / path.name))

    async def _take(self, path: Path, partner: Partner, plan: Plan) -> None:
        try:
            plaintext = await openpgp.open_message(self._gnupg, path.read_bytes(), partner.fingerprint)
        except MessageRefused as error:
            self._journal.write("refused", path.name, code=_BAD_SIGNATURE, why=str(error))
            return
        repeated = await asyncio.to_thread(self._judge, path.name, plaintext, plan)
        self._answers.repeat(repeated)

    def _judge(self, name: str, plaintext: bytes, plan: Plan) -> list[str]:
        """Book the request and plan its answers; returns the names of earlier answers to repeat."""
        try:
            request = read_request(plaintext)
        except RequestRefused as refused:
            self._refuse(name, refused)
            return []
        digest = hashlib.sha256(plaintext).hexdigest()
        with store.transaction(self._home.database) as connection:
            known = store.known_digest(connection, request.header)
            earlier = store.sent_names(connection, request.header)
            expected = store.highest_sequence(connection, request.header.provider_id) + 1
            records = 0 if known else _process(connection, request, digest, plan)
        if known is None:
            self._journal.write("processed", name, lines=len(request.lines), records=records)
            self._remark(name, request.header, expected)
            return []
        if known == digest:
            self._journal.write("duplicate", name, lines=len(request.lines))
            return earlier if plan.answer_duplicates else []
        self._refuse(name, RequestRefused(_OTHER_CONTENT, "batch number stands for other content", request.header))
        return []

    def _remark(self, name: str, header: RequestHeader, expected: int) -> None:
        """What a partner should mend although the request was processed."""
        if header.external_file_name != name:
            self._journal.write("remark", name, what="file name differs from the H record's")
        if header.sequence != expected:
            self._journal.write("remark", name, what="sequence number is not the next", expected=expected)
        if header.provider_id != self._home.name:
            self._journal.write("remark", name, what="provider id is not the simulator's")

    def _refuse(self, name: str, refused: RequestRefused) -> None:
        """A FILE level answer, if the request could at least be read far enough to name its batch."""
        self._journal.write("refused", name, code=refused.code, why=refused.what)
        if refused.header is not None:
            answer = Answer("FILE", "", "", "", "ERROR", refused.code, refused.what)
            with store.transaction(self._home.database) as connection:
                store.plan_answer(connection, refused.header, details_of([answer]), time.time())


def _process(connection: Connection, request: RequestFile, digest: str, plan: Plan) -> int:
    """Returns the number of answer records."""
    lines = request.lines
    book = Book(connection, (line.order_id for line in lines), (line.device_id for line in lines))
    answers = answer_lines(lines, book, plan)
    book.save()
    store.keep_batch(connection, request.header, digest)
    if Fault.ENVELOPE_DISAGREES in plan.faults:
        answers = [_contrary(answer) for answer in answers]
    _plan_answers(connection, request.header, answers, plan)
    return len(answers)


def _plan_answers(connection: Connection, header: RequestHeader, answers: Sequence[Answer], plan: Plan) -> None:
    times = 2 if Fault.DUPLICATE_ANSWER in plan.faults else 1
    for part, records in enumerate(_split(answers, plan.split_answers), 1):
        for _ in range(times):
            store.plan_answer(connection, header, details_of(records), time.time() + part * plan.delay_seconds)


def _split(answers: Sequence[Answer], parts: int) -> Iterator[Sequence[Answer]]:
    """Up to `parts` pieces of nearly the same size, none of them empty (unless there is nothing at all)."""
    parts = max(1, min(parts, len(answers)))
    edges = [len(answers) * number // parts for number in range(parts + 1)]
    return (answers[start:end] for start, end in pairwise(edges))


def _contrary(answer: Answer) -> Answer:
    """An order's record that says the opposite of its devices'."""
    if answer.level != ORDER:
        return answer
    outcome = "ERROR" if answer.outcome == "COMPLETE" else "COMPLETE"
    return answer._replace(outcome=outcome, provider_code=outcome)


def _free(path: Path) -> Path:
    """`path`, or with a number after it if that is taken: a request may come twice under one name."""
    number = 1
    free = path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}.{number}")
    return free
