"""ETags: which version of something an answer shows, and which one a change is meant for (RFC 9110, 13.1.1)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import Header

from service.errors import ChangedMeanwhile, Place, RequestRefused

ETAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
IfMatch = Annotated[
    str | None,
    Header(description='ETag of the version that the change is meant for, such as "3"; 412 if that is not the latest.'),
]


def etag(version: int) -> dict[str, str]:
    """The header of an answer that shows this version."""
    return {"ETag": f'"{version}"'}


def with_etag(status: int) -> dict[int | str, dict[str, Any]]:
    """What a route documents about it, for the argument `responses`."""
    described = {"ETag": {"description": "The version, in quotes.", "schema": {"type": "string"}}}
    return {status: {"headers": described}}


def refuse_unless_matching(if_match: str | None, version: int) -> None:
    """`ChangedMeanwhile` unless the header names this version or `*`; `RequestRefused` where it names nothing.

    A weak tag never matches.
    """
    if if_match is None or if_match.strip() == "*":
        return
    named = [ETAG.fullmatch(part.strip()) for part in if_match.split(",") if part.strip()]
    if not named or None in named:
        raise RequestRefused([Place('expected an ETag in quotes, such as "3", or *', parameter="If-Match")])
    if not any(tag is not None and not tag[1] and tag[2] == str(version) for tag in named):
        raise ChangedMeanwhile(f"the latest version is {version}; read it, and change that one")
