"""The plan that an assessment calls for: which arms, why, and why not."""

from collections.abc import Iterator
from datetime import date
from math import isfinite
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.assess import Assessment, assess
from rules.design import Design
from rules.family import Family
from rules.finding import Method
from rules.form import Form
from rules.known_model import KnownModel, TokenPrices
from rules.layout import Backend
from rules.material import Material
from rules.plan import Plan
from rules.policy import Policy

POLICY = Policy(as_of=date(2026, 7, 1))
PRICED = KnownModel(
    name="a model", provider="a provider", prices=TokenPrices(input=2, output=8, training=20, source="us", seen_on=None)
)
HOSTED = {"hosting": "provider_api", "model": "a model"}


def judged(*parts: dict[str, Any], material: Material | None = None, policy: Policy = POLICY) -> Assessment:
    """Judge a classification with 400 examples, with these sections put over it."""
    form: dict[str, Any] = {"task": {"kind": "classification"}, "examples": {"count": 400}}
    for part in parts:
        form |= {section: form.get(section, {}) | answers for section, answers in part.items()}
    return assess(Form.parse(form), policy, PRICED, material)


def plan_of(*parts: dict[str, Any], material: Material | None = None, policy: Policy = POLICY) -> Plan:
    return judged(*parts, material=material, policy=policy).plan


def families(plan: Plan) -> list[Family]:
    return [arm.family for arm in plan.arms]


def why_not(plan: Plan) -> dict[Family, str]:
    return {out.family: out.why for out in plan.left_out}


class TestArms:
    def test_all_of_them_cheapest_first_each_with_its_reason(self) -> None:
        plan = plan_of()
        assert families(plan) == list(Family)
        assert plan.left_out == ()
        assert len({arm.why for arm in plan.arms}) == len(Family)
        assert all(arm.why.endswith(".") for arm in plan.arms)

    def test_margins_are_prices_over_a_prompt(self) -> None:
        margins = [margin.over_a_prompt for margin in plan_of().margins]
        assert margins == pytest.approx([0, 0, 0.01, 0.01, 0.04])

    @pytest.mark.parametrize(("gain", "fine_tune"), [(0.0, 0.01), (0.1, 0.11)])
    def test_the_forms_own_gain_prices_the_fine_tune(self, gain: float, fine_tune: float) -> None:
        plan = plan_of({"success": {"worthwhile_gain": gain}})
        assert [margin.over_a_prompt for margin in plan.margins] == pytest.approx([0, 0, 0.01, 0.01, fine_tune])
        assert [margin.family for margin in plan.margins] == families(plan)

    @pytest.mark.parametrize("kind", [None, "extraction", "question_answering", "generation"])
    def test_a_head_only_sorts(self, kind: str | None) -> None:
        plan = plan_of({"task": {"kind": kind}})
        assert Family.HEAD not in families(plan)
        assert "labels" in why_not(plan)[Family.HEAD]
        assert Family.HEAD not in {margin.family for margin in plan.margins}

    @pytest.mark.parametrize(
        ("faults", "codes"),
        [
            ({"examples": {"count": 49}}, ["DATA01"]),
            ({"task": {"business_rules_written": False}}, ["TASK05"]),
            ({"task": {"business_rules_written": False, "change_interval": "daily"}}, ["TASK01", "TASK05"]),
            ({"operations": {"versioned": False}, "examples": {"count": 49}}, ["DATA01", "OPS01"]),
        ],
    )
    def test_a_veto_takes_the_fine_tune_out_and_says_which(self, faults: dict[str, Any], codes: list[str]) -> None:
        assessment = judged(faults)
        assert families(assessment.plan) == [family for family in Family if family is not Family.LORA]
        assert why_not(assessment.plan)[Family.LORA] == f"Fine-tuning is ruled out by {', '.join(codes)}."
        assert assessment.methods[Method.FINE_TUNING].vetoes == tuple(codes)

    @pytest.mark.parametrize(
        ("examples", "versioned", "left"), [(49, None, False), (50, None, True), (50, False, False), (50, True, True)]
    )
    def test_each_side_of_a_veto(self, examples: int, versioned: bool | None, left: bool) -> None:
        plan = plan_of({"examples": {"count": examples}, "operations": {"versioned": versioned}})
        assert (Family.LORA in families(plan)) is left
        assert (Family.LORA in why_not(plan)) is not left

    @pytest.mark.parametrize(("score", "left"), [(0.9, False), (0.89, True)])
    def test_a_prompt_that_reaches_the_target_leaves_the_fine_tune_out(self, score: float, left: bool) -> None:
        plan = plan_of({"success": {"target": 0.9}, "tried": {"few_shot": {"score": score}}})
        assert (Family.LORA in families(plan)) is left
        assert left or "TRIED04" in why_not(plan)[Family.LORA]

    def test_hopeless_points_leave_it_out_only_where_a_training_costs_money(self) -> None:
        bad = {
            "task": {"narrow": False, "change_interval": "monthly", "requests_per_month": 10},
            "examples": {"reviewed": "no", "consistent": False, "representative": False},
            "operations": {"retraining_owner": False, "monitoring": False},
        }
        paid = judged(bad, {"operations": {**bad["operations"], **HOSTED, "tuning_ends_on": "not_announced"}})
        assert paid.methods[Method.FINE_TUNING].vetoes == ()
        assert "Fine-tuning scores at most" in why_not(paid.plan)[Family.LORA]
        free = judged(bad)
        assert free.plan.backend is Backend.ENCODER
        assert Family.LORA in families(free.plan)

    def test_the_advice_compares_what_the_plan_compares(self) -> None:
        assessment = judged({"operations": {"versioned": False}})
        assert list(assessment.advice.worth_comparing) == families(assessment.plan)


