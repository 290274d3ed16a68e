"""Health check: exits 0 if the console reports this component as healthy. `heartbeat.py scheduler`."""

from __future__ import annotations

import json
import sys
from urllib.request import urlopen

# Asking the console takes a tenth of a second; `airflow jobs check` takes several, each time.
URL = "http://api-server:8080/api/v2/monitor/health"

with urlopen(URL, timeout=10) as answer:
    status = json.load(answer)[sys.argv[1]]["status"]
if status != "healthy":
    sys.exit(f"{sys.argv[1]} is {status}")
