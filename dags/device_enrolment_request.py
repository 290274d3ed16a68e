"""Sends enrolment and un-enrolment requests to one provider as encrypted batch files.

**When:** on the provider's `schedules.request`, or by hand with *Trigger*.

**Reads:** the registry: order lines that are dispatched, ask for enrolment (or its return) and are not yet sent.

**Does**

1. `settle_uncertain` looks whether batches whose delivery could not be proved have arrived.
2. `extract_to_generic_format` claims lines, makes batches within the provider's limits, then signs, encrypts and
   archives them.
3. `device_enrolment_adaptor` sends each sealed batch over the provider's channel and keeps the evidence.
4. `write_report` writes the run report (button *Validation report*), whatever became of the steps.

*Trigger* offers a **dry run** (nothing is written or sent) and narrowing to one **order** or one **batch**.

**Skipped (pink)** means: that step had nothing to do.

**When it is red**

1. Open the failed task's log: the last lines name a code such as `[HOST_KEY_REFUSED]` and what to do.
2. Network trouble is retried by itself with growing pauses; what needs a person fails at once.
3. Mend the cause, then *Clear* the failed task, or wait for the next run: a line is never sent twice, and a batch keeps
   its bytes and its name.

`[DELIVERY_UNCERTAIN]`: do nothing in haste; the batch is held until a listing or the provider's answer settles it.
`[NOT_CONSERVED]`: pause the DAGs and see the runbook first.
"""

from __future__ import annotations

from _muster import provider_dags

from jobs.job import Job

for dag in provider_dags(Job.REQUEST, __doc__ or "", lambda provider: provider.schedules.request):
    globals()[dag.dag_id] = dag  # Airflow takes the DAGs it finds here
