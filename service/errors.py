"""Everything the service refuses or cannot do, as one tree.

AdvisorError                     500
├── SettingsRefused              500  start-up only: one clear line, then the process ends
├── NotReady                     503  says which parts
├── StorageUnavailable           503
│   └── DatabaseTooNew           503
├── NotSignedIn                  401
├── NotAllowed                   403
├── NotFound                     404
├── EditConflict                 409
├── JudgedByOtherRules           409
├── NotAcceptable                406
├── NotNow                       409  the state of things forbids it
├── ChangedMeanwhile             412
├── UploadTooLarge               413
├── MediaTypeRefused             415
├── TooManyRequests              429
└── RequestRefused               422  carries the places that are wrong
    ├── FormRefused              422
    ├── DataRefused              422
    └── CursorRefused            422

No web framework is imported here: storage, jobs and the command line raise these too.
`service.problems` renders them, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Place:
    """One thing that is wrong, and where: a JSON pointer into the body, or the name of a parameter."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class AdvisorError(Exception):
    """The base: a status for HTTP, a stable machine-readable type, a title, and the message as detail."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Something went wrong inside the advisor"
    places: Sequence[Place] = ()


class SettingsRefused(AdvisorError):
    """A deployment setting that the advisor will not start with."""

    type = "settings-refused"
    title = "A setting was refused"


class NotReady(AdvisorError):
    """Parts without which the service cannot do its work do not answer; the places name them."""

    status = 503
    type = "not-ready"
    title = "Not ready"

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)
        super().__init__("; ".join(f"{place.parameter}: {place.detail}" for place in self.places))


class StorageUnavailable(AdvisorError):
    """The database cannot be opened, or stayed locked longer than we wait."""

    status = 503
    type = "storage-unavailable"
    title = "The database is not available"


class DatabaseTooNew(StorageUnavailable):
    """The database was written by a later version of the advisor."""

    type = "database-too-new"
    title = "The database belongs to a later version"


class NotSignedIn(AdvisorError):
    """Nobody knows who is asking."""

    status = 401
    type = "not-signed-in"
    title = "A key is needed"


class NotAllowed(AdvisorError):
    """Whoever is asking is known, and may not do this."""

    status = 403
    type = "not-allowed"
    title = "Not allowed"


class NotFound(AdvisorError):
    """Nothing is stored under that name."""

    status = 404
    type = "not-found"
    title = "Not found"


class EditConflict(AdvisorError):
    """Somebody else stored a version first."""

    status = 409
    type = "edit-conflict"
    title = "Somebody else was faster"


class JudgedByOtherRules(AdvisorError):
    """The assessment was stored by a version of the rules whose answers look different."""

    status = 409
    type = "judged-by-other-rules"
    title = "Judged by other rules"


class NotAcceptable(AdvisorError):
    """It is there, but not in the form that was asked for."""

    status = 406
    type = "not-acceptable"
    title = "Not in this form"


class NotNow(AdvisorError):
    """What was asked for does not fit the state that it is in; the message says which, and what to do."""

    status = 409
    type = "not-now"
    title = "Not in this state"


class ChangedMeanwhile(AdvisorError):
    """The version that the caller knows (If-Match) is no longer the latest."""

    status = 412
    type = "changed-meanwhile"
    title = "Changed meanwhile"


class UploadTooLarge(AdvisorError):
    """More bytes than this service takes."""

    status = 413
    type = "upload-too-large"
    title = "The upload is too large"

    def __init__(self, most: int) -> None:
        super().__init__(f"at most {most:,} bytes are taken; send less, or set ADVISOR_UPLOAD_BYTES")


class MediaTypeRefused(AdvisorError):
    """The body is of a media type that this call does not read."""

    status = 415
    type = "media-type-refused"
    title = "Unsupported media type"

    def __init__(self, stated: str, accepted: Sequence[str]) -> None:
        self.accepted = tuple(accepted)
        super().__init__(f"the body is {stated or 'of no stated media type'}; expected {' or '.join(accepted)}")


class TooManyRequests(AdvisorError):
    """More requests in a minute than this caller may send."""

    status = 429
    type = "too-many-requests"
    title = "Too many requests"

    def __init__(self, per_minute: int, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"at most {per_minute:,} requests a minute are answered; ask again in {seconds} seconds")


class RequestRefused(AdvisorError):
    """The request can be read, but not accepted; `places` says where and why."""

    status = 422
    type = "request-refused"
    title = "The request was refused"

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)
        super().__init__("; ".join(place.detail for place in self.places))


class FormRefused(RequestRefused):
    """The form has fields that are unknown or answers that are not allowed."""

    type = "form-refused"
    title = "The form was refused"


class DataRefused(RequestRefused):
    """The uploaded file cannot be used as it is."""

    type = "data-refused"
    title = "The data was refused"


class CursorRefused(RequestRefused):
    """The cursor did not come from this list."""

    type = "cursor-refused"
    title = "The cursor was refused"
