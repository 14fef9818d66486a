"""What must hold for every form, answered in part or in full."""

from datetime import date
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rules.assess import Assessment, assess
from rules.catalogue import PLAN_RULES, RULES
from rules.choices import CHANGE_INTERVALS
from rules.finding import Method, Severity
from rules.form import Form, FormError
from rules.known_model import KnownModel, TokenPrices
from rules.policy import Policy
from rules.question import Question
from rules.questionnaire import questions_by_path

POLICY = Policy(as_of=date(2026, 7, 1))
READ = {path for rule in (*RULES, *PLAN_RULES) for path in rule.reads} | {"success.baseline"}
PRICED = KnownModel(
    name="a model", provider="a provider", prices=TokenPrices(input=2, output=8, training=20, source="us", seen_on=None)
)
QUESTIONS = {path: question for path, question in questions_by_path().items() if path in READ}

# No deadline: the machine may be shared, and speed is measured elsewhere.
for_many_forms = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answers(question: Question) -> st.SearchStrategy[Any]:
    match question.kind:
        case "yes_no":
            return st.booleans()
        case "choice":
            return st.sampled_from(question.choices)
        case "choices":
            return st.lists(st.sampled_from(question.choices), unique=True, max_size=4)
        case "share":
            return st.sampled_from([0.0, 0.03, 0.5, 0.8, 0.81, 0.9, 1.0]) | st.floats(0, 1)
        case "text":
            return st.sampled_from(["USD", "EUR"] if question.path == "budget.currency" else ["a model"])
        case "number":
            return st.sampled_from([0.0, 1.0, 10.0, 100.0, 1e9]) | st.floats(0, 1000)
        case "date":
            return st.dates(date(2020, 1, 1), date(2040, 1, 1))
        case _:
            near = [7, 8, 29, 30, 49, 50, 99, 100, 999, 1000, 1001, 49_999, 50_000]
            top = int(question.maximum or 10**6)
            return st.sampled_from([n for n in near if n <= top]) | st.integers(1, top)


def readable(flat: dict[str, Any]) -> Form:
    """Make drawn answers agree with each other, as a form must."""
    flat = dict(flat)
    for path in [path for path in flat if path.endswith(".score")]:
        if flat.get(path.replace(".score", ".tried")) is False:
            del flat[path]
    for part in ("success.held_out_examples", "examples.smallest_class"):
        if part in flat:
            flat[part] = min(flat[part], flat.get("examples.count", flat[part]))
    if flat.get("governance.data_may_leave_premises") is False:
        flat["governance.data_may_leave_region"] = False
    return Form.parse(nested(flat))


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, answer in flat.items():
        *sections, name = path.split(".")
        place = form
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = answer
    return form


def answered(form: Form) -> dict[str, Any]:
    """Return the answers of a form by path."""
    found = {}
    for path in QUESTIONS:
        value: Any = form
        for name in path.split("."):
            value = getattr(value, name)
        if value is not None:
            found[path] = list(value) if isinstance(value, tuple) else value
    return found


def with_answer(form: Form, path: str, answer: Any) -> Form:
    """Return the form with one more or one other answer; give the example up if that cannot be."""
    try:
        return Form.parse(nested({**answered(form), path: answer}))
    except FormError:
        assume(False)
        raise


def judged(form: Form) -> Assessment:
    """Return what is said where the price of the named model is known, so that every rule has its say."""
    return assess(form, POLICY, PRICED if form.operations.model else None)


def fine_tuning(form: Form) -> tuple[int, int, bool]:
    # Without prices: more examples may cost more to compare, and COST01 may say so.
    score = assess(form, POLICY).methods[Method.FINE_TUNING]
    return score.low, score.high, not score.vetoes


part_forms = st.fixed_dictionaries({}, optional={p: answers(q) for p, q in QUESTIONS.items()}).map(readable)
full_forms = st.fixed_dictionaries({p: answers(q) for p, q in QUESTIONS.items()}).map(readable)
forms = part_forms | full_forms
paths = st.sampled_from(sorted(QUESTIONS))


