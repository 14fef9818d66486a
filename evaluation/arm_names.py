"""Guesses from an arm's name what kind of arm it is."""

from __future__ import annotations

import re

from rules.family import Family

WORDS = (
    (Family.LORA, r"(q|do|vb)?lora\d*|fine ?tun\w*|s?ft|raft|peft|dpo|adapters?"),
    (Family.HEAD, r"head|linear|logistic|classifier|probe|svm"),
    (Family.RETRIEVAL, r"rag|retriev\w*|knn|nearest|vector\w*|faiss|bm ?25"),
    (Family.FEW_SHOT, r"few ?shots?|many ?shots?|([1-9]\d*|k) ?shots?|icl|demo(nstration)?s?"),
    (Family.ZERO_SHOT, r"(zero|0) ?shots?|base(line)?|prompt\w*|plain|closed ?book"),
)
"""Dearest first: a fine-tune with retrieval is a fine-tune."""


def guess_family(name: str) -> Family | None:
    """The family that the words of the name tell of; None where they tell of none."""
    # As written, and with capitals as the beginnings of words: `QLoRA-r16`, `closedBook`.
    both = f"{name} {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', name)}"
    words = re.sub(r"[^a-z0-9]+", " ", both.lower())
    return next((family for family, pattern in WORDS if re.search(rf"\b({pattern})\b", words)), None)
