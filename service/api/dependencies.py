"""What routes are given, each under a name of its own.

Async without awaiting: a plain function would cost a hop to another thread for every request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Path, Query, Request
from fastapi.params import Depends as Dependency

from service.access.caller import Caller, Role
from service.access.entrance import Access
from service.errors import MediaTypeRefused, NotAllowed, NotFound, NotSignedIn, Place, RequestRefused
from service.jobs.queue import JobQueue
from service.problems import pointer
from service.rulebook import Rulebook
from service.settings import Settings
from service.storage.assessments import Assessments
from service.storage.comparisons import Comparisons, StoredComparison
from service.storage.corpora import Corpora
from service.storage.database import Database
from service.storage.datasets import Datasets

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
MULTIPART: Final = "multipart/form-data"
NUL_IN_JSON: Final = rb"\u0000"
NO_NUL: Final = "the character NUL; expected text without it"


async def _caller(request: Request) -> Caller:
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise NotSignedIn("this call needs a key: Authorization: Bearer KEY")
    return caller


async def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _rulebook(request: Request) -> Rulebook:
    rulebook: Rulebook = request.app.state.rulebook
    return rulebook


async def _jobs(request: Request) -> JobQueue:
    jobs: JobQueue = request.app.state.jobs
    return jobs


CallerDep = Annotated[Caller, Depends(_caller)]
AccessDep = Annotated[Access, Depends(_access)]
SettingsDep = Annotated[Settings, Depends(_settings)]
DatabaseDep = Annotated[Database, Depends(_database)]
RulebookDep = Annotated[Rulebook, Depends(_rulebook)]
JobsDep = Annotated[JobQueue, Depends(_jobs)]


async def _assessments(database: DatabaseDep, caller: CallerDep) -> Assessments:
    return Assessments(database, caller.workspace)


async def _datasets(database: DatabaseDep, caller: CallerDep) -> Datasets:
    return Datasets(database, caller.workspace)


async def _corpora(database: DatabaseDep, caller: CallerDep) -> Corpora:
    return Corpora(database, caller.workspace)


async def _comparisons(database: DatabaseDep, caller: CallerDep) -> Comparisons:
    return Comparisons(database, caller.workspace)


def id_of(what: str) -> Callable[..., Awaitable[UUID]]:
    """The path's id; one that is none names nothing that is there."""

    async def read_id(
        id: Annotated[str, Path(description="Its id.", json_schema_extra={"format": "uuid"})],
    ) -> UUID:
        try:
            return UUID(id)
        except ValueError:
            raise NotFound(f"there is no {what} {id}") from None

    return read_id


def needs(role: Role) -> Dependency:
    """Refuse callers whose role is less."""

    async def refuse_others(caller: CallerDep) -> None:
        if not caller.role.includes(role):
            raise NotAllowed(f"this call needs a key with the role {role}; yours has the role {caller.role}")

    return Dependency(refuse_others)


def body_of(*accepted: str) -> Dependency:
    """Refuse a body of another media type; this also keeps forms on other web sites from posting here. Refuse the
    character NUL as well: JSON can write it, and PostgreSQL cannot store it."""

    async def refuse_others(request: Request) -> None:
        stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if stated not in accepted:
            raise MediaTypeRefused(stated, accepted)
        # Both were read before, and are remembered by the request.
        if stated == MULTIPART:
            body: Any = dict(await request.form())
        else:
            body = await request.json() if NUL_IN_JSON in await request.body() else None
        if places := [Place(NO_NUL, pointer(parts)) for parts in _nuls(body)]:
            raise RequestRefused(places)

    check: Callable[[Request], Awaitable[None]] = refuse_others
    return Dependency(check)


def _nuls(document: Any) -> Iterator[list[str | int]]:
    """Where in it a text, or the name of a field, has the character NUL. A name is told by what it lies in."""
    waiting: list[tuple[list[str | int], Any]] = [([], document)]
    while waiting:  # no function that calls itself: a body may be nested deeply
        place, part = waiting.pop()
        if isinstance(part, str) and "\0" in part:
            yield place
        elif isinstance(part, (dict, list)):
            items = part.items() if isinstance(part, dict) else enumerate(part)
            for key, value in reversed(list(items)):
                if isinstance(key, str) and "\0" in key:
                    yield place
                else:
                    waiting.append(([*place, key], value))


AssessmentsDep = Annotated[Assessments, Depends(_assessments)]
DatasetsDep = Annotated[Datasets, Depends(_datasets)]
CorporaDep = Annotated[Corpora, Depends(_corpora)]
ComparisonsDep = Annotated[Comparisons, Depends(_comparisons)]
AssessmentId = Annotated[UUID, Depends(id_of("assessment"))]
DatasetId = Annotated[UUID, Depends(id_of("data set"))]
CorpusId = Annotated[UUID, Depends(id_of("corpus"))]
ComparisonId = Annotated[UUID, Depends(id_of("comparison"))]
KeyId = Annotated[UUID, Depends(id_of("key"))]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before; leave it out for the first page.")]


def _followed(id: ComparisonId, comparisons: ComparisonsDep) -> StoredComparison:
    return comparisons.get(id)


Followed = Annotated[StoredComparison, Depends(_followed)]
"""Found before a stream begins: after that an answer cannot say any more that there is none."""
