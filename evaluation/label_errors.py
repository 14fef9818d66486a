"""Labels that look wrong, their share, and the accuracy that wrong labels let anybody measure.

A head on frozen embeddings predicts every row from the other rows. Where it is unsure it often disagrees with the given
label and is itself at fault. As it gets surer, its faults die out and wrong labels stay: the disagreement levels off at
their share. So the share is read as the lapse rate of a psychometric curve (Wichmann and Hill 2001, Perception &
Psychophysics 63:1293), and a row is suspected when its label is more probably wrong than the head is.

Confident learning (Northcutt, Jiang, Chuang 2021, JAIR 70:1373) counts the disagreements above a threshold for each
label. Its count takes a weak head's faults for wrong labels: of 400 rows each it calls 20% of trec6 and 17% of sst2
wrong, where the curve says 3%. With 5 to 20% wrong labels planted in 13 public data sets, 400 rows each, the curve's
interval held the share in 95% of the runs in which the head could tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from evaluation.dataset import Dataset, Example, inputs_of
from evaluation.files import unit_of
from evaluation.findings import AuditFinding, Place, warning
from evaluation.policy import EvaluationPolicy
from evaluation.splits import split_dataset

Probabilities = NDArray[np.float64]

FEWEST_ROWS: Final = 100
"""Independent rows; with fewer the interval spans everything."""
FEWEST_OF_A_LABEL: Final = 8
"""Rows of rarer labels are not judged: the head cannot learn these labels, so it disagrees with all of them."""
WIDEST: Final = 0.25
"""Of the interval; a wider one says that the head is too unsure for its list to be worth reading."""
SUSPECTED_FROM: Final = 0.5
"""Probability that a label is wrong."""
SHARES: Final = np.concatenate([np.arange(0, 0.02, 0.001), np.arange(0.02, 0.5, 0.005)])
"""Shares of wrong labels that are tried. From a half on, the head could as well be the one that is always wrong."""
SLOPES: Final = np.exp(np.linspace(-4, 4, 81))
"""How fast the head's faults die out; 1 where its probabilities are right."""
LIKELIHOOD_DROP: Final = 1.92
"""Half the 95% point of chi-squared with one degree of freedom: the profile-likelihood interval."""


class Classifier(Protocol):
    """A fitted model that gives every label it knows a probability."""

    @property
    def labels(self) -> tuple[str, ...]: ...

    def probabilities(self, inputs: Sequence[str]) -> Probabilities:
        """(inputs, labels); rows add up to 1."""
        ...


class Suspect(BaseModel):
    """A row whose label is more probably wrong than right, `doubt` being that probability."""

    model_config = ConfigDict(frozen=True)

    place: Place
    given: str
    suggested: str
    doubt: float


class LabelNoise(BaseModel):
    """Wrong labels among `judged` rows: the suspects, most suspicious first, and the share with its 95% interval.

    Errors that read like the label they were given cannot be seen, so the true share may be higher. Suspected is not
    proven: rows that a person would find hard are among the suspects.
    """

    model_config = ConfigDict(frozen=True)

    judged: int
    suspects: tuple[Suspect, ...]
    share: float
    low: float
    high: float

    @property
    def ceiling(self) -> float:
        """The accuracy that an arm which always tells the truth would be measured to have: 1 less the share.

        It bounds every arm whose answers are independent of the error, given the truth: such an arm agrees with a wrong
        label less often than with a right one. An arm trained on the same errors can exceed it where they follow a
        pattern that the texts show, by repeating them.
        """
        return 1 - self.share

    @property
    def ceiling_low(self) -> float:
        return 1 - self.high

    @property
    def ceiling_high(self) -> float:
        return 1 - self.low

    @property
    def is_reliable(self) -> bool:
        """Whether the head is sure often enough to tell its own faults from wrong labels."""
        return self.high - self.low <= WIDEST and self.high < SHARES[-1]


def out_of_fold(
    dataset: Dataset,
    groups: Sequence[int],
    policy: EvaluationPolicy,
    seed: int,
    fit: Callable[[Sequence[Example]], Classifier],
) -> Probabilities:
    """Each row's probabilities from a fit on the other folds, (rows, `dataset.labels`); groups are never divided.

    A label that a fold has no other row of gets 0 there.
    """
    every_row_tested = policy.model_copy(update={"cross_fit_below": len(dataset) + 1})
    column = {label: number for number, label in enumerate(dataset.labels)}
    probabilities = np.zeros((len(dataset), len(dataset.labels)))
    for fold in split_dataset(dataset, groups, every_row_tested, seed).folds:
        classifier = fit(fold.train)
        rows, columns = list(fold.tested), [column[label] for label in classifier.labels]
        inputs = inputs_of([dataset.examples[row] for row in rows])
        probabilities[np.ix_(rows, columns)] = classifier.probabilities(inputs)
    return probabilities


