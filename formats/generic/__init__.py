"""The generic format, version 1: `layout` declares it, `writer` and `reader` speak it.

Described for partners in `docs/generic-format.md`.
"""
