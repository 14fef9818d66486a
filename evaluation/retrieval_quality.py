"""Whether the search or the model is to blame: what was found of what a row's evidence names, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluation.arm import Passage, Prediction
from evaluation.dataset import Example
from evaluation.metrics.question_answering import is_quoted
from evaluation.statistics import Interval, wilson_interval


@dataclass(frozen=True)
class Share:
    """`count` of `rows`, with Wilson's interval."""

    count: int
    rows: int
    interval: Interval

    @property
    def value(self) -> float:
        return self.count / self.rows


@dataclass(frozen=True)
class RetrievalQuality:
    """Over the rows that name evidence; the three shares add up to 1.

    `recall` is the mean of `recall_at` for `k` passages, `reciprocal_rank` that of `reciprocal_rank` over all passages
    shown. `found_and_wrong` asks for a better prompt or model, `never_found` for a better search. `in_no_passage` of
    the rows of `found_and_wrong` have no accepted answer word for word in any passage shown: the right document was
    found, but perhaps another part of it. `right_all_the_same` of `never_found` were answered rightly without it.
    """

    rows: int
    k: int
    recall: float
    reciprocal_rank: float
    found_and_right: Share
    found_and_wrong: Share
    never_found: Share
    in_no_passage: int
    right_all_the_same: int


def retrieval_quality(
    examples: Sequence[Example], predictions: Sequence[Prediction], right: Sequence[bool], k: int = 5,
    confidence: float = 0.95, language: str = "en",
) -> RetrievalQuality | None:  # fmt: skip
    """What the search found for the rows with evidence, and how they were answered.

    `right` says of each row whether its answer counts as right. A row is found where any passage shown comes from a
    document of its evidence; a prediction without passages (its search failed) found nothing. None where no row names
    evidence, or no prediction has passages: the arm searches nothing. Raises ValueError for unequal lengths or k < 1.
    """
    if k < 1:
        raise ValueError("recall is of at least one passage")
    rows = [
        (example, prediction.passages or (), is_right)
        for example, prediction, is_right in zip(examples, predictions, right, strict=True)
        if example.evidence
    ]
    if not rows or all(prediction.passages is None for prediction in predictions):
        return None
    found = [(row, reciprocal_rank(row[0].evidence, row[1]) > 0) for row in rows]
    wrong = [(example, shown) for (example, shown, is_right), there in found if there and not is_right]

    def share(count: int) -> Share:
        return Share(count, len(rows), wilson_interval(count, len(rows), confidence))

    return RetrievalQuality(
        rows=len(rows),
        k=k,
        recall=fmean(recall_at(k, example.evidence, shown) for example, shown, _ in rows),
        reciprocal_rank=fmean(reciprocal_rank(example.evidence, shown) for example, shown, _ in rows),
        found_and_right=share(sum(there and is_right for (_, _, is_right), there in found)),
        found_and_wrong=share(len(wrong)),
        never_found=share(sum(not there for _, there in found)),
        in_no_passage=sum(not _stands_in(example, shown, language) for example, shown in wrong),
        right_all_the_same=sum(is_right and not there for (_, _, is_right), there in found),
    )


def recall_at(k: int, evidence: Sequence[str], passages: Sequence[Passage]) -> float:
    """The share of the documents in `evidence` that the first k passages come from, 0..1.

    Several passages of one document take several of the k places. Raises ValueError without evidence.
    """
    wanted = set(evidence)
    if not wanted:
        raise ValueError("recall is of evidence, and there is none")
    shown = {passage.document for passage in passages[:k]}
    return sum(any(is_of(document, name) for document in shown) for name in wanted) / len(wanted)


def reciprocal_rank(evidence: Sequence[str], passages: Sequence[Passage]) -> float:
    """1 / the place of the first passage from a document in `evidence`; 0.0 where there is none."""
    places = (
        place for place, passage in enumerate(passages, start=1)
        if any(is_of(passage.document, name) for name in evidence)
    )  # fmt: skip
    return 1 / next(places, float("inf"))


def is_of(document: str, evidence: str) -> bool:
    """Whether the document is what the evidence names: the same id, or a page (`file.pdf#page=3`) of the file."""
    return document == evidence or document.startswith(f"{evidence}#")


def _stands_in(example: Example, passages: Sequence[Passage], language: str) -> bool:
    texts = [passage.text for passage in passages]
    return any(is_quoted(texts, answer, language) for answer in example.accepted)
