"""The workbook that was read last, kept in memory: the steps of one run ask for the same one again and again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from formats.workbook.read.grid import Workbook
from jobs.ports import Workbooks

_MOST = 256 * 2**20
"""Bytes of cells that are kept: larger workbooks are read again."""


@dataclass
class RememberedWorkbooks:
    """Implements `jobs.ports.Workbooks` before another one.

    One workbook at most, known by its digest and the sheet asked for. It lives as long as the installation is open,
    and nothing of it comes to rest on disk. What was refused is not kept: the next look may have more time.
    """

    workbooks: Workbooks
    most: int = _MOST
    _last: tuple[tuple[str, str], Workbook] | None = field(default=None, init=False, repr=False)

    def read(self, data: bytes, sheet: str) -> Workbook:
        """See the port."""
        known = hashlib.sha256(data).hexdigest(), sheet
        last = self._last
        if last is not None and last[0] == known:
            return last[1]
        self._last = None  # two at a time would be one too many
        workbook = self.workbooks.read(data, sheet)
        if workbook.grid is not None and workbook.grid.table.nbytes <= self.most:
            self._last = known, workbook
        return workbook