class TestObstacles:
    @pytest.mark.parametrize(
        ("form", "named"),
        [
            ({"task": {"modality": "image"}}, "images"),
            ({"task": {"modality": "image", "requests_per_month": 10}}, "images"),
            ({"success": {"check": "opinion"}}, "objective check"),
            ({"success": {"check": "none"}}, "objective check"),
            ({"examples": {"count": 29}}, "more examples"),
            ({"examples": {"count": 0}}, "more examples"),
        ],
    )
    def test_nothing_can_be_compared(self, form: dict[str, Any], named: str) -> None:
        assessment = judged(form, {"operations": HOSTED})
        plan = assessment.plan
        assert plan.obstacle is not None
        assert named in plan.obstacle
        assert plan.obstacle in assessment.advice.summary
        assert (plan.arms, plan.margins, plan.split, plan.estimate) == ((), (), None, None)
        assert plan.sight.detectable_gain is None

    @pytest.mark.parametrize(
        "form",
        [
            {"task": {"modality": "text"}},
            {"task": {"modality": None}},
            {"success": {"check": "rubric"}},
            {"success": {"check": None}},
            {"examples": {"count": 30}},
            # Too few kept aside is a warning, no obstacle: cross-fitting needs none.
            {"success": {"held_out_examples": 0}},
        ],
    )
    def test_beside_an_obstacle_there_is_none(self, form: dict[str, Any]) -> None:
        plan = plan_of(form)
        assert plan.obstacle is None
        assert plan.arms
        assert plan.split
        assert plan.estimate

    def test_a_higher_limit_is_an_obstacle_earlier(self) -> None:
        strict = Policy(as_of=POLICY.as_of, fewest_examples=45)
        few = {"examples": {"count": 44}}
        assert plan_of(few, policy=strict).obstacle
        assert not plan_of(few).obstacle


class TestRows:
    def test_without_a_number_of_examples_arms_are_named_and_nothing_is_counted(self) -> None:
        plan = plan_of({"examples": {"count": None}})
        assert families(plan) == list(Family)
        assert (plan.split, plan.estimate, plan.material) == (None, None, Material())
        assert plan.sight.items_needed == 2_178

    def test_rows_kept_aside_are_the_test(self) -> None:
        split = plan_of({"success": {"held_out_examples": 100}}).split
        assert split
        assert (split.design, split.tested, split.train_size) == (Design.GIVEN, 100, 300)

    def test_a_file_counts_more_than_what_the_form_says_of_it(self) -> None:
        counted = Material(examples=1_200, labels=7, input_tokens=31.5, answer_tokens=2.0, source="tickets")
        plan = plan_of({"success": {"held_out_examples": 100}}, material=counted)
        assert plan.material == counted
        assert plan.split
        assert (plan.split.design, plan.split.tested, plan.split.train_size) == (Design.SEALED, 480, 720)
        assert {arm.family: arm.fits for arm in plan.arms}[Family.LORA] == 3


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        ("classification", "accuracy"),
        ("extraction", "exact match"),
        ("question_answering", "right answers"),
        ("generation", "rubric score"),
        (None, "the share of right answers"),
    ],
)
def test_the_metric_fits_the_task_unless_the_team_has_its_own(kind: str | None, metric: str) -> None:
    assert plan_of({"task": {"kind": kind}}).metric == metric
    assert plan_of({"task": {"kind": kind}, "success": {"metric": "F-beta"}}).metric == "F-beta"


def number(*near: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, 10**9, *near]) | st.integers(0, 5_000)


