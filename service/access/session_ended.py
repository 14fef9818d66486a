"""What a browser is told that sends something when its session has ended: nothing of it is lost."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from service.access.origin import refuse_other_sites
from service.errors import NotAllowed
from service.pages.rendering import fragment, is_partial, page
from service.problems import problem_response

MOST: Final = 1_000_000
"""Bytes of a form that is shown again; files are not."""
FORM: Final = "application/x-www-form-urlencoded"


async def sent_in_vain(request: Request) -> Response:
    """401, with all fields to be sent again after signing in with another tab. Other sites' forms are refused."""
    try:
        refuse_other_sites(request.headers)
    except NotAllowed as error:
        return problem_response(error, request.state.request_id)
    if is_partial(request):
        part = fragment(request, "session_ended.html", 401)
        part.headers["HX-Retarget"], part.headers["HX-Reswap"] = "#messages", "innerHTML"
        return part
    stated = request.headers.get("content-type", "").partition(";")[0].strip()
    length = request.headers.get("content-length", "")
    sent: list[tuple[str, str]] = []
    if stated == FORM and length.isdigit() and int(length) <= MOST:
        sent = [(name, str(text)) for name, text in (await request.form()).multi_items() if name != "form_token"]
    return page(request, "send_again.html", "Your session has ended", (), 401, action=request.url.path, sent=sent)
