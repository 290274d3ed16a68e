"""Takes in staff's workbooks: checks every row, applies the good ones, and gives each workbook back answered.

**When:** every minute (`schedule` of `[uploads]` in `muster.toml`), or by hand with *Trigger*.

**Reads:** workbooks in the workspace's `inbox/uploads/<template>/<uploader>/` (and on the SFTP server of
`[uploads.source]`, if there is one), once they have stopped changing. `muster template` lists the templates.

**Does**

1. `look` ends the run at once if nothing waits.
2. `collect_uploads` archives each workbook, gives it its number in the history, and takes it out of the folder.
3. `apply_uploads` reads it in a guarded process, judges every row, and applies the good ones chunk by chunk. A wrong
   row never blocks the good ones; a workbook with a wrong heading or hostile parts is refused as a whole.
4. `answer_uploads` lays the submitter's own workbook, with a result for each row, into `done/` or `failed/` beside the
   place it came from.
5. `write_report` writes the run report (button *Validation report*).

*Trigger* offers a **dry run**: what lies in the folders is checked and counted, and stays where it is.

**Skipped (pink)** means: that step had nothing to do.

**When it is red**

1. Open the failed task's log: the last lines name a code and what to do.
2. Mend the cause, then *Clear* the failed task or wait a minute: an upload goes on behind the last rows that were
   applied, and no row is applied twice.

**When it is green and the report says *partly failed*:** rows failed, or something could not be taken: a file over the
limit, a folder or server that cannot be reached. The report says what; the rest was done. What still lies there is said
again every ten minutes.

An upload that is `HELD` waits for a decision: `muster uploads show NUMBER`, then `muster uploads commit` or `discard`.
`[NOT_CONSERVED]`: pause the other DAGs and see the runbook first.
"""

from __future__ import annotations

from _muster import job_dag, settings
from airflow.sdk import DAG

from jobs.job import Job

dag: DAG = job_dag(Job.BULK_UPLOAD, __doc__ or "", settings().uploads.schedule)
