"""The decision memo over HTTP, as JSON, Markdown or one page."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header
from starlette.responses import FileResponse

from service.access.caller import Role
from service.access.secure_headers import CSP, ONE_FILE
from service.api.dependencies import ComparisonId, ComparisonsDep, SettingsDep, needs
from service.errors import NotAcceptable, NotFound, NotNow
from service.problems import problems
from service.settings import Settings
from service.storage.comparisons import ENDED, Comparisons
from service.storage.folders import REPORT, comparison_folder

MEDIA_TYPES: Final = {"json": "application/json", "md": "text/markdown", "html": "text/html"}
CONTENT: Final = {
    media_type: {"schema": {"type": "object" if kind == "json" else "string"}}
    for kind, media_type in MEDIA_TYPES.items()
}
router = APIRouter(prefix="/v1/comparisons", tags=["comparisons"])


@router.get(
    "/{id}/report",
    response_class=FileResponse,
    dependencies=[needs(Role.READER)],
    responses={200: {"content": CONTENT}, **problems(401, 403, 404, 406, 409, 503)},
)
def read_report(
    id: ComparisonId,
    comparisons: ComparisonsDep,
    settings: SettingsDep,
    accept: Annotated[str, Header(description=f"One of {', '.join(MEDIA_TYPES.values())}.")] = "*/*",
) -> FileResponse:
    """Read the decision memo in the form that `Accept` asks for; JSON where it does not matter."""
    return _file(comparisons, settings, id, preferred(accept))


def _of_kind(kind: str) -> None:
    @router.get(
        f"/{{id}}/report.{kind}",
        name=f"read_report_as_{kind}",
        response_class=FileResponse,
        dependencies=[needs(Role.READER)],
        responses={
            200: {"content": {MEDIA_TYPES[kind]: CONTENT[MEDIA_TYPES[kind]]}}, **problems(401, 403, 404, 409, 503)
        },
    )  # fmt: skip
    def read_report_as(id: ComparisonId, comparisons: ComparisonsDep, settings: SettingsDep) -> FileResponse:
        return _file(comparisons, settings, id, kind)

    read_report_as.__doc__ = f"Read the decision memo as {MEDIA_TYPES[kind]}."


def preferred(accept: str) -> str:
    """Which of our forms the header asks for first, by its weights; JSON among equals. `NotAcceptable` for none."""
    best, weight = "", 0.0
    for kind, media_type in MEDIA_TYPES.items():
        of_kind = max((_weight(part, media_type) for part in accept.split(",")), default=0.0)
        if of_kind > weight:
            best, weight = kind, of_kind
    if not best:
        raise NotAcceptable(f"the report is there as {', '.join(MEDIA_TYPES.values())}, not as {accept[:100]}")
    return best


def _weight(part: str, media_type: str) -> float:
    """Nearly as asked counts a little less, so that a browser, which takes anything, gets a page."""
    name, *parameters = (piece.strip() for piece in part.split(";"))
    general = {"*/*": 0.5, media_type.partition("/")[0] + "/*": 0.9, media_type: 1.0}.get(name.lower())
    stated = next((piece.partition("=")[2] for piece in parameters if piece.startswith("q=")), "1")
    try:
        return (general or 0.0) * float(stated)
    except ValueError:
        return 0.0


def _file(comparisons: Comparisons, settings: Settings, id: UUID, kind: str) -> FileResponse:
    stored = comparisons.get(id)
    path = comparison_folder(settings, id) / f"{REPORT}.{kind}"
    if not path.is_file():
        if stored.status in ENDED:
            raise NotFound(f"comparison {id} is {stored.status} and has no report")
        raise NotNow(f"comparison {id} is {stored.status.replace('_', ' ')}; its report is not there yet")
    headers = {"Vary": "Accept", **({CSP: ONE_FILE} if kind == "html" else {})}
    return FileResponse(path, media_type=MEDIA_TYPES[kind], headers=headers)


for _kind in MEDIA_TYPES:
    _of_kind(_kind)
