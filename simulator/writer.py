"""Writes generic-format responses, written from docs/generic-format.md alone."""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Answer(NamedTuple):
    """One D record of a response, without record type and line number."""

    level: str
    order_id: str
    delivery_number: str
    device_id: str
    outcome: str
    provider_code: str
    message: str


@dataclass(frozen=True)
class Details:
    """The D records of one file as bytes, and what the trailer says about them."""

    body: bytes
    record_count: int
    order_count: int
    hash_total: int


@dataclass(frozen=True)
class ResponseHeader:
    """What the H record of an answer says; date-times are texts in the form of the format."""

    identifier: int
    batch_number: str
    sequence: int
    provider_id: str
    batch_date_time: str
    extract_date_time: str
    external_file_name: str


def details_of(answers: Sequence[Answer]) -> Details:
    """The D records of `answers`, numbered from 1."""
    return Details(
        body=_text(("D", number, *answer) for number, answer in enumerate(answers, 1)),
        record_count=len(answers),
        order_count=len({answer.order_id for answer in answers} - {""}),
        hash_total=sum(zlib.crc32(answer.device_id.encode()) for answer in answers),
    )


def write_response(header: ResponseHeader, details: Details) -> bytes:
    """The plaintext of one answer."""
    first = (
        *("H", "MUSTER-GENERIC", "1", "Device Enrolment", "Device Enrolment Response"),
        *(header.identifier, header.batch_number, header.sequence, header.provider_id),
        *(header.batch_date_time, header.extract_date_time, details.record_count, header.external_file_name),
    )
    digest = hashlib.sha256(details.body).hexdigest()
    last = ("T", details.record_count, details.order_count, details.hash_total, digest)
    return _text([first]) + details.body + _text([last])


def _text(records: Iterable[Sequence[str | int]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(records)
    return text.getvalue().encode()
