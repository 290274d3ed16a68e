"""Measures the main job and bulk uploads at size, on SQLite or on the PostgreSQL that the test suite brings along.

Prints wall and processor seconds and peak memory. Nothing is asserted.
"""

from __future__ import annotations

import argparse

from bench import exchange, uploads

EXCHANGE, UPLOADS = "exchange", "uploads"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "what", nargs="*", metavar="exchange|uploads", help="what is measured; all of it if none is named"
    )
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--devices", type=int, default=100_000, help="of the exchange")
    parser.add_argument("--per-batch", type=int, default=10_000, help="devices of one batch")
    parser.add_argument("--rows", type=int, default=100_000, help="of the upload")
    parser.add_argument("--no-naive", action="store_true", help="of uploads, measure Muster alone")
    options = parser.parse_args()
    unknown = set(options.what) - {EXCHANGE, UPLOADS}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    chosen = options.what or (EXCHANGE, UPLOADS)
    if EXCHANGE in chosen:
        exchange.measure(options.devices, options.per_batch, options.postgresql)
    if UPLOADS in chosen:
        uploads.measure(options.rows, options.postgresql, naive=not options.no_naive)


if __name__ == "__main__":
    main()
