"""Loads Order Dispatch files: which devices were shipped on which orders, and who wants them enrolled.

**When:** on the schedule of `[inbox]` in `muster.toml`, or by hand with *Trigger*.

**Reads:** `*.csv`, `*.txt` and `*.json` files in the workspace's `inbox/orders/` (and on the SFTP server of
`[inbox.source]`, if there is one), once they have stopped changing. A file that was loaded before is recognised by its
content.

**Does:** `load_order_dispatch` checks every row, stores the good order lines with their devices, and reports the
others. A wrong row never blocks the good ones; a file that cannot be read at all goes to quarantine.
`write_report` writes the run report (button *Validation report*).

**Skipped (pink)** means: no file was waiting.

**When it is red**

1. Open the failed task's log: the last lines name a code such as `[KEY_UNUSABLE]` and what to do.
2. Open *Validation report* on `write_report`: it lists each file with its findings by row.
3. Mend the cause, then *Clear* the failed task (or *Trigger* the DAG again): nothing is loaded twice.

`[CONFIGURATION_FAULTY]`: run `muster check-config`. `[NOT_CONSERVED]`: pause the other DAGs and see the runbook first.
"""

from __future__ import annotations

from _muster import job_dag, settings
from airflow.sdk import DAG

from jobs.job import Job

dag: DAG = job_dag(Job.ORDER_DISPATCH, __doc__ or "", settings().inbox.schedule)
