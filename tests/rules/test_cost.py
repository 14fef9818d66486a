"""COST01: the planned comparison against its cap. It needs prices, which the case files do not have."""

from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.assess import Assessment, assess
from rules.catalogue import PLAN_RULES, RULES
from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.judgement import Judgement, judge, judge_estimate
from rules.known_model import KnownModel, TokenPrices
from rules.policy import Policy

POLICY = Policy(as_of=date(2026, 7, 1))
(COST01,) = PLAN_RULES
PRICES = TokenPrices(input=2, output=8, training=20, source="us", seen_on=None)
MODEL = KnownModel(name="a model", provider="a provider", prices=PRICES)

ANSWERED: dict[str, Any] = {
    "task": {
        "kind": "classification", "modality": "text", "narrow": True, "business_rules_written": True,
        "change_interval": "yearly", "requests_per_month": 5_000, "failures": ["confused_labels"],
    },
    "tried": {
        "zero_shot": {"score": 0.6}, "better_system_message": {"score": 0.65}, "few_shot": {"score": 0.7},
        "retrieval": {"score": 0.7},
    },
    "examples": {
        "count": 400, "reviewed": "experts", "consistent": True, "representative": True, "smallest_class": 40,
        "personal_data": "no",
    },
    "success": {
        "check": "exact", "held_out_examples": 100, "baseline": 0.7, "target": 0.9, "worthwhile_gain": 0.03,
    },
    "knowledge": {"facts_needed": "no", "documents_available": False, "citations_required": False},
    "operations": {
        "versioned": True, "rollback": "minutes", "retraining_owner": True, "monitoring": True,
        "low_confidence_fallback": True, "same_preprocessing": True, "model": "a model", "model_pinned": True,
        "model_retires_on": "not_announced", "tuning_ends_on": "not_announced", "hosting": "provider_api",
        "prompt_tokens": 200,
    },
    "governance": {
        "regions": ["us"], "data_may_leave_region": True, "data_may_leave_premises": True,
        "provider_trains_on_data": "no",
    },
    "budget": {"currency": "USD", "cap": 10_000.0, "horizon_months": 12},
}  # fmt: skip
"""Nothing is open, and a fine-tune is among the arms."""


def form_of(**answers: Any) -> Form:
    """The answered form with other answers, by path with two underscores; None leaves a question open."""
    form = deepcopy(ANSWERED)
    for path, answer in answers.items():
        section, name = path.split("__")
        form[section][name] = answer
    return Form.parse(form)


def judged(model: KnownModel | None = MODEL, **answers: Any) -> Assessment:
    return assess(form_of(**answers), POLICY, model)


def cost01(assessment: Assessment) -> Finding | None:
    return next((finding for finding in assessment.findings if finding.code == "COST01"), None)


def judgement(assessment: Assessment, form: Form) -> Judgement:
    """What COST01 says, and how far it can still go."""
    (only,) = judge_estimate(form, judge(form, POLICY), assessment.plan.obstacle, assessment.plan.estimate)
    return only


def points(assessment: Assessment) -> int:
    """What COST01 takes from fine-tuning."""
    return sum(part.points for part in assessment.methods[Method.FINE_TUNING].contributions if part.code == "COST01")


def at(price: float, **prices: Any) -> KnownModel:
    """A model whose input costs so much, and nothing else."""
    only = TokenPrices(**{"input": price, "output": 0, "training": 0, "source": "us", "seen_on": None} | prices)
    return KnownModel(name="a model", provider="a provider", prices=only)


def test_the_form_of_these_tests_is_answered_in_full() -> None:
    assessment = judged()
    assert assessment.next_questions == ()
    assert assessment.plan.arms[-1].family.is_fine_tune
    assert cost01(assessment) is None


def test_the_upper_end_worked_by_hand() -> None:
    # 300 rows to learn from, 100 to test on; an instruction of 200 tokens, inputs of at most 400, labels of at most 15.
    # 400 prompts of 600 and 400 of 4,750 read, at 2 a million: 4.28. 800 labels of 15 written, at 8: .096.
    # 615 tokens trained on 2,700 times, at 20: 33.21.
    estimate = judged().plan.estimate
    assert estimate
    assert estimate.money
    assert estimate.money.high == pytest.approx(4.28 + 0.096 + 33.21)


