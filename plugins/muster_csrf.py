"""Keeps other sites from acting in a logged-in person's name.

A browser sends the session cookie with requests that other sites make, but never a bearer token. So a change
needs a bearer token, or a form of ours: sent from this origin, with the user's token in the address of the
form. The address is there before the body, so that nothing is read of what is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf  # the SDK's would give the placeholder instead of the generated key
from fastapi import HTTPException, Request

from adapters.providers import KINDS
from adapters.settings import Workspace, load

PARAMETER = "token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PURPOSE = b"muster form\0"
_SHORTEST_KEY = 16
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def guard_changes(request: Request, user: GetUserDep) -> None:
    """Refuses every unsafe request that has neither a bearer token nor the marks of a form of ours."""
    if request.method in _SAFE_METHODS or has_bearer(request):
        return
    _refuse_other_sites(request)
    given = request.query_params.get(PARAMETER, "")
    if not hmac.compare_digest(given.encode(), token_for(user).encode()):
        raise HTTPException(403, "This form is not yours or has expired: open the page again, then send it")


def demand_bearer(request: Request) -> None:
    """For programs only: not even our own forms may do this."""
    if not has_bearer(request):
        raise HTTPException(403, "Send the token in the Authorization header; a cookie is not enough here")


def has_bearer(request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(token.strip())


def token_for(user: BaseUser) -> str:
    """What the address of a form carries: nobody can make it for another user."""
    key = conf.get("api", "secret_key", fallback="").encode()
    if len(key) < _SHORTEST_KEY:
        raise RuntimeError("Airflow's [api] secret_key is missing or too short to protect forms")
    digest = hmac.new(key, _PURPOSE + user.get_id().encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _refuse_other_sites(request: Request) -> None:
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site != "same-origin" or (origin is not None and urlsplit(origin).netloc not in trusted_hosts()):
        raise HTTPException(403, "This request comes from another site")


def trusted_hosts() -> set[str]:
    """The addresses (`host:port`) that the console is reached at: never what a request says of itself.

    That of `[api] base_url`, its other names where it is this machine, and `console.trusted_hosts` in muster.toml.
    """
    base = urlsplit(conf.get("api", "base_url", fallback=""))
    port = f":{base.port}" if base.port else ""
    own = {f"{name}{port}" for name in _LOOPBACK} if base.hostname in _LOOPBACK else set()
    named = load(Workspace.find(), KINDS).console.trusted_hosts
    return ({base.netloc} | own | set(named)) - {""}
