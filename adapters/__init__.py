"""Adapters implement the ports; each third-party client lives in exactly one of them."""
