"""Python reads no number of 4,301 digits, no pattern repeated 2^32 times, no endless nesting: nor do we, and say so.

A cron schedule, a status line of gpg and both kinds of configuration files ended in a ValueError, RecursionError or
OverflowError that nobody expected; a count of records that was a text was shown whole.
"""

from __future__ import annotations

import pytest

from tests.support.parsers import PARSERS
from tests.unit.test_order_dispatch import ORDER, as_json

DIGITS = b"9" * 5_000
CASES = [
    ("cron", b"*/" + DIGITS + b" * * * *"),
    ("cron", DIGITS + b" * * * *"),
    ("cron", b"1-" + DIGITS + b" * * * *"),
    ("cron", b"x" * 5_000 + b" * * * *"),
    ("status lines of gpg", b"[GNUPG:] ERROR pkdecrypt_failed " + DIGITS),
    ("status lines of gpg", "[GNUPG:] FAILURE decrypt ٣".encode()),
    ("muster.toml", b"x = " + DIGITS),
    ("muster.toml", b"[inbox]\nmax_file_bytes = " + DIGITS),
    ("muster.toml", b"x = " + b"[" * 5_000),
    ("muster.toml", b"[inbox]\npatterns = ['" + b"(" * 3_000 + b"']"),
    ("muster.toml", b"[inbox]\npatterns = ['a{99999999999}']"),
    ("provider file", b"x = " + b"{a=" * 3_000),
    ("provider file", b'kind = "generic"\nx = ' + DIGITS),
    ("provider file", b"[folders]\ninbound_pattern = 'a{99999999999}'"),
    ("orders as JSON", as_json(ORDER, recordCount="9" * 5_000)),
    ("orders as JSON", as_json(ORDER, recordCount=["a" * 5_000])),
    ("customers file", b"account,na\x00me,provider,organisation_id\n"),
    ("customers file", b"a" * 5_000 + b",name\n"),
]


@pytest.mark.parametrize(("parser", "data"), CASES, ids=range(len(CASES)))
def test_it_is_refused_in_words(parser: str, data: bytes) -> None:
    next(item for item in PARSERS if item.name == parser)(data)
