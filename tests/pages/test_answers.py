"""From fields to answers and back."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from rules.form import Form
from service.pages.answers import patch_of, typed_in, typed_of


@pytest.mark.parametrize(
    ("path", "typed", "answer"),
    [
        ("task.name", ["Tickets"], "Tickets"),
        ("examples.count", ["400"], 400),
        ("success.target", ["0.9"], 0.9),
        ("success.target", ["81%"], 0.81),
        ("task.narrow", ["true"], True),
        ("task.narrow", ["false"], False),
        ("task.failures", ["wrong_format", "too_slow"], ["wrong_format", "too_slow"]),
        ("task.failures", ["none"], []),
        ("operations.model_retires_on", ["2027-01-31"], "2027-01-31"),
        ("operations.model_retires_on", ["not_announced"], "not_announced"),
        ("operations.model_retires_on", ["2027-01-31", "not_announced"], "2027-01-31 and not_announced"),
        ("task.failures", ["wrong_format", "none"], ["wrong_format", "none"]),
        ("task.narrow", [], None),
    ],
)
def test_what_is_typed_becomes_an_answer(path: str, typed: list[str], answer: object) -> None:
    section, name = path.split(".")
    assert patch_of({path: typed}, [path]) == {section: {name: answer}}


def test_what_cannot_be_read_stays_as_it_was_typed() -> None:
    assert patch_of({"examples.count": ["many"]}, ["examples.count"]) == {"examples": {"count": "many"}}


def test_a_question_inside_a_question_is_found() -> None:
    assert patch_of({"tried.few_shot.score": ["0.7"]}, ["tried.few_shot.score"]) == {
        "tried": {"few_shot": {"score": 0.7}}
    }


def test_a_form_shown_and_sent_back_is_the_same_form() -> None:
    document = {
        "task": {"name": "T", "narrow": False, "failures": []},
        "tried": {"few_shot": {"tried": True, "score": 0.7}},
        "governance": {"regions": ["uk_europe", "us"]},
        "operations": {"tuning_ends_on": "not_announced"},
        "budget": {"cap": 50.5},
    }
    typed = typed_of(document)
    sent = FormData([(path, text) for path, texts in typed.items() for text in texts])
    again = patch_of(typed_in(sent), typed_in(sent))
    assert Form.parse(again) == Form.parse(document)
