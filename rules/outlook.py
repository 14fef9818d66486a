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

_LIFTED_WHEN: Final = {
    "TASK01": "What changes so often moves into the prompt or the documents; what is left to train is stable.",
    "TASK05": "The rules for a right answer are written, and two people apply them alike.",
    "DATA01": "There are enough checked examples to train on.",
    "TEST01": "There is a check that two people, or a program, apply alike.",
    "TEST02": "There are enough examples to compare anything at all.",
    "KNOW01": "The missing facts are retrieved, and what is left to mend is form or style.",
    "OPS01": "Every change gets a version, and going back has been practised.",
    "OPS04": "The model stays, and can be trained, for as long as the result must last.",
    "GOV01": "The data may go where the model is trained, or the model is trained where the data is.",
}
"""What would have to be true for a veto to fall, by the code of its rule."""

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
    if advice.start_with == "fine_tuning":
        return _FOR_FINE_TUNING
    vetoes = [finding.code for finding in findings if Method.FINE_TUNING in finding.vetoes]
    return tuple(f"{_LIFTED_WHEN[code]} ({code})" for code in vetoes if code in _LIFTED_WHEN) + _FOR_THE_CHEAPER
