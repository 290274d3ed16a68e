#!/bin/bash
# Brings databases, workspace and pools to the state of this image. Safe to run again, e.g. for a new provider.
set -euo pipefail

airflow db migrate
[ -f "$MUSTER_HOME/muster.toml" ] || install -m 0640 config/container/muster.toml "$MUSTER_HOME/muster.toml"
muster init
muster check-config
muster airflow-pools >/tmp/pools.json
airflow pools import /tmp/pools.json