@for_many_forms
@given(forms, st.integers(0, 300), st.integers(0, 300))
def test_more_examples_never_lower_fine_tuning(form: Form, one: int, other: int) -> None:
    fewer, more = (with_answer(form, "examples.count", count) for count in sorted((one, other)))
    assert all(a <= b for a, b in zip(fine_tuning(fewer), fine_tuning(more), strict=True))


@for_many_forms
@given(forms)
def test_a_faster_change_never_raises_fine_tuning(form: Form) -> None:
    by_speed = [fine_tuning(with_answer(form, "task.change_interval", pace)) for pace in CHANGE_INTERVALS]
    for slower, faster in pairwise(by_speed):
        assert all(a >= b for a, b in zip(slower, faster, strict=True))


@for_many_forms
@given(forms, paths, st.data())
def test_an_answer_never_widens_an_interval(form: Form, path: str, data: st.DataObject) -> None:
    assume(path not in answered(form))
    after_form = with_answer(form, path, data.draw(answers(QUESTIONS[path])))
    before, after = judged(form), judged(after_form)
    for method in Method:
        assert before.methods[method].low <= after.methods[method].low
        assert after.methods[method].high <= before.methods[method].high


@for_many_forms
@given(forms, paths, st.data())
def test_a_veto_falls_only_with_an_answer_that_its_rule_reads(form: Form, path: str, data: st.DataObject) -> None:
    other = with_answer(form, path, data.draw(answers(QUESTIONS[path])))
    standing = vetoes(judged(other))
    for rule in RULES:
        if rule.code in vetoes(judged(form)) and path not in rule.reads:
            assert rule.code in standing


@for_many_forms
@given(part_forms, paths, st.data())
def test_a_veto_outlives_every_further_answer(form: Form, path: str, data: st.DataObject) -> None:
    assume(path not in answered(form))
    more = with_answer(form, path, data.draw(answers(QUESTIONS[path])))
    assert vetoes(judged(form)) <= vetoes(judged(more))


@for_many_forms
@given(forms)
def test_scores_are_fifty_plus_the_points_on_show(form: Form) -> None:
    assessment = judged(form)
    for score in assessment.methods.values():
        shown = min(max(50 + sum(part.points for part in score.contributions), 0), 100)
        assert score.low <= shown <= score.high
        assert score.score in (None, shown)
        assert score.score is None or score.low == score.high == score.score


@for_many_forms
@given(full_forms)
def test_where_all_is_answered_every_score_is_a_point(form: Form) -> None:
    assessment = judged(form)
    assert all(score.score is not None for score in assessment.methods.values())
    assert assessment.next_questions == ()


@for_many_forms
@given(forms)
def test_ready_means_six_times_yes_and_no_veto(form: Form) -> None:
    assessment = judged(form)
    yes = all(question.status == "yes" for question in assessment.readiness.questions)
    assert assessment.readiness.ready == (yes and not vetoes(assessment))
    assert assessment.advice.start_with != "fine_tuning" or assessment.readiness.ready


@for_many_forms
@given(forms)
def test_the_next_questions_are_open_ones_the_most_telling_first(form: Form) -> None:
    assessment = judged(form)
    fields = [question.field for question in assessment.next_questions]
    gains = [question.narrows_by for question in assessment.next_questions]
    assert not set(fields) & set(answered(form))
    assert gains == sorted(gains, reverse=True)
    assert all(gain >= 0 for gain in gains)
    assert all(question.why for question in assessment.next_questions)
    undecided = any(score.score is None for score in assessment.methods.values())
    assert fields or not undecided


@for_many_forms
@given(forms)
def test_equal_forms_get_equal_assessments(form: Form) -> None:
    again = Form.parse(form.model_dump(mode="json"))
    assert judged(form) == judged(again)


def vetoes(assessment: Assessment) -> set[str]:
    return {finding.code for finding in assessment.findings if finding.severity is Severity.VETO}
