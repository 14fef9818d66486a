"""Criterion 8, third part: faults planted in real data, and what the audit names of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.protocol_evidence import DATA, POLICY, generator
from benchmarks.protocol_figures import Figure, Measured, Missing
from evaluation.audit import Audit, audit_dataset
from evaluation.dataset import Dataset, Example
from evaluation.readers import read_dataset

PLANTED = 25
"""Of each fault; BANKING77 as published has 25 test rows that are in its training file too."""
SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.upper, lambda text: f"  {text} ", lambda text: f"{text} !")
NEAR: dict[str, Callable[[str, int], str]] = {
    "copies with two letters swapped": lambda text, at: text[:at] + text[at + 1] + text[at] + text[at + 2 :],
    "copies with a word added": lambda text, _: f"{text} please",
}
"""Not the same text any more: whether one counts as nearly the same depends on its length. Letters alone look here."""
KINDS = {
    "copies": ("AUDIT09",), "conflicts": ("AUDIT11",), "leaks": ("AUDIT12",),
    **dict.fromkeys(NEAR, ("AUDIT10", "AUDIT09")),
}  # fmt: skip
"""The findings that may name a fault."""


def planted_faults() -> Measured:
    """Faults in the open copies, which have no row in both files any more: planted, spelled differently, looked for."""
    recalled: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for number, name in enumerate(("banking77", "ag_news", "tweet_emotion")):
        folder = DATA / "open" / name
        if not folder.is_dir():
            yield Missing(f"{name} is not here")
            continue
        train, test = (read_dataset(folder / f"{part}.jsonl") for part in ("train", "test"))
        for kind, share in _recall(generator(8, 2, number), train, test).items():
            recalled[kind][name] = share
    if not recalled["leaks"]:
        return
    for kind in ("copies", "conflicts", "leaks"):
        yield Figure(f"planted {kind} that the audit names", recalled[kind], at_least=0.95)
    if "banking77" in recalled["leaks"]:
        found = {"banking77": recalled["leaks"]["banking77"]}
        yield Figure("the 25 leaks of BANKING77, planted again", found, "100", at_least=1.0)
    for kind in NEAR:
        yield Figure(f"planted {kind} that the audit names", recalled[kind])


def _recall(rng: np.random.Generator, train: Dataset, test: Dataset) -> dict[str, float]:
    """Share of each kind of planted fault that the finding of its kind names, the original beside the copy."""
    rows = [train.examples[row] for row in rng.choice(len(train), PLANTED * len(KINDS), replace=False)]
    of_kind = {kind: rows[number * PLANTED :][:PLANTED] for number, kind in enumerate(KINDS)}
    copies = {
        kind: [_copy(rng, kind, number, row, train.labels) for number, row in enumerate(rows)]
        for kind, rows in of_kind.items()
    }
    audit = audit_dataset(
        Dataset(train.name, (*train.examples, *(row for kind in KINDS if kind != "leaks" for row in copies[kind]))),
        Dataset(test.name, (*test.examples, *copies["leaks"])),
        POLICY, 256, lambda texts: [len(text.split()) for text in texts],
    )  # fmt: skip
    return {kind: _named_by(audit, KINDS[kind], of_kind[kind], copies[kind]) for kind in KINDS}


def _copy(rng: np.random.Generator, kind: str, number: int, row: Example, labels: Sequence[str]) -> Example:
    text, label = SPELLINGS[number % len(SPELLINGS)](row.input), row.output
    if kind == "conflicts":
        label = str(rng.choice([other for other in labels if other != label]))
    if kind in NEAR:
        text = NEAR[kind](row.input, int(rng.integers(1, len(row.input) - 2)))
    return Example(f"planted {kind} {number}", text, label, 100_000 + number, "planted")


def _named_by(audit: Audit, codes: Sequence[str], originals: Sequence[Example], copies: Sequence[Example]) -> float:
    sets = [{place.id for place in rows} for found in audit.findings if found.code in codes for rows in found.rows]
    pairs = [{original.id, copy.id} for original, copy in zip(originals, copies, strict=True)]
    return float(np.mean([any(pair <= together for together in sets) for pair in pairs]))
