"""Answers in another language than the examples', in words."""

from __future__ import annotations

from evaluation.languages import name_of
from evaluation.numbers import percent
from evaluation.report import Report


def other_language_sentences(report: Report) -> list[str]:
    """One for each arm that gives them. Empty where none does."""
    told = []
    for found in report.other_languages:
        listed = ", ".join(f"{name_of(code)} {count:,}" for code, count in found.given.items())
        told.append(
            f"{found.count:,} of {found.answers:,} answers of {report.arm(found.arm).title} "
            f"({percent(found.count / found.answers)}) are not in the language of the examples, "
            f"{name_of(found.expected)}: {listed}. They are scored as they stand; say in the instruction in which "
            "language to answer."
        )
    return told
