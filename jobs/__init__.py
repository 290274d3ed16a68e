"""Use cases and ports. Plain Python: no Airflow, no SQLAlchemy, no paramiko."""
