"""Answers of any content, signed with the simulator's key or another one, put where we collect them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from simulator import SimulatorHome, openpgp, store
from simulator.writer import Answer, ResponseHeader, details_of, write_response

_MOMENT = "2026-03-05T14:30:00Z"
_numbers = count(1)


def device(order: str, device_id: str, outcome: str, code: str = "", message: str = "") -> Answer:
    return Answer("DEVICE", order, "", device_id, outcome, code, message)


def whole_order(order: str, outcome: str, code: str = "", message: str = "") -> Answer:
    return Answer("ORDER", order, "", "", outcome, code, message)


@dataclass(frozen=True)
class Forge:
    """`recipient` is the fingerprint we decrypt with."""

    home: SimulatorHome
    recipient: str

    def next_sequence(self) -> int:
        """The number after the last one that the simulator or a forged answer was given."""
        with store.transaction(self.home.database) as connection:
            (last,) = connection.execute("SELECT coalesce(max(last), 0) FROM sequences").fetchone()
            connection.execute("REPLACE INTO sequences VALUES (?, ?)", (self.home.name, last + 1))
        return int(last) + 1

    def text(
        self,
        batch: str,
        answers: Sequence[Answer],
        *,
        sequence: int | str | None = None,
        provider: str = "acme",
        lie: int = 0,
    ) -> bytes:
        """The plaintext of an answer, with the next number unless told; `lie` is added to the hash total."""
        header = ResponseHeader(
            identifier=next(_numbers),
            batch_number=batch,
            sequence=self.next_sequence() if sequence is None else sequence,  # type: ignore[arg-type]  # a forger's
            provider_id=provider,
            batch_date_time=_MOMENT,
            extract_date_time=_MOMENT,
            external_file_name="forged.pgp",
        )
        details = details_of(answers)
        return write_response(header, replace(details, hash_total=details.hash_total + lie))

    def seal(self, plaintext: bytes, signer: str | None = "", ring: Path | None = None) -> bytes:
        """The message; `signer` is the simulator's key unless another one (or None) is given."""
        key = self.home.fingerprint if signer == "" else signer
        with openpgp.short_path(ring or self.home.gnupg) as gnupg:
            return openpgp.wait_for(openpgp.protect(gnupg, plaintext, key, self.recipient))

    def put(self, message: bytes, name: str = "") -> str:
        """Put the file where we collect it; returns its name."""
        target = self.home.from_provider / (name or f"forged-{next(_numbers):04d}.pgp")
        part = target.with_name(f"{target.name}.part")
        part.write_bytes(message)
        part.replace(target)
        return target.name

    def answer(self, batch: str, *answers: Answer, sequence: int | None = None) -> str:
        """A good answer with these records."""
        return self.put(self.seal(self.text(batch, answers, sequence=sequence)))