SHARE = st.sampled_from([0.0, 1e-12, 1e-6, 0.03, 1.0]) | st.floats(0, 1)
ANSWERS: dict[str, st.SearchStrategy[Any]] = {
    "task.kind": st.sampled_from(["classification", "extraction", "question_answering", "generation"]),
    "task.modality": st.sampled_from(["text", "text", "text", "image"]),
    "task.change_interval": st.sampled_from(["never", "monthly", "daily"]),
    "task.requests_per_month": number(999, 1_000),
    "tried.few_shot.score": SHARE,
    "examples.count": number(2, 29, 30, 31, 49, 50, 99, 100, 499, 500),
    "examples.consistent": st.booleans(),
    "success.check": st.sampled_from(["exact", "exact", "rubric", "opinion"]),
    "success.held_out_examples": number(29, 30),
    "success.target": SHARE,
    "success.worthwhile_gain": SHARE,
    "knowledge.documents_available": st.booleans(),
    "operations.model": st.just("a model"),
    "operations.hosting": st.sampled_from(["provider_api", "provider_api", "self_hosted", "on_device"]),
    "operations.prompt_tokens": number(),
    "operations.versioned": st.booleans(),
    "budget.cap": st.sampled_from([0.0, 1e9]) | st.floats(0, 100),
    "budget.currency": st.sampled_from(["USD", "EUR"]),
}


def readable(flat: dict[str, Any]) -> Form:
    if "examples.count" in flat and "success.held_out_examples" in flat:
        flat["success.held_out_examples"] = min(flat["success.held_out_examples"], flat["examples.count"])
    form: dict[str, Any] = {}
    for path, answer in flat.items():
        *sections, name = path.split(".")
        place = form
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = answer
    return Form.parse(form)


forms = st.fixed_dictionaries({}, optional=ANSWERS).map(readable)
prices = st.builds(
    TokenPrices,
    input=st.floats(0, 1e4),
    output=st.floats(0, 1e4),
    training=st.none() | st.floats(0, 1e4),
    currency=st.sampled_from(["USD", "EUR"]),
    source=st.just("us"),
    seen_on=st.none() | st.dates(),
)
models = st.none() | st.builds(
    KnownModel, name=st.just("a model"), provider=st.just("a provider"), prices=st.none() | prices
)
files = st.none() | st.builds(
    Material,
    examples=st.integers(30, 10**6),
    test_examples=st.none() | st.integers(30, 10**6),
    labels=st.integers(1, 1_000),
    input_tokens=st.floats(0, 1e6),
    answer_tokens=st.floats(0, 1e6),
)
for_many_forms = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def numbers(part: Any) -> Iterator[float]:
    """Every number in a document."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from numbers(inner)
    elif isinstance(part, float | int):
        yield part


@for_many_forms
@given(forms, models, files)
def test_every_plan_can_be_stored_and_holds_no_number_that_is_none(
    form: Form, model: KnownModel | None, material: Material | None
) -> None:
    plan = assess(form, POLICY, model, material).plan
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert all(isfinite(value) and value >= 0 for value in numbers(plan.model_dump()))


@for_many_forms
@given(forms, models, files)
def test_every_family_is_planned_or_left_out_with_a_reason(
    form: Form, model: KnownModel | None, material: Material | None
) -> None:
    assessment = assess(form, POLICY, model, material)
    plan = assessment.plan
    assert all(arm.why for arm in plan.arms)
    assert all(out.why for out in plan.left_out)
    assert families(plan) == [arm.family for arm in sorted(plan.arms, key=lambda arm: POLICY.price(arm.family))]
    assert [margin.family for margin in plan.margins] == families(plan)
    assert not set(families(plan)) & set(why_not(plan))
    if plan.obstacle:
        assert plan.arms == ()
    else:
        assert {*families(plan), *why_not(plan)} == set(Family)
        assert families(plan)[:3] == [Family.ZERO_SHOT, Family.FEW_SHOT, Family.RETRIEVAL]
    assert (Family.HEAD in families(plan)) is (form.task.kind == "classification" and not plan.obstacle)
    # What COST01 says comes after the plan, and vetoes nothing.
    if vetoes := assessment.methods[Method.FINE_TUNING].vetoes:
        assert all(code in why_not(plan)[Family.LORA] for code in vetoes)
    assert (plan.estimate is None) is (plan.split is None)


def test_a_file_is_believed_before_what_anybody_remembers() -> None:
    form = Form.parse({"task": {"kind": "classification"}, "examples": {"count": 20}})
    judged = assess(form, POLICY, material=Material(examples=402, source="tickets"))
    assert judged.plan.obstacle is None
    assert [(answer.field, answer.answer, answer.source) for answer in judged.filled_in] == [
        ("examples.count", 402, "counted in tickets")
    ]
    assert not {"DATA01", "TEST02"} & {finding.code for finding in judged.findings if finding.vetoes}


@pytest.mark.parametrize(("count", "held_out"), [(31, 30), (60, 50), (59, 30)])
def test_rows_kept_aside_leave_enough_to_learn_from_or_are_not_kept(count: int, held_out: int) -> None:
    form = Form.parse({"examples": {"count": count}, "success": {"held_out_examples": held_out}})
    split = assess(form, POLICY).plan.split
    assert split is not None
    assert (split.design, split.tested) == ("cross_fit", count)


def test_too_few_rows_in_a_file_are_an_obstacle() -> None:
    plan = assess(Form(), POLICY, material=Material(examples=400, test_examples=12)).plan
    assert plan.obstacle == "Nothing can be compared until there are more examples."
    assert not plan.arms
