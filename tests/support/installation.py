"""A complete installation for tests: a workspace with keys, a customer, and a provider to exchange with."""

from __future__ import annotations
