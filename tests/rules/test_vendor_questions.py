"""Questions to a vendor: always the same six, each with what the form says about it and about nothing else."""

from typing import Any

import pytest

from rules.form import Form
from rules.vendor_questions import vendor_questions


def known(form: dict[str, Any]) -> list[str | None]:
    return [question.known for question in vendor_questions(Form.parse(form))]


def test_an_empty_form_knows_nothing_and_asks_all_six() -> None:
    questions = vendor_questions(Form())
    assert len({question.question for question in questions}) == 6
    assert all(question.known is None for question in questions)
    for question in questions:
        assert question.question.endswith("?")
        assert question.good_answer.endswith(".")


@pytest.mark.parametrize(
    ("place", "form", "said"),
    [
        (0, {"operations": {"model_pinned": True}}, "One exact version of the model is fixed."),
        (0, {"operations": {"model_pinned": False}}, "The provider may replace the model under the same name."),
        (0, {"operations": {"versioned": False, "rollback": "none"}}, "Changes get no version; there is no way back."),
        (0, {"operations": {"rollback": "hours"}}, "Going back takes hours."),
        (1, {"operations": {"retraining_owner": True}}, "Somebody is named who will train it again."),
        (1, {"operations": {"retraining_owner": False}}, "Nobody is named who will train it again."),
        (1, {"operations": {"model_retires_on": "2027-01-31"}}, "The model is switched off on 2027-01-31."),
        (2, {"governance": {"provider_trains_on_data": "yes"}}, "The provider trains on your data."),
        (2, {"governance": {"provider_trains_on_data": "no"}}, "The provider does not train on your data."),
        (2, {"examples": {"representative": False}}, "Your examples do not look like real requests."),
        (3, {"operations": {"low_confidence_fallback": False}}, "There is no way out when the model is unsure."),
        (3, {"operations": {"low_confidence_fallback": True}}, "There is a way out when the model is unsure."),
        (4, {"operations": {"latency_ms": 1500}}, "An answer may take 1,500 milliseconds."),
        (4, {"operations": {"latency_ms": 0}}, "An answer may take 0 milliseconds."),
        (4, {"budget": {"cap": 1250, "currency": "EUR"}}, "The comparison may cost at most 1,250 EUR."),
        (4, {"budget": {"cap": 0.5}}, "The comparison may cost at most 0.50 in your currency."),
        (5, {"operations": {"monitoring": False}}, "Nobody watches the quality in use."),
        (
            5,
            {"operations": {"monitoring": True}, "success": {"baseline": 0.78}},
            "Somebody watches the quality in use; 78.0% is right today.",
        ),
    ],
)
def test_what_the_form_says_stands_beside_the_question_it_is_about(place: int, form: dict[str, Any], said: str) -> None:
    told = known(form)
    assert told.pop(place) == said
    assert told == [None] * 5


@pytest.mark.parametrize("field", ["model_retires_on", "tuning_ends_on"])
def test_a_day_that_is_not_announced_is_no_date_to_tell(field: str) -> None:
    assert known({"operations": {field: "not_announced"}}) == [None] * 6
