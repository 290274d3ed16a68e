#!/bin/bash
# Runs once, when the PostgreSQL volume is empty: one role and one database for Airflow, one for Muster.
set -euo pipefail

psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv muster_password MUSTER_DB_PASSWORD
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE muster LOGIN PASSWORD :'muster_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE muster OWNER muster;
REVOKE CONNECT ON DATABASE airflow FROM PUBLIC;
REVOKE CONNECT ON DATABASE muster FROM PUBLIC;
SQL
