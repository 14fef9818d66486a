"""How a comparison is laid out. The plan announces it and the comparison carries it out, from the same thresholds."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from rules.family import Family, Randomness


class Design(StrEnum):
    """How test rows are come by (protocol 7.2)."""

    CROSS_FIT = "cross_fit"
    """Every row is tested once, by a fit on the other folds."""
    SEALED = "sealed"
    """A test set is drawn once and never trained on."""
    GIVEN = "given"
    """The user named a test file."""


def threshold(value: Any, reason: str, *source: str, bounds: str | None = None, **limits: Any) -> Any:
    """Declare a threshold; `bounds` names the question whose answers it divides."""
    extra: JsonDict = {"source": list(source), "bounds": bounds}
    return Field(default=value, description=reason, json_schema_extra=extra, **limits)


class DesignPolicy(BaseModel):
    """The thresholds that plan and comparison share."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fewest_examples: int = threshold(
        30,
        "Below this, intervals around a score are so wide that no comparison can end in a verdict.",
        "002", "004", "protocol 7.2",
        bounds="examples.count", ge=10,
    )  # fmt: skip
    cross_fit_below: int = threshold(
        500, "With fewer rows, every row is tested once by cross-fitting.", "protocol 1.5, 7.2", ge=1
    )
    ten_folds_below: int = threshold(
        100, "With fewer rows, ten folds instead of five leave enough rows to fit on.", "protocol 7.2", ge=1
    )
    cross_fit_inflation: float = threshold(
        1.22, "Cross-fitted standard errors are too small by this factor.", "protocol 1.5", ge=1
    )
    test_share: float = threshold(0.4, "The part of the rows that is sealed for the test.", "protocol 7.2", gt=0, lt=1)
    largest_test: int = threshold(
        600, "More test rows narrow the interval less than training rows help.", "protocol 7.2", ge=1
    )
    demonstrations_per_label: int = threshold(
        8, "What the encoder's few-shot arm shows of each label; more hardly move a mean.", "protocol 3.3", ge=1
    )
    demonstration_draws: int = threshold(
        3, "One draw of demonstrations leaves 6.2% false alarms, three leave 4.5%.", "protocol 7.6", ge=1
    )
    training_seeds: int = threshold(3, "Seeds of a fine-tune where there are enough labels.", "protocol 7.4", ge=1)
    training_seeds_few_labels: int = threshold(
        5, "Seeds of a fine-tune on few labels, where one run in five can collapse.", "protocol 7.4", ge=1
    )
    few_labels: int = threshold(
        256, "With fewer training rows the larger number of seeds is used.", "protocol 7.4", ge=1
    )
    confidence: float = threshold(
        0.95,
        "Of the two-sided intervals; a gain counts as shown when the lower end is above zero.",
        "protocol 1.3, 7.6",
        gt=0.5, lt=1,
    )  # fmt: skip
    power: float = threshold(0.8, "The chance of finding a gain that is there.", "protocol 1.3", ge=0.5, lt=1)
    price_retrieval: float = threshold(
        0.01, "The accuracy that an index or a fitted head must add over a prompt to pay.", "protocol 4", ge=0
    )
    worthwhile_gain: float = threshold(
        0.03,
        "The accuracy that a fine-tune must add over retrieval or a head to pay: training, hosting, retraining. "
        "The form's success.worthwhile_gain replaces it.",
        "protocol 4",
        ge=0, lt=1,
    )  # fmt: skip

    def design(self, examples: int, given_test: int | None = None) -> Design:
        """Return how `examples` rows are divided; a test set of one's own is used as it is."""
        if given_test:
            return Design.GIVEN
        return Design.CROSS_FIT if examples < self.cross_fit_below else Design.SEALED

    def folds(self, examples: int) -> int:
        """Return the folds of cross-fitting; groups that must stay together may leave fewer."""
        return 10 if examples < self.ten_folds_below else 5

    def sealed_rows(self, examples: int) -> int:
        """Return how many of the rows are sealed for the test."""
        return min(int(self.test_share * examples), self.largest_test)

    def fits(self, randomness: Randomness, design: Design, train_size: int) -> int:
        """Return the fits of one arm in each fold; cross-fitting already gives a training arm a seed for each fold."""
        if randomness is Randomness.NONE:
            return 1
        if randomness is Randomness.DRAW:
            return self.demonstration_draws
        if design is Design.CROSS_FIT:
            return 1
        return self.training_seeds_few_labels if train_size < self.few_labels else self.training_seeds

    def price(self, family: Family) -> float:
        """Return what an arm must earn in accuracy to pay for itself, relative to a plain prompt (protocol 4)."""
        prices = {
            Family.ZERO_SHOT: 0.0,
            Family.FEW_SHOT: 0.0,
            Family.RETRIEVAL: self.price_retrieval,
            Family.HEAD: self.price_retrieval,
            Family.LORA: self.price_retrieval + self.worthwhile_gain,
        }
        return prices[family]

    def margin(self, over: Family, under: Family) -> float:
        """Return the gain that makes `over` worth choosing instead of `under`; negative where `over` is cheaper."""
        return self.price(over) - self.price(under)

    def run_deviation(self, family: Family, labels: int, demonstrations: int) -> float:
        """Return the prior standard deviation of accuracy between fits on `labels` rows (protocol 1.4).

        0 for deterministic families. Between the published bands the larger value holds.
        """
        if family is Family.LORA:
            return 0.042 if labels < 512 else 0.017 if labels < 4096 else 0.006
        if family is Family.FEW_SHOT:
            bands = ((20, 0.06), (75, 0.04), (500, 0.03))
            return next((deviation for most, deviation in bands if demonstrations < most), 0.02)
        return 0.0
