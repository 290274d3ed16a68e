"""One column of a sheet while its cells are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from formats.schema import Column
from formats.workbook.read.grid import Marks

Mask = npt.NDArray[np.bool_]
Report = Callable[[str, Mask, "pa.StringArray | None"], None]
"""Takes a finding: its code, the rows it is about, what to say of each of them."""


@dataclass
class Cells:
    """One column at work: `values` are null where empty, `bad` marks cells that got an error.

    `shown`: what a cell shows where that is not its value, see `Grid`.
    """

    column: Column
    values: pa.StringArray
    marks: Marks  # without FORMULA
    bad: Mask
    report: Report
    shown: pa.StringArray

    def refuse(self, code: str, mask: Mask, fact: pa.StringArray | None = None) -> None:
        """An error, at those cells of `mask` that have none yet: one cell, one message."""
        fresh = mask & ~self.bad
        if fresh.any():
            self.report(code, fresh, None if self.column.secret else fact)
        self.bad |= mask

    def warn(self, code: str, mask: Mask, fact: pa.StringArray | None = None) -> None:
        if (mask & ~self.bad).any():
            self.report(code, mask & ~self.bad, None if self.column.secret else fact)


def mask_of(flags: pa.BooleanArray) -> Mask:
    """As numpy has it; null is false."""
    found: Mask = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return found
