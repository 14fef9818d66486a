"""The allowed answers of the form: closed lists of words, written once."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator

Kind = Literal["classification", "extraction", "question_answering", "generation"]
Modality = Literal["text", "image"]
ChangeInterval = Literal["never", "yearly", "quarterly", "monthly", "weekly", "daily"]
Failure = Literal[
    "missing_facts",
    "outdated_facts",
    "wrong_format",
    "inconsistent_style",
    "confused_labels",
    "ignores_instructions",
    "varies_between_runs",
    "too_slow",
    "too_expensive",
]
Check = Literal["exact", "metric", "rubric", "opinion", "none"]
Rollback = Literal["minutes", "hours", "days", "none"]
Hosting = Literal["provider_api", "self_hosted", "on_device"]
Region = Literal["uk_europe", "us", "asia_pacific", "other"]

NOT_ANNOUNCED: Final = "not_announced"
"""Somebody looked, and the provider has named no day."""

_PLACES: Final = {
    "uk_europe": "the UK and Europe",
    "us": "the US",
    "asia_pacific": "Asia-Pacific",
    "other": "another region",
}

CHANGE_INTERVALS: Final[tuple[ChangeInterval, ...]] = get_args(ChangeInterval)
"""Slowest first, so that a position in this tuple is a speed."""


def _spoken(value: Any) -> Any:
    # YAML 1.1 reads a bare yes or no as a boolean; on these questions the words are the answers.
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


def _fixed_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _announced_day(value: Any) -> Any:
    # JSON has no dates. Numbers are refused here already: 2027 is a year, not a day.
    if value == NOT_ANNOUNCED or value is None or type(value) is date:
        return value
    if isinstance(value, str):
        return date.fromisoformat(value)
    raise ValueError("not a day")


Reviewed = Annotated[Literal["experts", "once", "no"], BeforeValidator(_spoken)]
PersonalData = Annotated[Literal["no", "pseudonymised", "yes"], BeforeValidator(_spoken)]
FactsNeeded = Annotated[Literal["no", "fixed", "changing"], BeforeValidator(_spoken)]
ProviderTraining = Annotated[Literal["no", "opted_out", "yes"], BeforeValidator(_spoken)]
Failures = Annotated[tuple[Failure, ...], BeforeValidator(_fixed_list)]
Regions = Annotated[tuple[Region, ...], BeforeValidator(_fixed_list)]
AnnouncedDay = Annotated[date | Literal["not_announced"], BeforeValidator(_announced_day)]


def speed(interval: ChangeInterval) -> int:
    """Return how fast an interval is: 0 for never, more for faster."""
    return CHANGE_INTERVALS.index(interval)


def in_words(values: Iterable[str]) -> str:
    """Return choices as people read them: `wrong format, inconsistent style`."""
    return ", ".join(_PLACES.get(value, value.replace("_", " ")) for value in values)
