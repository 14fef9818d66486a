"""Whether a request was made by our own pages. See docs/decisions/0019-who-may-ask.md."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from service.access.credentials import same
from service.errors import NotAllowed
from service.settings import is_loopback

SAFE: Final = ("GET", "HEAD", "OPTIONS")
FORM_TOKEN: Final = "X-Form-Token"
OWN: Final = ("same-origin", "none")
"""What Sec-Fetch-Site says of our own pages, and of what the user did without any page."""


def refuse_other_sites(headers: Headers) -> None:
    """`NotAllowed` where the browser says that another site's page is asking. Programs send neither header."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        refused = site not in OWN
    else:
        refused = origin is not None and _netloc(origin) != headers.get("host", "").lower()
    if refused:
        raise NotAllowed("this call comes from a page of another site; only the advisor's own pages may make it")


def refuse_without_proof(headers: Headers, form_token: str) -> None:
    """For calls that a cookie speaks for: nothing that says otherwise is not enough, something must say so."""
    refuse_other_sites(headers)
    stated = "sec-fetch-site" in headers or "origin" in headers
    if not stated and not same(headers.get(FORM_TOKEN, ""), form_token):
        raise NotAllowed(
            f"a signed-in browser must show where the call comes from: send Origin or {FORM_TOKEN}; "
            "programs send a key: Authorization: Bearer KEY"
        )


def refuse_strange_hosts(headers: Headers) -> None:
    """`NotAllowed` unless the name that was asked for is this machine's own. Another site can have its own name lead
    here, and would then count as the same origin."""
    try:
        name = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback(name):
        raise NotAllowed(
            "without keys the advisor answers under localhost, 127.0.0.1 and [::1] only; for other names make a key"
        )


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
