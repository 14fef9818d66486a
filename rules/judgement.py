"""What every rule says about a form, and how far it can still go."""

from typing import NamedTuple

from rules.catalogue import RULES
from rules.finding import METHODS, Finding, Method, unanswered
from rules.form import Form
from rules.policy import Policy
from rules.questionnaire import questions_by_path
from rules.reach import Reach, reach
from rules.rule import Rule


class Judgement(NamedTuple):
    """One rule's word, and its bounds."""

    rule: Rule
    finding: Finding | None
    reach: Reach


def judge(form: Form, policy: Policy) -> tuple[Judgement, ...]:
    """Ask every rule of the catalogue."""
    return tuple(_ask(rule, form, policy) for rule in RULES)


def _ask(rule: Rule, form: Form, policy: Policy) -> Judgement:
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
