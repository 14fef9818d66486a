"""What a form cannot tell, and what would change the advice (source 002)."""

from collections.abc import Sequence
from typing import Final

from rules.advice import Advice
from rules.finding import Finding, Method

LIMITS: Final = (
    "Which provider or model is cheapest for you: prices change, and the report counts with dated ones.",
    "Whether the examples are clean: only the audit of the data can tell.",
    "Whether the exact score you care about will improve: only the comparison can tell.",
    "How much data your task needs: the learning curve in the report estimates it.",
    "Whether fixed rules or a person's review would serve better than any model.",
)

_FOR_FINE_TUNING: Final = (
    "The task, its categories or its users begin to change often.",
    "The provider announces the end of the model that a fine-tune would stand on.",
    "A better prompt, a few examples in it, or retrieval closes the same gap for less upkeep.",
)
_FOR_THE_CHEAPER: Final = (
    "The cheaper methods are tried, measured, and stay below the target by more than is worth paying for.",
    "The task stays stable, and checked examples come together in numbers.",
)


def would_change(advice: Advice, findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return what would have to happen for the advice to become another one."""
    if advice.start_with == "clarify_the_task":
        return ("The rules for a right answer are written, and two people apply them alike.",)
    if advice.start_with == "fine_tuning":
        return _FOR_FINE_TUNING
    lifted = tuple(
        f"{finding.code} is lifted. {finding.what_to_do[:1].upper()}{finding.what_to_do[1:]}"
        for finding in findings
        if Method.FINE_TUNING in finding.vetoes
    )
    return lifted + _FOR_THE_CHEAPER
