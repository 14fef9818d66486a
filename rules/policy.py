"""Every threshold of the rules, each with its reason and source beside the value."""

import json
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, Self

from pydantic import Field, model_validator

from rules.choices import ChangeInterval, Region, speed
from rules.design import DesignPolicy, threshold
from rules.effort import EffortPolicy


class Policy(DesignPolicy, EffortPolicy):
    """The thresholds that judge a form. An organisation may override any of them."""

    as_of: date | None = Field(
        default=None,
        description="The day from which the horizon counts; the day of the assessment if left out. "
        "Not part of the hash: the same policy judges every day.",
    )
    minimum_requests_per_month: int = threshold(
        1_000,
        "Adapting costs the same for one request as for a million; below about thirty a day it rarely repays.",
        "002",
        bounds="task.requests_per_month",
        ge=0,
    )
    interval_that_strains_retraining: ChangeInterval = threshold(
        "monthly",
        "From this pace on, a trained model spends much of its life out of date.",
        "002",
        bounds="task.change_interval",
    )
    interval_that_outruns_retraining: ChangeInterval = threshold(
        "weekly",
        "From this pace on, the next change arrives before the last one is collected, trained and tested.",
        "002",
        bounds="task.change_interval",
    )
    interval_that_counts_as_stable: ChangeInterval = threshold(
        "yearly",
        "Up to this pace, a trained model lasts long enough to earn its keep.",
        "002",
        bounds="task.change_interval",
    )
    minimum_examples: int = threshold(
        50,
        "The lower end of what a provider of hosted tuning calls enough for reliable results.",
        "002",
        bounds="examples.count",
        ge=1,
    )
    comfortable_examples: int = threshold(
        100,
        "The upper end of the same range.",
        "002",
        bounds="examples.count",
        ge=1,
    )
    minimum_held_out_examples: int = threshold(
        30,
        "Fewer test examples give scores that jump with every other draw.",
        "002",
        "004",
        bounds="success.held_out_examples",
        ge=1,
    )
    minimum_smallest_class: int = threshold(
        8,
        "Fewer cannot be divided among training and five test folds and still say anything about the category.",
        "004",
        bounds="examples.smallest_class",
        ge=1,
    )
    long_prompt_tokens: int = threshold(
        1_000,
        "From about two pages on, the prompt, and not the answer, is what every request pays for.",
        "000",
        "002",
        bounds="operations.prompt_tokens",
        ge=1,
    )
    high_volume_requests_per_month: int = threshold(
        50_000,
        "From this volume on, a shorter prompt can repay a training run within months.",
        "000",
        "002",
        bounds="task.requests_per_month",
        ge=1,
    )
    few_demonstrations: int = threshold(
        5, "The fewest examples in a prompt that count as having tried it.", "002", ge=1
    )
    many_demonstrations: int = threshold(
        10, "More examples than this in a prompt are no longer the cheap first try.", "002", ge=1
    )
    low_temperature: float = threshold(
        0.2,
        "The setting at which the source got nearly the same output ten times in a row.",
        "000",
        ge=0,
        le=2,
    )
    discordance: float = threshold(
        0.25,
        "The part of examples on which two methods disagree. Measured on published runs it lies between 0.10 "
        "and 0.38; a quarter is in the middle, and the value of the protocol's reference simulations.",
        "protocol 1.3",
        gt=0,
        le=1,
    )
    regions_with_hosted_tuning: tuple[Region, ...] = threshold(
        ("uk_europe", "us"),
        "Regions in which the source found providers that tune without the data leaving; check yours.",
        "002",
        bounds="governance.regions",
    )
    assumed_horizon_months: int = threshold(
        12,
        "An end of the model within this time is told as a warning where nobody has said how long it must last.",
        "002",
        ge=1,
        le=120,
    )
    lead_to_pay_more: int = threshold(
        5,
        "A dearer method must be ahead of a cheaper one by more than this: the cheaper needs less upkeep.",
        "002",
        ge=0,
        le=100,
    )

    @model_validator(mode="after")
    def _refuse_contradictions(self) -> Self:
        for problem in self._contradictions():
            raise ValueError(problem)
        return self

    def _contradictions(self) -> Iterator[str]:
        yield from self.effort_contradictions()
        ordered = (
            ("fewest_examples", "minimum_examples"),
            ("minimum_examples", "comfortable_examples"),
            ("minimum_requests_per_month", "high_volume_requests_per_month"),
            ("few_demonstrations", "many_demonstrations"),
            ("ten_folds_below", "cross_fit_below"),
        )
        for smaller, larger in ordered:
            low, high = getattr(self, smaller), getattr(self, larger)
            if low > high:
                yield f"{smaller} ({low}) is above {larger} ({high}); expected at most that"
        stable = self.interval_that_counts_as_stable
        strains, outruns = self.interval_that_strains_retraining, self.interval_that_outruns_retraining
        if speed(strains) > speed(outruns):
            yield (
                f"interval_that_strains_retraining ({strains}) is faster than "
                f"interval_that_outruns_retraining ({outruns}); expected the same or slower"
            )
        if speed(stable) >= speed(strains):
            yield (
                f"interval_that_counts_as_stable ({stable}) is not slower than "
                f"interval_that_strains_retraining ({strains}); no pace can be both"
            )

    def sha256(self) -> str:
        """Return the hash that an assessment stores: equal for equal thresholds, on every day and machine."""
        return _hash(self)

    @property
    def day(self) -> date:
        """The day from which the horizon counts."""
        return self.as_of or date.today()

    def dated(self) -> "Policy":
        """Return this policy with its day filled in."""
        return self if self.as_of else _dated(self, self.day)

    def thresholds(self, path: str) -> tuple[Any, ...]:
        """Return the values that divide the answers to one question."""
        fields = type(self).model_fields
        return tuple(getattr(self, name) for name in fields if _bounds(fields[name].json_schema_extra) == path)


@lru_cache(maxsize=64)
def _hash(policy: Policy) -> str:
    values = policy.model_dump(mode="json", exclude={"as_of"})
    return sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@lru_cache(maxsize=64)
def _dated(policy: Policy, day: date) -> Policy:
    # One object a day, so that what was worked out under it is found again by identity.
    return policy.model_copy(update={"as_of": day})


def _bounds(extra: Any) -> str | None:
    return extra["bounds"] if extra else None


DEFAULT_POLICY: Final = Policy()
