"""Whether the search or the model is to blame, in words."""

from __future__ import annotations

from evaluation.numbers import percent
from evaluation.report import Report
from evaluation.retrieval_quality import RetrievalQuality, Share


def retrieval_sentences(report: Report) -> list[str]:
    """For each arm that searches: what it found, and where its errors come from. Empty where no row names evidence."""
    return [sentence for arm, quality in report.retrieval.items() for sentence in _of(report.arm(arm).title, quality)]


def _of(title: str, quality: RetrievalQuality) -> list[str]:
    told = [
        f"With {title}, the first {quality.k} passages come from {percent(quality.recall)} of the documents that "
        f"answers stand in, over {quality.rows:,} rows that name them; the mean reciprocal rank is "
        f"{quality.reciprocal_rank:.2f}.",
        f"Found and right: {_share(quality.found_and_right)}. Found and still wrong: "
        f"{_share(quality.found_and_wrong)}. Never found: {_share(quality.never_found)}.",
    ]
    if quality.found_and_wrong.count > quality.never_found.count:
        told.append(
            "More errors are the model's than the search's: a better instruction or model promises more than a better "
            f"search. In {quality.in_no_passage:,} of them no passage shown holds an accepted answer word for word."
        )
    elif quality.never_found.count:
        told.append("More errors are the search's than the model's: a better search promises more than a better model.")
    if quality.right_all_the_same:
        told.append(f"{quality.right_all_the_same:,} rows were answered rightly although nothing was found for them.")
    return told


def _share(share: Share) -> str:
    return f"{percent(share.value)} ({percent(share.interval.low)} to {percent(share.interval.high)})"
