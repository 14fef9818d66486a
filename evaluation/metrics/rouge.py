"""ROUGE: how many words, pairs of words, or words in order an answer shares with a reference.

Lin 2004, ROUGE: A package for automatic evaluation of summaries. F1 without stemming; on English texts the values are
those of Google's `rouge-score` 0.1.2. Words are Unicode words (`words_of`), so that other scripts count too.

Scores are 0..1, the best over references. 0.0 for None (an answer that could not be read), for an answer or references
without words, and for ROUGE-2 where one of them has fewer than two: an equal answer scores 1.0 from two words on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from evaluation.metrics.words import words_of


def rouge_1(references: Sequence[str], answer: str | None) -> float:
    """F1 of words in common, repeated ones as often as both have them. Symmetric in answer and one reference."""
    return _best(references, answer, lambda reference, given: _shared_runs(reference, given, 1))


def rouge_2(references: Sequence[str], answer: str | None) -> float:
    """F1 of pairs of neighbouring words in common. Symmetric in answer and one reference."""
    return _best(references, answer, lambda reference, given: _shared_runs(reference, given, 2))


def rouge_l(references: Sequence[str], answer: str | None) -> float:
    """F1 of the longest sequence of words that both have in this order, with gaps. Symmetric in answer and one
    reference."""
    return _best(
        references, answer, lambda reference, given: _f1(_longest_common(reference, given), len(reference), len(given))
    )


def _best(
    references: Sequence[str], answer: str | None, score: Callable[[list[str], list[str]], float]
) -> float:  # fmt: skip
    given = words_of(answer or "")
    return max((score(words_of(reference), given) for reference in references), default=0.0)


def _shared_runs(reference: list[str], given: list[str], length: int) -> float:
    one, other = (
        Counter(zip(*(words[start:] for start in range(length)), strict=False)) for words in (reference, given)
    )
    return _f1((one & other).total(), one.total(), other.total())


def _f1(shared: int, reference: int, given: int) -> float:
    return 2 * shared / (reference + given) if shared else 0.0


def _longest_common(one: list[str], other: list[str]) -> int:
    """Length of the longest common subsequence, by bits (Hyyrö 2004, Bit-parallel LCS-length computation revisited):
    one addition of whole numbers for each word of `other` instead of a row of a table."""
    places: dict[str, int] = {}
    for position, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << position
    everything = (1 << len(one)) - 1
    row = everything
    for word in other:
        matches = row & places.get(word, 0)
        row = (row + matches | row - matches) & everything
    return len(one) - row.bit_count()
