"""`COMPLETED` with 7 of 9 rows failed read as success: the word is the source's, what came of it stands beside."""

from __future__ import annotations

import pytest

from jobs.upload import Counts, UploadState, outcome


@pytest.mark.parametrize(
    ("state", "counts", "said"),
    [
        (UploadState.COMPLETED, Counts(new=1, changed=1, failed=7), "7 of 9 rows failed"),
        (UploadState.COMPLETED, Counts(failed=1), "1 of 1 row failed"),
        (UploadState.COMPLETED, Counts(unchanged=1200), "all 1,200 rows passed"),
        (UploadState.COMPLETED, Counts(new=1), "1 row passed"),
        (UploadState.HELD, Counts(new=2, failed=7), "7 of 9 rows would fail"),
        (UploadState.HELD, Counts(new=2), "all 2 rows would pass"),
        (UploadState.FAILED, Counts(), "nothing was applied"),
        (UploadState.FAILED, Counts(new=5), "only 5 rows were applied"),
        (UploadState.IN_PROGRESS, Counts(new=5), ""),
    ],
)
def test_what_is_said(state: UploadState, counts: Counts, said: str) -> None:
    assert outcome(state, counts) == said
