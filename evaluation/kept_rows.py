"""The rows that were tested, kept beside the trials, so that written answers can be found again for a judge.

A trial keeps what was answered, not what was asked: without these rows the data file and all that chose its test rows
would be needed again. Kept only where answers are written, since only those are judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluation.answers import Unread, read_text
from evaluation.arm import Prediction
from evaluation.policy import EvaluationPolicy
from evaluation.splits import Design as SplitDesign
from evaluation.splits import Split
from evaluation.statistics import Design
from evaluation.trials import saved_predictions
from rules.choices import Kind

JUDGED_KINDS: Final[tuple[Kind, ...]] = ("generation", "question_answering")
"""What a judge can compare: answers in words, of which several may be right."""
FILE: Final = "tested.json"


class KeptRow(BaseModel):
    """One row: what was asked, every answer that counts as right, its fold, and its set of rows that are not
    independent."""

    model_config = ConfigDict(frozen=True)

    id: str
    input: str
    references: tuple[str, ...]
    fold: int
    cluster: int


class KeptRows(BaseModel):
    """All of them, in the order of the split."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    rows: tuple[KeptRow, ...]

    @classmethod
    def of(cls, split: Split, kind: Kind) -> KeptRows:
        rows = zip(split.tested, split.fold_of(), split.clusters, strict=True)
        return cls(
            kind=kind,
            rows=tuple(
                KeptRow(id=row.id, input=row.input, references=row.accepted, fold=fold, cluster=cluster)
                for row, fold, cluster in rows
            ),
        )

    def design(self, tested: str, policy: EvaluationPolicy) -> Design:
        """As in the comparison, whose report names how rows were `tested`: what stands together, and how much wider
        cross-fitting makes intervals."""
        inflation = policy.cross_fit_inflation if tested == SplitDesign.CROSS_FIT else 1.0
        clusters = np.array([row.cluster for row in self.rows])
        return Design(clusters, inflation, policy.prior_degrees_of_freedom)

    def answers_of(self, arm: str, trials: Mapping[str, str], folder: Path) -> list[str | None] | None:
        """What the arm's first run answered to each row, without what was thought aloud; None for a failure or no text.

        `trials` holds the keys by `arm/fold/run`, `folder` the trials. None instead of the list where a fold's answers
        are not there, or were given to other inputs than these.
        """
        answers: list[str | None] = [None] * len(self.rows)
        for fold in sorted({row.fold for row in self.rows}):
            positions = [position for position, row in enumerate(self.rows) if row.fold == fold]
            key = trials.get(f"{arm}/{fold}/0")
            inputs = [self.rows[position].input for position in positions]
            saved = None if key is None else saved_predictions(folder, key, inputs)
            if saved is None:
                return None
            for position, prediction in zip(positions, saved[1], strict=True):
                answers[position] = _text(prediction)
        return answers


def keep_rows(split: Split, kind: Kind, folder: Path) -> None:
    """Writes them into the folder of the trials; of other kinds of answers nothing is kept there."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind in JUDGED_KINDS:
        (folder / FILE).write_text(KeptRows.of(split, kind).model_dump_json(indent=1), encoding="utf-8")
    else:
        (folder / FILE).unlink(missing_ok=True)


def read_kept_rows(folder: Path) -> KeptRows | None:
    """None where none are kept, or what is there cannot be read."""
    try:
        return KeptRows.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _text(prediction: Prediction) -> str | None:
    spoken = read_text(prediction.output) if prediction.error is None else None
    return None if isinstance(spoken, Unread) else spoken
