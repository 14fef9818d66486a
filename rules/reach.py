"""How far a rule can still go: its best and its worst word over every way to answer what is unanswered."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from rules.finding import METHODS, Finding, Method
from rules.form import Form
from rules.policy import Policy
from rules.probes import probes
from rules.question import Section
from rules.rule import Rule

AnySection = TypeVar("AnySection", bound=Section)


class Outcome(NamedTuple):
    """What a rule says about one completely answered form, reduced to what counts."""

    points: tuple[int, ...]
    vetoes: tuple[Method, ...]


class Open(NamedTuple):
    """One unanswered question that can still change what a rule says."""

    path: str
    narrows_by: float


class Reach(NamedTuple):
    """The bounds of a rule's points, one per method, and what keeps them apart."""

    low: tuple[int, ...]
    high: tuple[int, ...]
    possible_vetoes: tuple[Method, ...]
    open: tuple[Open, ...]

    @property
    def settled(self) -> bool:
        """Whether no answer can change the rule's points or vetoes any more."""
        return not self.open


class _Completion(NamedTuple):
    answers: tuple[Any, ...]
    outcome: Outcome


_SILENT: Final = Outcome((0,) * len(METHODS), ())


def reach(rule: Rule[Policy], form: Form, finding: Finding | None, policy: Policy) -> Reach:
    """Return how far a rule can go from what is answered."""
    answers = rule.answers(form)
    if None in answers:
        return _reach(rule, answers, policy)
    points, vetoes = _outcome(finding)
    return Reach(points, points, vetoes, ())


# A rule sees only the answers that it reads, and most forms agree on most of these.
@lru_cache(maxsize=4096)
def _reach(rule: Rule[Policy], known: tuple[Any, ...], policy: Policy) -> Reach:
    form, missing = Form(), []
    for path, answer in zip(rule.reads, known, strict=True):
        if answer is None:
            missing.append(path)
        else:
            form = _with_answer(form, path, answer)
    completions = [
        _Completion(answers, _outcome(rule.check(complete, policy)))
        for answers, complete in _completed(form, missing, policy)
    ]
    outcomes = [completion.outcome for completion in completions]
    low, high = _bounds(outcomes)
    vetoes = {method: None for outcome in outcomes for method in outcome.vetoes}
    still_open = (_open(path, place, completions) for place, path in enumerate(missing))
    return Reach(low, high, tuple(vetoes), tuple(found for found in still_open if found))


def _completed(form: Form, missing: Sequence[str], policy: Policy) -> Iterator[tuple[tuple[Any, ...], Form]]:
    """Yield every combination of representative answers, and the form that holds them."""
    if not missing:
        yield (), form
        return
    path, *rest = missing
    for answer in _possible(form, path, policy):
        for answers, complete in _completed(_with_answer(form, path, answer), rest, policy):
            yield (answer, *answers), complete


def _possible(form: Form, path: str, policy: Policy) -> tuple[Any, ...]:
    """Return representative answers, given the answers so far."""
    section, name, *below = path.split(".")
    if section == "tried" and below == ["score"] and getattr(form.tried, name).tried is False:
        # What was never tried has no score; rules read `tried` first.
        return (None,)
    return probes(path, policy)


def _with_answer(section: AnySection, path: str, answer: Any) -> AnySection:
    # Copies are not validated: probes may contradict each other, which widens a bound and never cuts it.
    name, _, below = path.partition(".")
    value = _with_answer(getattr(section, name), below, answer) if below else answer
    # Hundreds of copies a form, of models without private or extra fields: model_copy takes four times as long.
    copied = object.__new__(type(section))
    object.__setattr__(copied, "__dict__", {**section.__dict__, name: value})
    object.__setattr__(copied, "__pydantic_fields_set__", section.__pydantic_fields_set__)
    object.__setattr__(copied, "__pydantic_extra__", None)
    object.__setattr__(copied, "__pydantic_private__", None)
    return copied


def _open(path: str, place: int, completions: Sequence[_Completion]) -> Open | None:
    """Return by how much an answer narrows the bounds on average, or nothing where no answer matters."""
    by_answer: dict[Any, list[Outcome]] = defaultdict(list)
    by_others: dict[Any, set[Outcome]] = defaultdict(set)
    for answers, outcome in completions:
        by_answer[answers[place]].append(outcome)
        by_others[answers[:place] + answers[place + 1 :]].add(outcome)
    # Where the question does not arise, no answer to it rules that out.
    aside = by_answer.pop(None, [])
    if not by_answer:
        return None
    today = _width([completion.outcome for completion in completions])
    later = [_width(outcomes + aside) for outcomes in by_answer.values()]
    narrows_by = today - sum(later) / len(later)
    if not narrows_by and all(len(outcomes) == 1 for outcomes in by_others.values()):
        return None
    return Open(path, narrows_by)


def _width(outcomes: Sequence[Outcome]) -> int:
    low, high = _bounds(outcomes)
    return sum(high) - sum(low)


def _bounds(outcomes: Sequence[Outcome]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    columns = list(zip(*(outcome.points for outcome in outcomes), strict=True))
    return tuple(map(min, columns)), tuple(map(max, columns))


def _outcome(finding: Finding | None) -> Outcome:
    if finding is None:
        return _SILENT
    return Outcome(tuple(finding.points.of(method) for method in METHODS), finding.vetoes)
