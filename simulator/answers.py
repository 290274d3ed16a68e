"""Sends the answers that are due: numbered, written, signed, encrypted, renamed into place."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from simulator import openpgp, store
from simulator.errors import CipherFailed
from simulator.home import Partner, SimulatorHome
from simulator.journal import Journal
from simulator.plan import Fault, LivePlan
from simulator.store import PlannedAnswer
from simulator.writer import ResponseHeader, write_response

_RETRY_SECONDS = 5.0


class Answers:
    """The outgoing side of the simulated provider. `gnupg` is a short path of the home's key ring."""

    def __init__(self, home: SimulatorHome, gnupg: Path, plan: LivePlan, journal: Journal) -> None:
        self._home = home
        self._gnupg = gnupg
        self._plan = plan
        self._journal = journal

    async def send_due(self, partner: Partner) -> None:
        """Send every answer whose time has come; one that gpg refuses is tried again later."""
        with store.transaction(self._home.database) as connection:
            waiting = store.due_answers(connection, time.time())
        for answer in waiting:
            try:
                await self._send(answer, partner)
            except CipherFailed as error:
                self._journal.write("answer_failed", answer.name or "", why=str(error))
                with store.transaction(self._home.database) as connection:
                    store.postpone(connection, answer, time.time() + _RETRY_SECONDS)

    def repeat(self, names: list[str]) -> None:
        """Put answers that were sent before out again: same bytes, same names."""
        for name in names:
            self._put_out(name)
            self._journal.write("answered_again", name)

    async def _send(self, answer: PlannedAnswer, partner: Partner) -> None:
        """The number is committed before the file exists: after a crash the same name is written again."""
        if answer.name is None:
            with store.transaction(self._home.database) as connection:
                answer = store.number_answer(connection, answer, self._step())
        plaintext = await asyncio.to_thread(self._plaintext, answer)
        message = await openpgp.protect(self._gnupg, plaintext, await self._signer(), partner.fingerprint)
        name = answer.name or ""
        (self._home.sent / name).write_bytes(self._damaged(message))
        self._put_out(name)
        with store.transaction(self._home.database) as connection:
            store.mark_sent(connection, answer)
        self._journal.write("answered", name, records=answer.record_count)

    def _step(self) -> int:
        if self._plan.has(Fault.SKIP_SEQUENCE):
            return 2
        return 0 if self._plan.has(Fault.REUSE_SEQUENCE) else 1

    def _plaintext(self, answer: PlannedAnswer) -> bytes:
        header = ResponseHeader(
            identifier=answer.id,
            batch_number=answer.batch_number,
            sequence=answer.sequence or 0,
            provider_id=answer.provider_id,
            batch_date_time=answer.batch_date_time,
            extract_date_time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            external_file_name=answer.name or "",
        )
        lie = 1 if self._plan.has(Fault.TRAILER_LIES) else 0
        details = answer.details
        return write_response(header, replace(details, hash_total=details.hash_total + lie))

    async def _signer(self) -> str | None:
        if self._plan.has(Fault.ANSWER_UNSIGNED):
            return None
        if self._plan.has(Fault.ANSWER_WRONG_SIGNER):
            return await self._home.stranger()
        return self._home.fingerprint

    def _damaged(self, message: bytes) -> bytes:
        """The message as it goes out: whole, unless the plan wants it cut or flipped."""
        middle = len(message) // 2
        if self._plan.has(Fault.ANSWER_TRUNCATED):
            return message[:middle]
        if self._plan.has(Fault.ANSWER_BIT_FLIP):
            return message[:middle] + bytes([message[middle] ^ 1]) + message[middle + 1 :]
        return message

    def _put_out(self, name: str) -> None:
        part = self._home.from_provider / f"{name}.part"
        shutil.copyfile(self._home.sent / name, part)
        part.replace(self._home.from_provider / name)