class TestThreshold:
    @pytest.mark.parametrize(
        ("cap", "fires"), [(37.58, True), (37.585, True), (37.586, False), (37.59, False), (0.0, True), (1e9, False)]
    )
    def test_each_side_of_the_cap(self, cap: float, fires: bool) -> None:
        assessment = judged(budget__cap=cap)
        found = cost01(assessment)
        assert (found is not None) is fires
        assert points(assessment) == (-10 if fires else 0)
        silent = judged()
        for method in Method:
            took = -10 if fires and method is Method.FINE_TUNING else 0
            score, before = assessment.methods[method].score, silent.methods[method].score
            assert score is not None
            assert before is not None
            assert score == before + took
        if found:
            assert (found.severity, found.vetoes, found.source) == (Severity.NOTE, (), ("002",))
            assert (found.points.prompting, found.points.retrieval, found.points.fine_tuning) == (0, 0, -10)

    def test_the_upper_end_counts_and_not_the_lower(self) -> None:
        estimate = judged().plan.estimate
        assert estimate
        assert estimate.money
        between = (estimate.money.low + estimate.money.high) / 2
        assert points(judged(budget__cap=between)) == -10

    def test_it_tells_both_numbers(self) -> None:
        # 400 * 220 + 400 * 430 read, 800 written, 221 trained on 2,700 times: .52 + .0064 + 11.934.
        found = cost01(judged(budget__cap=20.0))
        assert found is not None
        assert found.message == "The comparison would cost USD 12.46 to 37.59; the cap is USD 20.00."
        assert found.why
        assert found.what_to_do

    def test_an_exact_amount_is_told_as_one(self) -> None:
        # Only what is read has a price here, and its length is assumed without a range.
        policy = Policy(
            as_of=POLICY.as_of, fewest_input_tokens=50, most_input_tokens=50, fewest_label_tokens=5, most_label_tokens=5
        )
        found = cost01(assess(form_of(budget__cap=0.5), policy, at(2)))
        assert found is not None
        # 420,000 tokens, as in the estimate's own test.
        assert found.message == "The comparison would cost USD 0.84; the cap is USD 0.50."

    @settings(max_examples=60, deadline=None)
    @given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 50))
    def test_a_higher_cap_or_a_lower_price_never_lowers_a_score(self, one: float, other: float, price: float) -> None:
        lower, higher = sorted((one, other))
        of_caps = [judged(at(price), budget__cap=cap).methods for cap in (lower, higher)]
        of_prices = [judged(at(price), budget__cap=20.0).methods for price in (higher, lower)]
        for methods in (of_caps, of_prices):
            for method in Method:
                assert methods[0][method].low <= methods[1][method].low
                assert methods[0][method].high <= methods[1][method].high

    def test_a_plan_without_a_fine_tune_may_be_paid_for(self) -> None:
        assert cost01(judged(budget__cap=5.0, success__target=0.65)) is None
        assert cost01(judged(budget__cap=5.0)) is not None

    def test_a_test_set_twice_as_large_may_be_too_dear(self) -> None:
        assert cost01(judged(budget__cap=40.0)) is None
        # 300 rows to learn from still, 200 to test on: 8.56 + .192 + 33.21.
        assert cost01(judged(budget__cap=40.0, success__held_out_examples=200, examples__count=500)) is not None


class TestNotCompared:
    @pytest.mark.parametrize("cap", [0.0, 20.0, 1e9])
    @pytest.mark.parametrize(("asked", "known"), [("EUR", "USD"), ("USD", "EUR")])
    def test_two_currencies(self, asked: str, known: str, cap: float) -> None:
        assessment = judged(at(2, currency=known), budget__cap=cap, budget__currency=asked)
        found = cost01(assessment)
        assert found is not None
        assert (found.severity, points(assessment)) == (Severity.NOTE, 0)
        assert f"The cap is in {asked}, the known prices are in {known}: not compared." in found.message
        assert assessment.methods[Method.FINE_TUNING].score == judged().methods[Method.FINE_TUNING].score

    def test_prices_in_the_teams_own_currency_are_compared(self) -> None:
        euros = at(2, currency="EUR")
        assert points(judged(euros, budget__cap=1.0, budget__currency="EUR")) == -10
        assert cost01(judged(euros, budget__cap=1_000.0, budget__currency="EUR")) is None

    @pytest.mark.parametrize("model", [None, KnownModel(name="a model", provider="a provider")])
    @pytest.mark.parametrize("cap", [0.0, 1e9])
    def test_an_unknown_price(self, model: KnownModel | None, cap: float) -> None:
        assessment = judged(model, budget__cap=cap)
        found = cost01(assessment)
        assert found is not None
        assert (found.severity, points(assessment)) == (Severity.NOTE, 0)
        assert "no price of the model is known" in found.message
        assert assessment.methods[Method.FINE_TUNING].score == judged().methods[Method.FINE_TUNING].score

    def test_no_cap_is_an_open_question(self) -> None:
        found = cost01(judged(budget__cap=None))
        assert found is not None
        assert found.severity is Severity.UNANSWERED
        assert "fine-tuning by -10 points" in found.message


