"""An answer by HTTP was taken from anybody who may trigger the response DAG, and believed without a signature.

A removed uploader forged one for another customer. Who may send is named in the provider's file (the routes:
`tests/dags/test_web.py`), and what is sent is signed and encrypted as files are.
"""

from __future__ import annotations

import pytest

from jobs.errors import MessageRefused
from tests.support.desk import Desk
from tests.support.installation import order_row


def document(batch: str, row: dict[str, str]) -> bytes:
    return (
        '{"interfaceCategory": "Device Enrolment", "interfaceType": "Device Enrolment Response", "version": 1.0,'
        f' "batchNumber": "{batch}", "deviceEnrolmentProviderId": "acme",'
        ' "extractLoadDateTime": "2026-03-05T14:30:00Z", "order": {"id": "%s",'
        ' "devices": [{"deviceId": "%s", "outcome": "ENROLLED"}]}}'
    ).encode() % (row["order_number"].encode(), row["serial_number"].encode())


@pytest.mark.parametrize("sealed", [False, True])
def test_what_the_provider_did_not_sign_is_refused_and_leaves_nothing(desk: Desk, sealed: bool) -> None:
    row = order_row(next(desk.numbers))
    body = document(desk.batch(row), row)
    message = desk.forge.seal(body, signer=None) if sealed else body
    before = desk.dump()
    with pytest.raises(MessageRefused):
        desk.app.receive_answer("acme", message, "mallory@example.com")
    assert desk.dump() == before
    desk.response()
    assert desk.states(row["serial_number"]) == ["SENT"]


def test_what_the_provider_signed_is_applied(desk: Desk) -> None:
    row = order_row(next(desk.numbers))
    body = document(desk.batch(row), row)
    desk.app.receive_answer("acme", desk.forge.seal(body), "acme-service")
    (file,) = desk.response().files
    assert file.state == "DONE"
    assert desk.states(row["serial_number"]) == ["ENROLLED"]
