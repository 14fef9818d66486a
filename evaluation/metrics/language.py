"""Answers in another language than the one asked for."""

from __future__ import annotations

from collections.abc import Sequence


def in_another_language(languages: Sequence[str | None], expected: Sequence[str | None]) -> tuple[int, ...]:
    """The rows whose answer is surely in another language than expected of them (ISO 639 codes), in order.

    `languages` has each answer's code, None where it does not show one: a name, a number, two words. Identify all
    answers together, since one short text alone is easily taken for a neighbouring language. A row of which no language
    is expected is not at fault. For texts only: labels and fields are what they are. ValueError for unequal lengths.
    """
    return tuple(
        row
        for row, (language, wanted) in enumerate(zip(languages, expected, strict=True))
        if language is not None and wanted is not None and language != wanted
    )
