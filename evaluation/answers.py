"""Reads every arm's raw text as an answer, with the same code for all."""

from __future__ import annotations

from collections.abc import Sequence


def read_label(text: str | None, labels: Sequence[str]) -> str | None:
    """The label that the text names: exactly, or but for case, spacing and a final full stop. None if it names none,
    or could name two."""
    if text is None:
        return None
    if text in labels:
        return text
    wanted = _plain(text)
    matches = [label for label in labels if _plain(label) == wanted]
    return matches[0] if len(matches) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.strip().rstrip(".").casefold().split())
