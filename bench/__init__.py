"""Benchmarks: honest timings outside the tests. `make bench` runs them and prints the table."""
