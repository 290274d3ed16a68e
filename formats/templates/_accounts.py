"""Account numbers of customers that come without one."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.compute as pc


def generated_accounts(names: pa.StringArray) -> pa.StringArray:
    """`C-` and twelve hexadecimal digits: the same for the same name in any case, whenever it is made."""
    folded = pc.utf8_lower(names).dictionary_encode()
    accounts = [_account(name) for name in folded.dictionary.to_pylist()]
    return pa.array(accounts, pa.string()).take(folded.indices)


def _account(name: str) -> str:
    return f"C-{hashlib.sha256(name.encode()).hexdigest()[:12].upper()}"
