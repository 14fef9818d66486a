"""Every threshold of the comparison, value and reason together. Stored with each report under its hash.

Sources are sections of the statistical protocol that the project follows (docs/protocol.md).
"""

from __future__ import annotations

import hashlib

from pydantic import BaseModel, ConfigDict, Field

from evaluation.arm import Family


class EvaluationPolicy(BaseModel):
    """Thresholds; a field's description is its reason."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fewest_examples: int = Field(30, ge=10, description="Below, no interval is narrow enough to decide by (7.2).")
    fewest_test_examples: int = Field(30, ge=10, description="As above, for a test file (7.6).")
    fewest_groups: int = Field(5, ge=2, description="Sets of rows that belong together; fewer give no spread (1.1).")
    fewest_of_a_class: int = Field(5, ge=2, description="Two classes of this size make a comparison (section 5).")
    starved_class: int = Field(8, ge=2, description="Fewer rows: no claim about this class, fewer demonstrations.")
    near_duplicate_cosine: float = Field(
        0.90,
        gt=0.5,
        lt=1,
        description="Character 3- to 5-gram TF-IDF cosine at which two texts count as one (5).",
    )
    most_rows_for_near_duplicates: int = Field(
        20_000, description="Above, comparing all pairs takes minutes; only exact duplicates are searched."
    )

    cross_fit_below: int = Field(500, description="Below, every row is tested once by cross-fitting (1.5, 7.2).")
    ten_folds_below: int = Field(100, description="Below, ten folds leave enough rows to fit on (7.2).")
    cross_fit_inflation: float = Field(
        1.22, ge=1, description="Cross-fitted standard errors are too small by this factor (1.5)."
    )
    test_share: float = Field(0.4, gt=0, lt=1, description="Of the rows, sealed for the test (7.2).")
    largest_test: int = Field(600, description="More test rows narrow the interval less than training rows help (7.2).")

    demonstration_draws: int = Field(3, ge=1, description="One draw leaves 6.2% false alarms, three leave 4.5% (7.6).")
    training_seeds: int = Field(3, ge=1, description="Seeds where there are enough labels (7.4).")
    training_seeds_few_labels: int = Field(5, ge=1, description="One run in five can collapse on few labels (7.4).")
    few_labels: int = Field(256, description="Training rows below which the larger number of seeds is used (7.4).")

    prior_degrees_of_freedom: float = Field(4.0, gt=0, description="Weight of the prior run variance (1.4).")
    confidence: float = Field(
        0.95,
        gt=0.5,
        lt=1,
        description="Of the two-sided intervals; 'fine-tune is better' rests on the lower end (7.6).",
    )
    keep_alpha: float = Field(0.05, gt=0, lt=0.5, description="One-sided, 'not worse than the margin' (7.6).")
    power: float = Field(0.80, gt=0.5, lt=1, description="Of the smallest detectable gain (1.3).")

    price_retrieval: float = Field(
        0.01,
        ge=0,
        description="Accuracy that an index or a fitted head must add over a prompt to pay (section 4).",
    )
    worthwhile_gain: float = Field(
        0.03, ge=0, lt=1,
        description="Accuracy a fine-tune must add over retrieval or a head to pay: training, hosting, retraining. "
        "The form's success.worthwhile_gain replaces it (section 4).",
    )  # fmt: skip
    smallest_gain: float = Field(
        0.01, gt=0, lt=1, description="Differences below are not worth settling; keeps the rows needed finite."
    )
    macro_f1_interval_from: int = Field(100, description="Test rows; the bootstrap under-covers below (1.1, 7.5).")
    bootstrap_resamples: int = Field(1000, ge=100, description="Monte Carlo error of a bound under 0.3 points.")
    posterior_draws: int = Field(20_000, ge=1000, description="Monte Carlo error of P(best) under half a point.")

    def sha256(self) -> str:
        """Hash of every value; equal policies have equal hashes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def superiority_alpha(self) -> float:
        """One-sided level of 'fine-tune is better'."""
        return (1 - self.confidence) / 2

    def price(self, family: Family) -> float:
        """What an arm must earn in accuracy to pay for itself, relative to a plain prompt (section 4)."""
        prices = {
            Family.ZERO_SHOT: 0.0,
            Family.FEW_SHOT: 0.0,
            Family.RETRIEVAL: self.price_retrieval,
            Family.HEAD: self.price_retrieval,
            Family.LORA: self.price_retrieval + self.worthwhile_gain,
        }
        return prices[family]

    def margin(self, over: Family, under: Family) -> float:
        """The gain that makes `over` worth choosing instead of `under`; negative where `over` is cheaper."""
        return self.price(over) - self.price(under)

    def run_deviation(self, family: Family, labels: int, demonstrations: int) -> float:
        """Prior standard deviation of accuracy between fits on `labels` rows (1.4), 0 for deterministic arms.

        Between the published bands the larger value holds.
        """
        if family is Family.LORA:
            return 0.042 if labels < 512 else 0.017 if labels < 4096 else 0.006
        if family is Family.FEW_SHOT:
            bands = ((20, 0.06), (75, 0.04), (500, 0.03))
            return next((deviation for most, deviation in bands if demonstrations < most), 0.02)
        return 0.0
