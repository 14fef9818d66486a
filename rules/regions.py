"""What to check with a provider in each region: dated notes, because what is on offer changes (source 002)."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict

from rules.choices import Region
from rules.form import Form


class RegionalNote(BaseModel):
    """Something to check in one region. It says what to look for, not what is allowed there."""

    model_config = ConfigDict(frozen=True)

    region: Region
    note: str
    checked_on: date
    """The day on which the source last looked."""
    source: tuple[str, ...]


_CHECKED_ON: Final = date(2026, 5, 22)


def _note(region: Region, note: str) -> RegionalNote:
    return RegionalNote(region=region, note=note, checked_on=_CHECKED_ON, source=("002",))


REGIONAL_NOTES: Final = (
    _note(
        "uk_europe",
        "Check your provider's data-processing addendum before any upload: residency decides where training data "
        "may be processed. Some clouds offered tuning inside EU or UK regions when this was checked.",
    ),
    _note(
        "us",
        "Check each provider's opt-out: tuning is widely on offer, but terms differ on whether your data improves "
        "the provider's own models.",
    ),
    _note(
        "asia_pacific",
        "Check, before you commit, that your model can be tuned in your region and on your plan: the offer is "
        "thinner, and some providers keep it to enterprise plans or to certain regions.",
    ),
    _note(
        "other",
        "Check where your data may be processed, and whether the provider tunes there: the source does not cover "
        "this region.",
    ),
)
"""One note a region, in the order of the form's choices."""


def regional_notes(form: Form) -> tuple[RegionalNote, ...]:
    """Return the notes for the regions that the form names; none where it names none."""
    named = form.governance.regions or ()
    return tuple(note for note in REGIONAL_NOTES if note.region in named)
