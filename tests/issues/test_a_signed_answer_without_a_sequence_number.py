"""An answer whose header says sequence 0 was applied, and was looked at for neither reuse nor gaps.

Numbers count from 1; only the JSON form has none. A partner whose exporter lost its counter would have sent every
answer as number 0, and a missing file would never have been noticed.
"""

from __future__ import annotations

from sqlalchemy import select

from adapters.registry.tables import files
from tests.support.desk import Desk
from tests.support.forge import device
from tests.support.installation import order_row


def test_a_signed_answer_with_sequence_zero_is_set_aside(desk: Desk) -> None:
    row = order_row(next(desk.numbers))
    enrolled = device(row["order_number"], row["serial_number"], "ENROLLED", "COMPLETE")
    batch = desk.batch(row)
    name = desk.forge.answer(batch, enrolled, sequence=0)
    report = desk.response()
    assert [(file.name, file.state) for file in report.files] == [(name, "QUARANTINED")]
    assert {finding.code for finding in report.findings} == {"ANSWER_SEQUENCE_MISSING"}
    assert desk.states(row["serial_number"]) == ["SENT"]
    assert desk.rows(select(files.c.sequence).where(files.c.name == name)) == [(None,)]
    desk.forge.answer(batch, enrolled)
    report = desk.response()
    assert report.findings == []
    assert desk.states(row["serial_number"]) == ["ENROLLED"]


def test_an_answer_as_json_has_none(desk: Desk) -> None:
    row = order_row(next(desk.numbers))
    batch = desk.batch(row)
    body = (
        '{"interfaceCategory": "Device Enrolment", "interfaceType": "Device Enrolment Response", "version": 1.0,'
        f' "batchNumber": "{batch}", "deviceEnrolmentProviderId": "acme",'
        ' "extractLoadDateTime": "2026-03-05T14:30:00Z", "order": {"id": "%s",'
        ' "devices": [{"deviceId": "%s", "outcome": "ENROLLED"}]}}'
    ) % (row["order_number"], row["serial_number"])
    desk.app.receive_answer("acme", desk.forge.seal(body.encode()), "bob@example.com")
    assert desk.response().findings == []
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
