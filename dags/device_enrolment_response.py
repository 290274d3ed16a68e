"""Fetches one provider's answers and brings the device registry up to date.

**When:** on the provider's `schedules.response`, or by hand with *Trigger*. Answers posted to
`/muster/inboundDeviceEnrolment/<provider>` are taken along.

**Reads:** the provider's answer folder. A file is taken once its size and time have stopped changing.

**Does**

1. `device_enrolment_adaptor` lists, fetches and archives new answer files.
2. `load_from_generic_format` verifies the signature, decrypts, checks totals and sequence, and finds the batch; a bad
   file goes to quarantine, whole, with its reason, and the next one goes on.
3. `device_enrolment_response` applies each file in one transaction, writes workflow events, and last moves the file at
   the provider.
4. `write_report` writes the run report (button *Validation report*), whatever became of the steps.

*Trigger* offers a **dry run** (nothing is written, no file is moved) and narrowing to one **order** or one **batch**.

**Skipped (pink)** means: that step had nothing to do, mostly because no answer has come.

**When it is red**

1. Open the failed task's log: the last lines name a code such as `[SIGNER_NOT_ALLOWED]` and what to do.
2. Network trouble is retried by itself with growing pauses; what needs a person fails at once.
3. Mend the cause, then *Clear* the failed task, or wait for the next run: an answer is never applied twice.

A file in quarantine is kept whole, with its reason, in the archive; the others are not held up by it.
`[NOT_CONSERVED]`: pause the DAGs and see the runbook first.
"""

from __future__ import annotations

from _muster import provider_dags

from jobs.job import Job

for dag in provider_dags(Job.RESPONSE, __doc__ or "", lambda provider: provider.schedules.response):
    globals()[dag.dag_id] = dag  # Airflow takes the DAGs it finds here
