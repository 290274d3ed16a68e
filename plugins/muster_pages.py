"""The list of runs as a page: no script, nothing loaded from anywhere, light and dark, phone and desktop."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from jinja2 import Environment

from jobs.runs import Run, RunStatus

_CLASS = {
    RunStatus.RUNNING: "going",
    RunStatus.DONE: "good",
    RunStatus.NOTHING: "calm",
    RunStatus.PARTLY: "warn",
    RunStatus.FAILED: "bad",
}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Run reports</title>
<style>
:root { color-scheme: light dark;
  --ink: light-dark(#1b2430, #e6eaf0); --soft: light-dark(#5a6675, #a3afbf);
  --line: light-dark(#dfe4ea, #333c49); --back: light-dark(#ffffff, #14181f); --raise: light-dark(#f6f8fa, #1b212b);
  --link: light-dark(#0b5cad, #7db8ff); --good: light-dark(#1a6b37, #7ed69c); --warn: light-dark(#8a5300, #f2b95c);
  --bad: light-dark(#b3261e, #ff9d94); }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.5rem clamp(1rem, 3vw, 2.5rem); background: var(--back); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .55rem .75rem; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th { font-size: .8rem; font-weight: 600; color: var(--soft); background: var(--raise); position: sticky; top: 0; }
tbody tr:hover { background: var(--raise); }
td { overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px; }
time { font-variant-numeric: tabular-nums; white-space: nowrap; }
.status { font-weight: 600; white-space: nowrap; }
.status::before { content: "●"; margin-right: .4rem; font-size: .8em; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
.calm { color: var(--soft); } .going { color: var(--link); }
.dry { display: inline-block; margin-left: .4rem; padding: 0 .4rem; border: 1px solid var(--line); border-radius: 1rem;
  font-size: .8rem; color: var(--soft); white-space: nowrap; }
@media (max-width: 44rem) {
  thead { position: absolute; clip-path: inset(50%); }
  table, tbody, tr, td { display: block; }
  tr { border: 1px solid var(--line); border-radius: .5rem; margin-bottom: .75rem; padding: .5rem .25rem; }
  td { border: 0; padding: .15rem .75rem; display: flex; gap: .75rem; }
  td::before { content: attr(data-label); flex: 0 0 5.5rem; color: var(--soft); font-size: .85rem; }
}
</style>
</head>
<body>
<h1>Run reports</h1>
{% if rows %}
<p>The newest {{ rows|length }} runs you may see. Times are UTC.</p>
<table>
<thead><tr>
<th scope="col">Status</th><th scope="col">Job</th><th scope="col">Provider</th><th scope="col">Started</th>
<th scope="col">By</th><th scope="col">Report</th>
</tr></thead>
<tbody>
{% for row in rows %}
<tr>
<td data-label="Status"><span class="status {{ row.css }}">{{ row.run.status }}</span></td>
<td data-label="Job"><span>{{ row.job }}{% if row.run.dry_run %}<span class="dry">dry run</span>{% endif %}</span></td>
<td data-label="Provider">{{ row.run.provider or "–" }}</td>
<td data-label="Started"><time datetime="{{ row.run.started_at.isoformat() }}">{{ row.started }}</time></td>
<td data-label="By">{{ row.run.actor }}</td>
<td data-label="Report">
{% if row.ended %}
<a href="reports/{{ row.path }}" aria-label="Report of run {{ row.run.id }}">Open</a>
{% else %}
not yet
{% endif %}
</td>
</tr>
{% endfor %}
</tbody>
</table>
{% else %}
<p>There is no run yet. Trigger a DAG, or wait for its schedule: its report appears here.</p>
{% endif %}
</body>
</html>
"""
_TEMPLATE = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)


def runs_page(runs: Sequence[Run]) -> str:
    """The page, newest run first as given."""
    return _TEMPLATE.render(rows=[_row(run) for run in runs])


def _row(run: Run) -> dict[str, object]:
    return {
        "run": run,
        "css": _CLASS[run.status],
        "job": run.job.value.replace("_", " ").capitalize(),
        "started": _utc(run.started_at),
        "ended": run.status is not RunStatus.RUNNING,
        "path": quote(run.id, safe=""),
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
