"""Regional notes: only for the regions that a form names, dated, and worded as something to check."""

import re
from datetime import date
from typing import get_args

import pytest

from rules.choices import Region
from rules.form import Form
from rules.regions import REGIONAL_NOTES, RegionalNote, regional_notes


def named(*regions: str) -> tuple[RegionalNote, ...]:
    return regional_notes(Form.parse({"governance": {"regions": list(regions)}}))


def test_a_form_that_names_no_region_gets_no_note() -> None:
    assert regional_notes(Form()) == ()
    assert named() == ()


@pytest.mark.parametrize("region", get_args(Region))
def test_a_named_region_gets_its_own_note(region: str) -> None:
    assert [note.region for note in named(region)] == [region]


def test_several_regions_come_in_the_order_of_the_form_s_choices_and_once() -> None:
    assert [note.region for note in named("asia_pacific", "us", "us", "uk_europe")] == [
        "uk_europe",
        "us",
        "asia_pacific",
    ]


@pytest.mark.parametrize("note", REGIONAL_NOTES, ids=lambda note: note.region)
def test_a_note_says_what_to_check_and_never_what_the_law_is(note: RegionalNote) -> None:
    assert note.note.startswith("Check")
    assert not re.search(r"\b(law|legal|lawful|illegal|must|allowed|forbidden|comply|compliant)\b", note.note)
    assert note.checked_on == date(2026, 5, 22)
    assert note.source == ("002",)


@pytest.mark.parametrize(
    ("region", "word"),
    [("uk_europe", "data-processing addendum"), ("us", "opt-out"), ("asia_pacific", "before you commit")],
)
def test_a_note_names_the_thing_to_check(region: str, word: str) -> None:
    assert word in named(region)[0].note
