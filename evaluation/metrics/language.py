"""Answers in another language than the one asked for."""

from __future__ import annotations

from collections.abc import Sequence


def in_another_language(languages: Sequence[str | None], expected: str | None) -> tuple[int, ...]:
    """The rows whose answer is surely in another language than `expected` (ISO 639 codes), in order.

    `languages` has each answer's code, None where it does not show one: a name, a number, two words. Identify all
    answers of an arm together, since one short text alone is easily taken for a neighbouring language. Without an
    expected language no row is at fault. For texts only: labels and fields are what they are.
    """
    if expected is None:
        return ()
    return tuple(row for row, language in enumerate(languages) if language not in (None, expected))
