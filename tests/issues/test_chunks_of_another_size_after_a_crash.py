"""An upload that stopped halfway was continued at the next chunk's beginning, counted anew from the first row.

With another `chunk_rows` in the meantime that beginning lay behind rows nobody had applied: they were lost.
"""

from __future__ import annotations

from typing import Any

import pytest

from jobs.upload import Counts, UploadState
from jobs.uploads import applying
from tests.integration.test_bulk_upload import set_rules
from tests.support.desk import Desk, desk  # noqa: F401  (a fixture)
from tests.support.uploads import UploadDesk, filled, location


def test_no_row_is_left_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    uploads, deal = UploadDesk(desk), applying.deal_chunk

    def die_in_the_second(*arguments: Any) -> Any:
        if arguments[-1] > 0:
            raise RuntimeError("killed")
        return deal(*arguments)

    usual = desk.app
    uploads.drop("locations", filled("locations", *(location(f"Place {number}") for number in range(7))))
    set_rules(uploads, chunk_rows=3)
    monkeypatch.setattr(applying, "deal_chunk", die_in_the_second)
    with pytest.raises(RuntimeError):
        uploads.run()
    assert uploads.newest().rows_done == 3
    monkeypatch.undo()
    set_rules(uploads, chunk_rows=2)
    uploads.run()
    desk.app = usual
    assert (uploads.newest().state, uploads.newest().counts) == (UploadState.COMPLETED, Counts(new=7))
