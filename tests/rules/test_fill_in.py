"""What a named model answers for the team, and what that does to the judgement."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.assess import Assessment, assess
from rules.fill_in import FilledIn, fill_in, filled_in_from_model
from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.known_model import Announced, KnownModel, TokenPrices
from rules.policy import Policy

TODAY = date(2026, 7, 1)
POLICY = Policy(as_of=TODAY)
IN_A_YEAR = date(2027, 7, 1)
"""Twelve months of 30.44 days."""
RETIRES = Announced(day=date(2026, 10, 23), source="a list, 1.2", seen_on=date(2026, 6, 30))
TUNING_ENDS = Announced(day=date(2026, 12, 31), source="a page", seen_on=None)
PRICES = TokenPrices(input=2, output=8, training=20, source="us", seen_on=None)
MODEL = KnownModel(name="a model", provider="a provider", retires=RETIRES, tuning_ends=TUNING_ENDS, prices=PRICES)
NAMED = {"model": "a model", "hosting": "provider_api", "model_pinned": True}


def form_of(budget: dict[str, Any] | None = None, **operations: Any) -> Form:
    return Form.parse({"operations": operations, "budget": budget or {}})


def ops04(assessment: Assessment) -> Finding | None:
    return next((finding for finding in assessment.findings if finding.code == "OPS04"), None)


class TestAnswers:
    def test_carry_source_and_day(self) -> None:
        assert filled_in_from_model(form_of(**NAMED), MODEL) == (
            FilledIn(
                field="operations.model_retires_on",
                answer=date(2026, 10, 23),
                source="a list, 1.2",
                seen_on=date(2026, 6, 30),
            ),
            FilledIn(field="operations.tuning_ends_on", answer=date(2026, 12, 31), source="a page", seen_on=None),
        )

    @pytest.mark.parametrize("own", [date(2030, 1, 1), "2030-01-01", "not_announced"])
    @pytest.mark.parametrize(
        ("answered", "left"),
        [("model_retires_on", "operations.tuning_ends_on"), ("tuning_ends_on", "operations.model_retires_on")],
    )
    def test_what_the_team_answered_stays(self, answered: str, left: str, own: Any) -> None:
        form = form_of(**NAMED, **{answered: own})
        assessment = assess(form, POLICY, MODEL)
        assert [answer.field for answer in assessment.filled_in] == [left]
        filled = fill_in(form, assessment.filled_in)
        assert getattr(filled.operations, answered) == getattr(form.operations, answered)

    def test_nothing_is_answered_where_all_is(self) -> None:
        form = form_of(**NAMED, model_retires_on="not_announced", tuning_ends_on=date(2030, 1, 1))
        assert filled_in_from_model(form, MODEL) == ()

    @pytest.mark.parametrize("model", [None, KnownModel(name="a model", provider="p", prices=PRICES)])
    def test_nothing_is_answered_where_nothing_is_announced(self, model: KnownModel | None) -> None:
        assert filled_in_from_model(form_of(**NAMED), model) == ()

    def test_nothing_else_is_touched(self) -> None:
        form = Form.parse(
            {"task": {"kind": "extraction"}, "operations": {**NAMED, "prompt_tokens": 0}, "budget": {"cap": 0.0}}
        )
        filled = fill_in(form, filled_in_from_model(form, MODEL))
        changed = {"model_retires_on": date(2026, 10, 23), "tuning_ends_on": date(2026, 12, 31)}
        assert filled == form.model_copy(update={"operations": form.operations.model_copy(update=changed)})
        assert form.operations.model_retires_on is None
        assert fill_in(form, ()) == form

    def test_a_filled_form_is_one_that_could_have_been_written(self) -> None:
        form = form_of(**NAMED)
        filled = fill_in(form, filled_in_from_model(form, MODEL))
        assert Form.parse(filled.model_dump(mode="json")) == filled


class TestJudgement:
    def test_a_retirement_that_the_team_did_not_know_of_is_a_veto(self) -> None:
        form = form_of({"horizon_months": 12}, **NAMED)
        before, after = assess(form, POLICY), assess(form, POLICY, MODEL)
        assert "OPS04" not in before.methods[Method.FINE_TUNING].vetoes
        assert "OPS04" in after.methods[Method.FINE_TUNING].vetoes
        found = ops04(after)
        assert found is not None
        assert "2026-10-23" in found.message
        assert any("OPS04" in out.why for out in after.plan.left_out)

    def test_it_is_the_judgement_of_the_dates_written_by_hand(self) -> None:
        budget = {"horizon_months": 12, "cap": 3.0}
        by_model = assess(form_of(budget, **NAMED), POLICY, MODEL)
        dates = {"model_retires_on": "2026-10-23", "tuning_ends_on": "2026-12-31"}
        by_hand = assess(form_of(budget, **NAMED, **dates), POLICY, MODEL)
        assert by_hand.filled_in == ()
        assert len(by_model.filled_in) == 2
        assert by_model.model_copy(update={"filled_in": ()}) == by_hand

    def test_what_is_filled_in_is_not_asked_again(self) -> None:
        form = form_of(**NAMED)
        before = {question.field for question in assess(form, POLICY).next_questions}
        after = {question.field for question in assess(form, POLICY, MODEL).next_questions}
        assert {"operations.model_retires_on", "operations.tuning_ends_on"} <= before
        assert not {"operations.model_retires_on", "operations.tuning_ends_on"} & after

    def test_an_assessment_with_answers_filled_in_can_be_stored(self) -> None:
        assessment = assess(form_of(**NAMED), POLICY, MODEL)
        again = Assessment.model_validate_json(assessment.model_dump_json())
        assert again == assessment
        assert again.filled_in[0].answer == date(2026, 10, 23)

    def test_a_form_that_names_no_model_is_left_alone(self) -> None:
        form = Form.parse({"examples": {"count": 400}})
        assessment = assess(form, POLICY, None)
        assert assessment.filled_in == ()
        assert assessment.plan.model is None
        assert assessment.plan.estimate
        assert assessment.plan.estimate.prices is None


days = st.dates(date(2020, 1, 1), date(2040, 1, 1))
announced_days = st.none() | st.builds(Announced, day=days, source=st.just("a list"), seen_on=st.none() | days)
models = st.builds(
    KnownModel,
    name=st.just("a model"),
    provider=st.just("a provider"),
    retires=announced_days,
    tuning_ends=announced_days,
    prices=st.none() | st.just(PRICES),
)
answers = st.none() | days | st.just("not_announced")
unnamed_forms = st.builds(
    lambda task, operations, budget, count: Form.parse(
        {"task": task, "operations": operations, "budget": budget, "examples": {"count": count}}
    ),
    st.fixed_dictionaries({}, optional={"kind": st.sampled_from(["classification", "generation"])}),
    st.fixed_dictionaries(
        {},
        optional={
            "hosting": st.sampled_from(["provider_api", "provider_api", "self_hosted", "on_device"]),
            "model_pinned": st.booleans(),
            "model_retires_on": answers,
            "tuning_ends_on": answers,
            "prompt_tokens": st.integers(1, 5_000),
        },
    ),
    st.fixed_dictionaries(
        {}, optional={"horizon_months": st.integers(1, 120), "cap": st.floats(0, 100), "currency": st.just("USD")}
    ),
    st.none() | st.integers(0, 3_000),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(unnamed_forms, models)
def test_naming_a_model_never_widens_an_interval(form: Form, model: KnownModel) -> None:
    named = form.model_copy(update={"operations": form.operations.model_copy(update={"model": "a model"})})
    before, after = assess(form, POLICY), assess(named, POLICY, model)
    for method in Method:
        assert before.methods[method].low <= after.methods[method].low
        assert after.methods[method].high <= before.methods[method].high
    standing = set(before.methods[Method.FINE_TUNING].vetoes)
    assert standing <= set(after.methods[Method.FINE_TUNING].vetoes)
    # Only what was open is answered, and only by what is announced.
    for answer in after.filled_in:
        name = answer.field.removeprefix("operations.")
        told = model.retires if name == "model_retires_on" else model.tuning_ends
        assert getattr(form.operations, name) is None
        assert told is not None
        assert (answer.answer, answer.source, answer.seen_on) == (told.day, told.source, told.seen_on)


class TestEndOfTuning:
    """OPS04: a model that cannot be trained again within the horizon."""

    def found(self, horizon: int | None = 12, **operations: Any) -> Finding | None:
        budget = {} if horizon is None else {"horizon_months": horizon}
        nothing_known = {"model_retires_on": "not_announced", "tuning_ends_on": "not_announced"}
        return ops04(assess(form_of(budget, **(NAMED | nothing_known | operations)), POLICY))

    @pytest.mark.parametrize("field", ["tuning_ends_on", "model_retires_on"])
    @pytest.mark.parametrize(
        ("day", "vetoed"),
        [
            (IN_A_YEAR - timedelta(1), True),
            (IN_A_YEAR, True),
            (IN_A_YEAR + timedelta(1), False),
            (TODAY, True),
            (TODAY - timedelta(1), True),
            (date(2024, 1, 1), True),
            ("not_announced", False),
        ],
    )
    def test_each_side_of_the_horizon(self, field: str, day: date | str, vetoed: bool) -> None:
        found = self.found(**{field: day})
        assert (found is not None) is vetoed
        if found:
            assert (found.severity, found.points.fine_tuning) == (Severity.VETO, -25)
            assert found.vetoes == (Method.FINE_TUNING,)
            assert str(day) in found.message

    @pytest.mark.parametrize(("day", "verb"), [(TODAY - timedelta(1), "took"), (TODAY, "takes")])
    def test_what_is_past_is_told_as_past(self, day: date, verb: str) -> None:
        found = self.found(tuning_ends_on=day)
        assert found is not None
        assert f"The provider {verb} its last new fine-tuning jobs" in found.message

    @pytest.mark.parametrize(("months", "vetoed"), [(5, False), (6, True), (120, True)])
    def test_a_longer_horizon_meets_it(self, months: int, vetoed: bool) -> None:
        # 183 days on; five months are 152 days, six are 183.
        assert (self.found(months, tuning_ends_on=date(2026, 12, 31)) is not None) is vetoed

    @pytest.mark.parametrize("hosting", ["self_hosted", "on_device"])
    def test_no_provider_ends_tuning_on_ones_own_machines(self, hosting: str) -> None:
        assert self.found(hosting=hosting, tuning_ends_on=date(2024, 1, 1)) is None
        # A retirement still warns, without a veto.
        retired = self.found(hosting=hosting, model_retires_on=date(2024, 1, 1))
        assert retired is not None
        assert (retired.severity, retired.points.fine_tuning, retired.vetoes) == (Severity.WARNING, -10, ())

    def test_tuning_that_ends_is_told_where_retirement_is_far(self) -> None:
        found = self.found(model_retires_on=date(2040, 1, 1), tuning_ends_on=date(2026, 12, 31))
        assert found is not None
        assert found.severity is Severity.VETO
        assert "fine-tuning jobs on 2026-12-31" in found.message

    def test_the_switching_off_weighs_more_than_the_end_of_tuning(self) -> None:
        found = self.found(model_retires_on=date(2026, 12, 31), tuning_ends_on=date(2026, 8, 1))
        assert found is not None
        assert "switched off on 2026-12-31" in found.message

    def test_a_model_that_is_not_pinned_only_warns(self) -> None:
        found = self.found(model_pinned=False)
        assert found is not None
        assert (found.severity, found.points.fine_tuning) == (Severity.WARNING, -10)
        ends = self.found(model_pinned=False, tuning_ends_on=date(2026, 12, 31))
        assert ends is not None
        assert ends.severity is Severity.VETO

    @pytest.mark.parametrize("field", ["tuning_ends_on", "model_retires_on"])
    def test_a_date_that_nobody_looked_up_is_open(self, field: str) -> None:
        found = self.found(**{field: None})
        assert found is not None
        assert found.severity is Severity.UNANSWERED
        assert "rule out fine-tuning" in found.message
