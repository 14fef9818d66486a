"""How near an answer's meaning is to a reference's, as an embedding model sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors, (texts, dimensions), in order."""


@dataclass(frozen=True)
class SemanticSimilarity:
    """The metric and the model that it stands and falls with: `model` is named wherever a value is.

    It hears the topic, not the truth: "is" and "is not" lie close together, and so do different numbers. Values of two
    models cannot be compared, and text beyond the model's limit of tokens is not read.
    """

    embed: Embed
    model: str

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ValueError("A semantic similarity without the name of its model; name the model and its version.")

    def scores(self, references: Sequence[Sequence[str]], answers: Sequence[str | None]) -> list[float]:
        """One for each row, 0..1: the cosine of the answer and the nearest of the row's references, 0.0 for a negative
        one (Reimers and Gurevych 2019, arXiv 1908.10084). Symmetric in answer and one reference.

        0.0 for None (an answer that could not be read), for an answer without a text, and without references. Every
        different text is embedded once. Raises ValueError for unequal lengths and for vectors that are not finite.
        """
        rows = list(zip(references, answers, strict=True))
        texts = {text for accepted, answer in rows if answer and answer.strip() for text in (*accepted, answer)}
        vectors = self._unit_vectors(sorted(texts))
        return [
            max((self._cosine(vectors[reference], vectors[answer]) for reference in accepted), default=0.0)
            if answer in vectors and answer is not None
            else 0.0
            for accepted, answer in rows
        ]

    def _unit_vectors(self, texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        if not texts:
            return {}
        vectors = np.asarray(self.embed(texts), dtype=float)
        if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
            raise ValueError(
                f"{self.model} gave {vectors.shape} for {len(texts)} texts; expected a finite row for each."
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return dict(zip(texts, vectors / np.where(lengths > 0, lengths, 1.0), strict=True))

    @staticmethod
    def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
        return float(np.clip(one @ other, 0.0, 1.0))
