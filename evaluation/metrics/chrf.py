"""chrF: how many runs of characters an answer shares with a reference."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Any


def chrf(references: Sequence[str], answer: str | None) -> float:
    """chrF2, 0..1: the F-score of runs of 1 to 6 characters without blanks, recall twice as important as precision, the
    best over references (Popović 2015, W15-3049; sacreBLEU: Post 2018, W18-6319). Not symmetric.

    It needs no words, so it suits languages with many endings. 0.0 for None (an answer that could not be read), for an
    answer without characters, and without references.
    """
    if not references or not (answer and answer.strip()):
        return 0.0
    return float(_metric().sentence_score(answer, list(references)).score) / 100


def chrf_signature() -> str:
    """Settings and version, as papers quote them: sacreBLEU's own signature."""
    metric = _metric()
    metric.corpus_score(["text"], [["text"]])  # the signature knows the number of references only afterwards
    return str(metric.get_signature())


@cache
def _metric() -> Any:
    return import_module("sacrebleu.metrics.chrf").CHRF()
