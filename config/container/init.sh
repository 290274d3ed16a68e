#!/bin/bash
# Brings databases, workspace and pools to the state of this image. Safe to run again, e.g. for a new provider.
set -euo pipefail

airflow db migrate
muster init --registry-url env:MUSTER_REGISTRY_URL
muster check-config
muster airflow-pools >/tmp/pools.json
airflow pools import /tmp/pools.json
