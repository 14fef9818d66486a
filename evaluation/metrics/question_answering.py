"""Answers to questions: right in wording, right in words, supported by what was retrieved.

All scores are 0..1 and None, an answer that could not be read, scores 0. A question without references is unanswerable:
declining to answer is then right, and every other answer wrong (SQuAD 2.0: Rajpurkar et al. 2018, arXiv 1806.03822).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluation.answers import abstains
from evaluation.metrics.words import answer_words


def answer_exact(references: Sequence[str], answer: str | None, language: str = "en") -> float:
    """1.0 if the answer's words are those of one reference, in order (`answer_words`: case, punctuation, articles and
    the way numbers are written do not count), else 0.0. An answer without words equals a reference without words."""
    return _best(references, answer, language, lambda reference, given: float(reference == given))


def token_f1(references: Sequence[str], answer: str | None, language: str = "en") -> float:
    """The best over references of F1 = 2 s / (r + a): s words in common, of r in the reference and a in the answer,
    repeated words counted as often as both have them (SQuAD: Rajpurkar et al. 2016, arXiv 1606.05250).

    1.0 if both are without words, 0.0 if one is. Symmetric in one reference and the answer.
    """
    return _best(references, answer, language, _f1)


def support(passages: Sequence[str], answer: str | None, language: str = "en") -> float | None:
    """How much of the answer stands in the retrieved passages: the share of its different words that any of them holds
    (K-precision: Adlakha et al. 2024, TACL 12:681, arXiv 2307.16877). 1.0 is no proof that the passages say so.

    None where there is nothing to support: no answer, no words, or the text declines to answer. So this describes an
    arm and is never the metric of a contrast; 0.0 without passages.
    """
    words = set(answer_words(answer, language)) if answer is not None and not abstains(answer) else set()
    if not words:
        return None
    held = {word for passage in passages for word in answer_words(passage, language)}
    return len(words & held) / len(words)


def is_quoted(passages: Sequence[str], answer: str | None, language: str = "en") -> bool:
    """Whether one passage holds the answer's words next to each other, in order; not for an answer without words."""
    words = answer_words(answer, language) if answer is not None else []
    wanted = " ".join(words)
    return bool(words) and any(
        f" {wanted} " in f" {' '.join(answer_words(passage, language))} " for passage in passages
    )  # fmt: skip


@dataclass(frozen=True)
class Abstentions:
    """How often an arm declined to answer: of `unanswerable` questions `rightly`, of `answerable` ones `wrongly`."""

    unanswerable: int
    rightly: int
    answerable: int
    wrongly: int


def count_abstentions(references: Sequence[Sequence[str]], answers: Sequence[str | None]) -> Abstentions:
    """Over rows; an answer that could not be read (None) is no abstention. Raises ValueError for unequal lengths."""
    rows = [(not accepted, abstains(answer)) for accepted, answer in zip(references, answers, strict=True)]
    counts = Counter(rows)
    return Abstentions(
        unanswerable=counts[True, True] + counts[True, False],
        rightly=counts[True, True],
        answerable=counts[False, True] + counts[False, False],
        wrongly=counts[False, True],
    )


def _best(
    references: Sequence[str], answer: str | None, language: str, score: Callable[[list[str], list[str]], float]
) -> float:
    if answer is None:
        return 0.0
    if not references:
        return float(abstains(answer))
    given = answer_words(answer, language)
    return max(score(answer_words(reference, language), given) for reference in references)


def _f1(reference: list[str], given: list[str]) -> float:
    if not reference or not given:
        return float(reference == given)
    shared = (Counter(reference) & Counter(given)).total()
    return 2 * shared / (len(reference) + len(given))
