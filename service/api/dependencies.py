"""What routes are given, each under a name of its own.

Async without awaiting: a plain function would cost a hop to another thread for every request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Query, Request
from fastapi.params import Depends as Dependency

from service.errors import MediaTypeRefused, NotFound
from service.rulebook import Rulebook
from service.storage.assessments import Assessments

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


async def _assessments(request: Request) -> Assessments:
    return Assessments(request.app.state.database)


async def _rulebook(request: Request) -> Rulebook:
    rulebook: Rulebook = request.app.state.rulebook
    return rulebook


async def _assessment_id(
    id: Annotated[str, Path(description="Id of the assessment.", json_schema_extra={"format": "uuid"})],
) -> UUID:
    try:
        return UUID(id)
    except ValueError:
        raise NotFound(f"there is no assessment {id}") from None


def body_of(*accepted: str) -> Dependency:
    """Refuse a body of another media type; this also keeps forms on other web sites from posting here."""

    async def refuse_others(request: Request) -> None:
        stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if stated not in accepted:
            raise MediaTypeRefused(stated, accepted)

    check: Callable[[Request], Awaitable[None]] = refuse_others
    return Dependency(check)


AssessmentsDep = Annotated[Assessments, Depends(_assessments)]
RulebookDep = Annotated[Rulebook, Depends(_rulebook)]
AssessmentId = Annotated[UUID, Depends(_assessment_id)]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before; leave it out for the first page.")]
