"""Pure formats: record schemas, the generic format, findings.

Bytes or rows come in, Arrow tables and findings come out. Nothing here reads a
clock, a network, a file or a database, and nothing of ours is imported from outside.
"""
