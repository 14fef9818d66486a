"""Every threshold of the comparison, value and reason together. Stored with each report under its hash.

Sources are sections of the statistical protocol that the project follows (docs/protocol.md).
"""

from __future__ import annotations

import hashlib

from pydantic import Field

from rules.design import DesignPolicy


class EvaluationPolicy(DesignPolicy):
    """Thresholds; a field's description is its reason. Those that the plan announces too are inherited."""

    fewest_test_examples: int = Field(30, ge=10, description="As fewest_examples, for a test file (7.6).")
    fewest_groups: int = Field(5, ge=2, description="Sets of rows that belong together; fewer give no spread (1.1).")
    fewest_of_a_class: int = Field(5, ge=2, description="Two classes of this size make a comparison (section 5).")
    starved_class: int = Field(8, ge=2, description="Fewer rows: no claim about this class, fewer demonstrations.")
    near_duplicate_cosine: float = Field(
        0.78,
        gt=0.5,
        lt=1,
        description=(
            "Character 3- to 5-gram TF-IDF cosine at which two texts count as one (5). Of copies edited lightly in "
            "nine ways, planted in ten data sets, 86% are found; among 19 times 400 rows as they are, 21 pairs are "
            "joined. With n-grams that end at words and 0.90, 67% and 24 pairs, besides those of repeated signs."
        ),
    )
    near_duplicate_mean_cosine: float = Field(
        0.84,
        gt=0.5,
        lt=1,
        description=(
            "Mean of that cosine and the embeddings' at which two texts count as one as well: 89% are found, 28 pairs "
            "joined (in banking77, whose texts are short, 83% instead of 76%, and 65 of 2,000 rows repeat a test row "
            "instead of 46). Lower, pairs that share no more than a template come first."
        ),
    )
    most_rows_for_near_duplicates: int = Field(
        20_000, description="Above, comparing all pairs takes minutes; only exact duplicates are searched."
    )
    most_rows_for_label_errors: int = Field(
        5_000, description="Above, fitting the head five times takes a minute and more; labels are then not judged."
    )

    prior_degrees_of_freedom: float = Field(4.0, gt=0, description="Weight of the prior run variance (1.4).")
    keep_alpha: float = Field(0.05, gt=0, lt=0.5, description="One-sided, 'not worse than the margin' (7.6).")
    smallest_gain: float = Field(
        0.01, gt=0, lt=1, description="Differences below are not worth settling; keeps the rows needed finite."
    )
    macro_f1_interval_from: int = Field(100, description="Test rows; the bootstrap under-covers below (1.1, 7.5).")
    bootstrap_resamples: int = Field(1000, ge=100, description="Monte Carlo error of a bound under 0.3 points.")
    posterior_draws: int = Field(20_000, ge=1000, description="Monte Carlo error of P(best) under half a point.")

    def sha256(self) -> str:
        """Hash of every value; equal policies have equal hashes."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def laid_out_as(self, design: DesignPolicy) -> EvaluationPolicy:
        """This policy with every threshold that it shares with another, such as that of the rules."""
        return self.model_copy(update={name: getattr(design, name) for name in DesignPolicy.model_fields})

    @property
    def superiority_alpha(self) -> float:
        """One-sided level of 'fine-tune is better'."""
        return (1 - self.confidence) / 2
