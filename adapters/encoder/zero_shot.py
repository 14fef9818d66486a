"""Zero-shot: the text against one sentence for each label. Uses no labelled rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adapters.encoder.artefact import Artefact
from adapters.encoder.embedding import Encoder
from adapters.encoder.prototypes import Prototypes
from evaluation.arm import Prediction
from evaluation.dataset import Example, Task


class ZeroShot:
    """Nearest label sentence by cosine."""

    def __init__(self, encoder: Encoder, task: Task) -> None:
        self._encoder = encoder
        self._task = task

    def fit(self, train: Sequence[Example], seed: int) -> None:
        """Embeds the label sentences; the rows are not looked at."""
        del train, seed
        sentences = [self._task.sentence(label) for label in self._task.labels]
        self._prototypes = Prototypes(self._task.labels, self._encoder.embed(sentences))

    def predict(self, inputs: Sequence[str]) -> list[Prediction]:
        return self._prototypes.predict(self._encoder.embed(inputs))

    def save(self, folder: Path) -> None:
        self._prototypes.artefact().save(folder)

    @classmethod
    def load(cls, encoder: Encoder, folder: Path) -> ZeroShot:
        artefact = Artefact.load(folder)
        arm = cls(encoder, Task(artefact.labels))
        arm._prototypes = Prototypes.from_artefact(artefact)
        return arm
