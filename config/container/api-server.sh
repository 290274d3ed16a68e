#!/bin/bash
# Starts the Airflow console. SimpleAuthManager opens its password file for writing, so it gets a private copy.
set -euo pipefail

install -m 0600 /run/secrets/console_passwords "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
exec airflow api-server
