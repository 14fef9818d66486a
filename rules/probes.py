"""Representative answers to a question: at least one for every way in which a rule can react.

They come from the allowed answers and from both sides of every policy threshold, so nobody keeps them up.
"""

from datetime import date
from functools import lru_cache
from typing import Any, Final

from rules.policy import Policy
from rules.question import MOST
from rules.questionnaire import questions_by_path

_FAILURE_SETS: Final[tuple[tuple[str, ...], ...]] = (
    (),
    ("missing_facts",),
    ("missing_facts", "inconsistent_style"),
    ("inconsistent_style",),
    ("varies_between_runs",),
    ("too_slow",),
)
"""One per group of failures that rules treat alike, and the one pair that they treat as a pair."""


@lru_cache(maxsize=1024)
def probes(path: str, policy: Policy) -> tuple[Any, ...]:
    """Return answers to the question at `path` that between them show all a rule can make of it."""
    question = questions_by_path()[path]
    match question.kind:
        case "yes_no":
            return (False, True)
        case "choice":
            return question.choices
        case "choices" if path == "task.failures":
            return _FAILURE_SETS
        case "choices":
            return ((), *((choice,) for choice in question.choices))
        case "share":
            # Rules only compare shares with each other, so the extremes reach every outcome.
            return (0.0, 1.0)
        case "date":
            return (policy.day, date.max)
        case "whole_number":
            return _around(int(question.minimum or 0), int(question.maximum or MOST), path, policy)
        case _:
            raise ValueError(f"{path}: no rule can read an answer of kind {question.kind}")


def _around(lowest: int, highest: int, path: str, policy: Policy) -> tuple[int, ...]:
    values = {lowest, highest}
    for threshold in policy.thresholds(path):
        # The value above too: a rule may say "more than" as well as "at least".
        values |= {threshold - 1, threshold, threshold + 1}
    return tuple(sorted(value for value in values if lowest <= value <= highest))
