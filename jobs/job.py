"""The jobs there are, by the names that Airflow DAGs and `muster run` use."""

from __future__ import annotations

from enum import StrEnum


class Job(StrEnum):
    """What each does, step by step: `jobs.catalogue`."""

    ORDER_DISPATCH = "order_dispatch"
    REQUEST = "device_enrolment_request"
    RESPONSE = "device_enrolment_response"
    BULK_UPLOAD = "bulk_upload"
