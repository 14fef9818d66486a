"""What every rule says about a form, and how far it can still go."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from rules.catalogue import PLAN_RULES, RULES
from rules.checks.cost import ABOVE_THE_CAP
from rules.estimate import Estimate
from rules.finding import METHODS, Finding, Method, unanswered
from rules.form import Form
from rules.policy import Policy
from rules.questionnaire import questions_by_path
from rules.reach import Open, Reach, reach
from rules.rule import Rule

_NO_POINTS: Final = (0, 0, 0)
_WORST: Final = (0, 0, ABOVE_THE_CAP)


class Judgement(NamedTuple):
    """One rule's word, and its bounds."""

    rule: Rule[Any]
    finding: Finding | None
    reach: Reach


def judge(form: Form, policy: Policy) -> tuple[Judgement, ...]:
    """Ask every rule of the catalogue."""
    return tuple(_ask(rule, form, policy) for rule in RULES)


def judge_estimate(
    form: Form, judgements: Sequence[Judgement], obstacle: str | None, estimate: Estimate | None
) -> tuple[Judgement, ...]:
    """Ask the rules about the plan, after those about the form, which decide what is in it."""
    return tuple(_ask_about(rule, form, judgements, obstacle, estimate) for rule in PLAN_RULES)


def _ask_about(
    rule: Rule[Estimate],
    form: Form,
    judgements: Sequence[Judgement],
    obstacle: str | None,
    estimate: Estimate | None,
) -> Judgement:
    if obstacle or form.operations.hosting in ("self_hosted", "on_device"):
        # Nothing is bought, and no further answer changes that.
        return Judgement(rule, None, Reach(_NO_POINTS, _NO_POINTS, (), ()))
    finding = rule.judge(form, estimate) if estimate else None
    missing = [path for path, answer in zip(rule.reads, rule.answers(form), strict=True) if answer is None]
    if not missing and all(judgement.reach.settled for judgement in judgements):
        points = tuple(finding.points.of(method) for method in METHODS) if finding else _NO_POINTS
        return Judgement(rule, finding, Reach(points, points, (), ()))
    # Any open answer may still add an arm to the plan or take one out.
    bounds = Reach(_WORST, _NO_POINTS, (), tuple(Open(path, -ABOVE_THE_CAP / len(missing)) for path in missing))
    if finding is None and missing:
        finding = rule.sign(unanswered(_what_is_open(bounds)))
    return Judgement(rule, finding, bounds)


def _ask(rule: Rule[Policy], form: Form, policy: Policy) -> Judgement:
    finding = rule.judge(form, policy)
    bounds = reach(rule, form, finding, policy)
    if finding is None and not bounds.settled:
        finding = rule.sign(unanswered(_what_is_open(bounds)))
    return Judgement(rule, finding, bounds)


def _what_is_open(bounds: Reach) -> str:
    questions = questions_by_path()
    titles = " ".join(questions[open_question.path].title for open_question in bounds.open)
    stakes = [
        f"{in_plain_words(method)} by {low:+d} to {high:+d}"
        if low * high
        else f"{in_plain_words(method)} by {low or high:+d}"
        for method, low, high in zip(METHODS, bounds.low, bounds.high, strict=True)
        if low != high
    ]
    moves = f" The answer may move {', '.join(stakes)} points." if stakes else ""
    rules_out = f" It may rule out {', '.join(map(in_plain_words, bounds.possible_vetoes))}."
    return f"Not answered: {titles}{moves}{rules_out if bounds.possible_vetoes else ''}"


def in_plain_words(method: Method) -> str:
    """Return a method's name as a sentence uses it."""
    return "fine-tuning" if method is Method.FINE_TUNING else method.value
