"""The reporter: documents a run's data quality with Great Expectations. It decides nothing.

The suite is derived from `formats.checks.checks_of`, the list the judge reads, and is
evaluated by code of its own; `tests/unit/test_quality_parity.py` holds the two equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from formats.schema import RecordSchema

if TYPE_CHECKING:
    from jobs.runs import Validation


def validate(schema: RecordSchema, table: pa.Table, subject: str) -> Validation:
    """Run the suite of `schema` over `table` (text columns, an empty cell is null).

    The results stand in the order of `checks_of(schema)` and hold counts only, no cell
    values: `evaluated` is the number of rows the expectation is about, empty cells
    included. Raises MusterError when an expectation could not be evaluated.
    """
    from adapters.quality import suite  # importing Great Expectations takes seconds

    return suite.run(schema, table, subject)
