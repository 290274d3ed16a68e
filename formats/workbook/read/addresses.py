"""The addresses of a sheet's cells, to see whether one stands twice: readers differ in which of the two they take."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from formats.workbook.layout import column_letters
from formats.workbook.read.inspection import COLUMN_BITS, LAST_COLUMN

_ADDRESSES = re.compile(rb'<c r="([A-Z]{1,2}[0-9]{1,7})"')
_LONGEST = 9
_BATCH = 2**20  # bytes of runs


class Addresses:
    """Keys of cells (`inspection.key`), eight bytes each."""

    def __init__(self) -> None:
        self._keys: list[npt.NDArray[np.int64]] = []
        self._single: list[int] = []
        self._offered: dict[int, bytes] = {}
        self._count = 0
        self._runs: list[bytes] = []
        self._size = 0

    def add(self, cell: int) -> None:
        self._single.append(cell)

    def offer(self, run: bytes) -> int:
        """Cells as they stand in the sheet, each with its address; they count when their number is taken."""
        self._count += 1
        self._offered[self._count] = run
        return self._count

    def take(self, number: int) -> None:
        """The parser has met the run: it does not stand in a comment."""
        run = self._offered.pop(number, b"")
        self._runs.append(run)
        self._size += len(run)
        if self._size > _BATCH:
            self._count_runs()

    def doubled(self) -> str:
        """The address of the first cell that stands twice, such as `C17`; empty if none does."""
        self._count_runs()
        keys = np.concatenate([*self._keys, np.array(self._single, np.int64)])
        if len(keys) < 2 or np.all(keys[1:] > keys[:-1]):
            return ""
        keys.sort()
        twice = keys[1:][keys[1:] == keys[:-1]]
        if not len(twice):
            return ""
        return f"{column_letters(int(twice[0]) & LAST_COLUMN)}{int(twice[0]) >> COLUMN_BITS}"

    def _count_runs(self) -> None:
        found = _ADDRESSES.findall(b"".join(self._runs))
        self._runs, self._size = [], 0
        if not found:
            return
        signs = np.array(found, dtype=f"S{_LONGEST}").view(np.uint8).reshape(-1, _LONGEST)
        rows, columns = np.zeros(len(found), np.int64), np.zeros(len(found), np.int64)
        for at in range(_LONGEST):
            sign = signs[:, at].astype(np.int64)
            letter, digit = sign >= ord("A"), (sign >= ord("0")) & (sign <= ord("9"))
            columns = np.where(letter, columns * 26 + sign - ord("A") + 1, columns)
            rows = np.where(digit, rows * 10 + sign - ord("0"), rows)
        self._keys.append(rows << COLUMN_BITS | columns - 1)