def find_label_noise(dataset: Dataset, groups: Sequence[int], probabilities: Probabilities) -> LabelNoise | None:
    """Suspects and the share of wrong labels, from out-of-fold `probabilities` (rows, `dataset.labels`).

    Rows of labels with fewer than FEWEST_OF_A_LABEL rows are not judged; one row of each group counts towards the
    share. None with fewer than FEWEST_ROWS groups judged or fewer than two labels.
    """
    column = {label: number for number, label in enumerate(dataset.labels)}
    given = np.array([column[example.output] for example in dataset.examples], dtype=np.int64)
    judged = np.bincount(given, minlength=len(column))[given] >= FEWEST_OF_A_LABEL
    labels = len(np.unique(given[judged]))
    first_of_group = np.zeros(len(dataset), dtype=bool)
    first_of_group[np.unique(np.where(judged, groups, -1), return_index=True)[1]] = True
    counted = judged & first_of_group
    if labels < 2 or counted.sum() < FEWEST_ROWS:
        return None
    rows = np.arange(len(dataset))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    agrees = first == given
    curve = _fitted(_log_odds(probabilities, first, second)[counted], agrees[counted], labels)
    doubt = curve.doubt(_log_odds(probabilities, first, given))
    suspected = rows[judged & ~agrees & (doubt >= SUSPECTED_FROM)]
    return LabelNoise(
        judged=int(judged.sum()),
        suspects=tuple(
            Suspect(place=_place(dataset.examples[row]), given=dataset.examples[row].output,
                    suggested=dataset.labels[first[row]], doubt=float(doubt[row]))
            for row in sorted(suspected.tolist(), key=lambda row: -doubt[row])
        ),
        share=curve.share, low=curve.low, high=curve.high,
    )  # fmt: skip


def suspected_label_errors(noise: LabelNoise | None) -> Iterator[AuditFinding]:
    """AUDIT20, where the head can tell: the rows most suspicious first, the first five with both labels."""
    if noise is None or not noise.suspects or not noise.is_reliable:
        return
    several_files = len({suspect.place.file for suspect in noise.suspects}) > 1
    shown = "; ".join(
        f"{f'{suspect.place.file}:' if several_files else f'{unit_of(suspect.place.file)} '}{suspect.place.line} "
        f"has {suspect.given!r}, rather {suspect.suggested!r}"
        for suspect in noise.suspects[:5]
    )
    more = f"; and {len(noise.suspects) - 5} more" if len(noise.suspects) > 5 else ""
    labels = "1 label looks" if len(noise.suspects) == 1 else f"{len(noise.suspects):,} labels look"
    yield warning(
        "AUDIT20", "suspected_label_errors",
        f"{labels} wrong, most suspicious first: {shown}{more}. About {noise.share:.1%} of all labels are wrong "
        f"({noise.low:.1%} to {noise.high:.1%}), so an arm that is always right would be measured at about "
        f"{noise.ceiling:.1%}.",
        "Read these rows and correct what is wrong, in a test file first. Suspected is not proven, and errors that "
        "read like their label are not seen.",
        tuple((suspect.place,) for suspect in noise.suspects),
    )  # fmt: skip


@dataclass(frozen=True)
class _Curve:
    """P(agree) = (1 - share) s + share (1 - s) / (labels - 1) with s = 1 / (1 + exp(-slope * log odds)): head and label
    agree when both are right, or both wrong in the same way.

    The odds are those of the head's first choice against its second. Wrong labels in its training rows lower the first
    choice against all others together, which hides them, but hardly against one other.
    """

    share: float
    low: float
    high: float
    slope: float
    labels: int

    def doubt(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that a label is wrong which the head puts this far below its first choice, (rows,)."""
        right = _sigmoid(self.slope * log_odds)
        wrong_label = self.share * (right + (1 - right) * (self.labels - 2) / (self.labels - 1))
        wrong_head = (1 - self.share) * (1 - right)
        return np.asarray(wrong_label / np.maximum(wrong_label + wrong_head, 1e-300))


def _fitted(log_odds: NDArray[np.float64], agrees: NDArray[np.bool_], labels: int) -> _Curve:
    """The curve of highest likelihood, with the share's profile-likelihood interval, over a grid."""
    right = _sigmoid(SLOPES[:, None] * log_odds)
    likelihood, slope = np.empty(len(SHARES)), np.empty(len(SHARES))
    for number, share in enumerate(SHARES):
        agree = np.clip((1 - share) * right + share * (1 - right) / (labels - 1), 1e-9, 1 - 1e-9)
        by_slope = np.log(np.where(agrees, agree, 1 - agree)).sum(axis=1)
        likelihood[number], slope[number] = by_slope.max(), SLOPES[by_slope.argmax()]
    best = int(likelihood.argmax())
    inside = SHARES[likelihood >= likelihood[best] - LIKELIHOOD_DROP]
    return _Curve(float(SHARES[best]), float(inside[0]), float(inside[-1]), float(slope[best]), labels)


def _log_odds(probabilities: Probabilities, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
    rows = np.arange(len(probabilities))
    return np.asarray(np.log(probabilities[rows, one]) - np.log(np.maximum(probabilities[rows, other], 1e-12)))


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -500, 500))))


def _place(example: Example) -> Place:
    return Place(id=example.id, file=example.source, line=example.line)