class TestNeverFires:
    @pytest.mark.parametrize("hosting", ["self_hosted", "on_device"])
    @pytest.mark.parametrize(
        "opened", [{}, {"operations__model": None}, {"task__kind": None, "budget__currency": None}]
    )
    def test_on_ones_own_machines(self, hosting: str, opened: dict[str, Any]) -> None:
        answers = {"operations__hosting": hosting, "budget__cap": 0.0, **opened}
        assessment = judged(**answers)
        assert cost01(assessment) is None
        bounds = judgement(assessment, form_of(**answers)).reach
        assert (bounds.low, bounds.high, bounds.settled) == ((0, 0, 0), (0, 0, 0), True)

    @pytest.mark.parametrize(
        "obstacle",
        [
            {"task__modality": "image"},
            {"success__check": "opinion"},
            {"examples__count": 29, "examples__smallest_class": 5, "success__held_out_examples": 0},
        ],
    )
    @pytest.mark.parametrize("opened", [{}, {"operations__model": None}, {"budget__currency": None}])
    def test_where_nothing_can_be_compared(self, obstacle: dict[str, Any], opened: dict[str, Any]) -> None:
        answers = {**obstacle, "budget__cap": 0.0, **opened}
        assessment = judged(**answers)
        assert assessment.plan.obstacle
        assert cost01(assessment) is None
        bounds = judgement(assessment, form_of(**answers)).reach
        assert (bounds.low, bounds.high, bounds.settled) == ((0, 0, 0), (0, 0, 0), True)

    def test_where_the_encoder_runs_the_arms(self) -> None:
        assessment = judged(operations__model=None, budget__cap=0.0)
        found = cost01(assessment)
        assert points(assessment) == 0
        # A model may still be named.
        assert found is not None
        assert found.severity is Severity.UNANSWERED


class TestBounds:
    @pytest.mark.parametrize("cap", [0.0, 10_000.0])
    @pytest.mark.parametrize("path", [*COST01.reads, "examples.reviewed", "task.narrow", "task.change_interval"])
    def test_while_anything_is_open_ten_points_are_at_stake(self, path: str, cap: float) -> None:
        answers = {"budget__cap": cap, path.replace(".", "__"): None}
        assessment, form = judged(**answers), form_of(**answers)
        if path == "examples.count":
            # Without a number of examples there is no estimate.
            assert assessment.plan.estimate is None
        found = judgement(assessment, form)
        assert (found.reach.low, found.reach.high) == ((0, 0, -10), (0, 0, 0))
        assert found.reach.possible_vetoes == ()
        # Only its own questions are asked for its sake.
        assert [still_open.path for still_open in found.reach.open] == ([path] if path in COST01.reads else [])
        took = found.finding.points.fine_tuning if found.finding else 0
        assert -10 <= took <= 0
        score = assessment.methods[Method.FINE_TUNING]
        assert score.score is None
        assert score.high - score.low >= 10

    @pytest.mark.parametrize("cap", [20.0, 40.0])
    def test_where_nothing_is_open_its_points_are_settled(self, cap: float) -> None:
        form = form_of(budget__cap=cap)
        found = judgement(judged(budget__cap=cap), form)
        took = -10 if cap == 20 else 0
        assert (found.reach.low, found.reach.high) == ((0, 0, took), (0, 0, took))
        assert found.reach.settled

    # Attempts are nested; the tests of all forms open them.
    @pytest.mark.parametrize(
        "opened",
        sorted({path for rule in (*RULES, COST01) for path in rule.reads if not path.startswith("tried.")}),
    )
    def test_the_score_of_the_full_form_lies_where_an_open_one_said(self, opened: str) -> None:
        partly = {opened.replace(".", "__"): None}
        for cap in (20.0, 40.0):
            score = judged(budget__cap=cap).methods[Method.FINE_TUNING].score
            interval = judged(**({"budget__cap": cap} | partly)).methods[Method.FINE_TUNING]
            assert score is not None
            assert interval.low <= score <= interval.high

    @pytest.mark.parametrize("documents", [True, False])
    def test_passages_that_may_come_are_counted_with(self, documents: bool) -> None:
        # Only what answers from facts shows passages, here longer than ten examples: at most 73.52, without them 63.92.
        policy = Policy(as_of=POLICY.as_of, passage_tokens=20_000)
        answers = {"task__kind": "question_answering", "budget__cap": 70.0}
        whole = assess(form_of(**answers, knowledge__documents_available=documents), policy, MODEL)
        partly = assess(form_of(**answers, knowledge__documents_available=None), policy, MODEL)
        assert points(whole) == (-10 if documents else 0)
        score, interval = whole.methods[Method.FINE_TUNING].score, partly.methods[Method.FINE_TUNING]
        assert score is not None
        assert interval.low <= score <= interval.high


def test_what_costs_nothing_is_held_against_no_cap() -> None:
    form = Form.parse(
        {
            "task": {"kind": "classification"},
            "examples": {"count": 400},
            "budget": {"cap": 100.0, "currency": "EUR"},
        }
    )
    assert not [finding for finding in assess(form, POLICY).findings if "not compared" in finding.message]
