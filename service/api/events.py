"""Progress of a comparison as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from service.access.caller import Role
from service.api.dependencies import ComparisonsDep, FollowedId, needs
from service.problems import problems
from service.storage.comparisons import ENDED

router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"])


@router.get(
    "/{id}/events",
    response_class=EventSourceResponse,
    dependencies=[needs(Role.READER)],
    responses=problems(401, 403, 404, 422, 503),
)
async def follow_comparison(
    request: Request,
    id: FollowedId,
    comparisons: ComparisonsDep,
    last_event_id: Annotated[int, Header(ge=0, description="Number of the last event seen.")] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Follow a comparison as server-sent events, from the first one or after `Last-Event-ID`, to its end."""
    async for event in request.app.state.following.events(id, last_event_id):
        data = {"at": event.at.isoformat(), **event.data}
        yield ServerSentEvent(data=data, event=event.kind, id=str(event.number))
        if event.kind in ENDED:
            stored = await run_in_threadpool(comparisons.get, id)
            if stored.events == event.number:
                return
