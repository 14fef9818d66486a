"""Which arms a comparison runs, where, on which rows, and what it can see."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from rules.design import Design
from rules.family import Family, Randomness
from rules.form import Form
from rules.material import Material
from rules.policy import Policy
from rules.power import SMALLEST_GAIN, detectable_gain, items_needed, items_to_show, runs_factor_needed


class Backend(StrEnum):
    """What runs the arms."""

    ENCODER = "encoder"
    """The embedded encoder: sorts texts into labels, offline and free of charge."""
    LOCAL = "local"
    """A language model on the team's own machines."""
    ENDPOINT = "endpoint"
    """A language model of a provider."""


class PlannedArm(BaseModel):
    """One arm, in its place."""

    model_config = ConfigDict(frozen=True)

    family: Family
    why: str
    fits: int = Field(description="How often it is fitted or drawn, over all folds.")
    calls: int = Field(description="Answers asked of a language model.")


class LeftOut(BaseModel):
    """A family that the comparison does without."""

    model_config = ConfigDict(frozen=True)

    family: Family
    why: str


class PlannedSplit(BaseModel):
    """Which rows are learned from and which are tested."""

    model_config = ConfigDict(frozen=True)

    design: Design
    tested: int
    train_size: int = Field(description="Rows that one fit learns from.")
    folds: int
    why: str


class Sight(BaseModel):
    """What the comparison can see: the smallest gain of a fine-tune over retrieval, and what the worthwhile one takes.

    Without a fine-tune among the arms, the gain of retrieval over a prompt with examples.
    """

    model_config = ConfigDict(frozen=True)

    worthwhile_gain: float
    is_default: bool = Field(description="Whether the worthwhile gain is ours, because the form leaves it open.")
    gap_to_target: float | None = Field(description="Target less the best score so far, where both are answered.")
    detectable_gain: float | None = Field(description="With the planned rows and fits.")
    detectable_by_rows_alone: float | None = Field(description="If every fit gave the same result.")
    items_needed: int | None = Field(description="Tested rows that show the worthwhile gain.")
    fits_factor: int = Field(description="How many times the planned fits that takes; 1 where they are enough.")
    repeated: Family | None = Field(description="The arm whose fits would differ: the fine-tune, or the few-shot draw.")


_WHY: Final = {
    Family.ZERO_SHOT: "The floor: a plain instruction.",
    Family.FEW_SHOT: "The cheap first try: a handful of examples in the prompt.",
    Family.RETRIEVAL: "Looks up the nearest examples or passages for each request; strong with many labels.",
    Family.HEAD: "A classifier on frozen embeddings: costs cents and often ties with a fine-tune.",
    Family.LORA: "The small fine-tune, last: it must beat all of the above by its price.",
}


def backend_of(form: Form) -> Backend:
    """Return what runs the arms: the model that the form names, else the encoder where it can."""
    hosting = form.operations.hosting
    if form.task.kind in (None, "classification") and (hosting is None or not form.operations.model):
        return Backend.ENCODER
    return Backend.LOCAL if hosting in ("self_hosted", "on_device") else Backend.ENDPOINT


def lay_out(material: Material, policy: Policy) -> PlannedSplit | None:
    """Return the split, or nothing where the number of examples is not known or too small to divide."""
    count, test = material.examples, material.test_examples
    if count is None or count < 2:
        return None
    design = policy.design(count, test)
    if design is Design.GIVEN:
        assert test is not None
        return PlannedSplit(
            design=design, tested=test, train_size=count, folds=1, why="You keep a test set of your own aside."
        )
    if design is Design.CROSS_FIT:
        folds = policy.folds(count)
        why = f"Below {policy.cross_fit_below:,} examples every one is tested once, by a fit on the others."
        # The largest fold is left out of the smallest fit.
        return PlannedSplit(design=design, tested=count, train_size=count - -(-count // folds), folds=folds, why=why)
    tested = policy.sealed_rows(count)
    why = f"From {policy.cross_fit_below:,} examples on a part is sealed for the test before anything is fitted."
    return PlannedSplit(design=design, tested=tested, train_size=count - tested, folds=1, why=why)


def planned_arms(
    families: Sequence[Family], split: PlannedSplit | None, backend: Backend, policy: Policy
) -> tuple[PlannedArm, ...]:
    """Return the arms, cheapest first; without a split, fits and calls are 0."""
    return tuple(_arm(family, split, backend, policy) for family in Family if family in families)


def _arm(family: Family, split: PlannedSplit | None, backend: Backend, policy: Policy) -> PlannedArm:
    if split is None:
        return PlannedArm(family=family, why=_WHY[family], fits=0, calls=0)
    in_each_fold = policy.fits(family.randomness, split.design, split.train_size)
    # A head sits on the encoder, whatever the others run on.
    asks = backend is not Backend.ENCODER and family is not Family.HEAD
    calls = split.tested * in_each_fold if asks else 0
    return PlannedArm(family=family, why=_WHY[family], fits=in_each_fold * split.folds, calls=calls)


def look(
    form: Form,
    material: Material,
    backend: Backend,
    arms: Sequence[PlannedArm],
    split: PlannedSplit | None,
    policy: Policy,
) -> Sight:
    """Return what these arms can show on this split (protocol 1.3, with the run variance of 1.4)."""
    answered = form.success.worthwhile_gain
    gain = policy.worthwhile_gain if answered is None else answered
    if split is None:
        needed = items_to_show(gain, policy)
        return Sight(
            worthwhile_gain=gain,
            is_default=answered is None,
            gap_to_target=_gap(form),
            detectable_gain=None,
            detectable_by_rows_alone=None,
            items_needed=None if needed == float("inf") else int(needed),
            fits_factor=1,
            repeated=None,
        )
    inflation = policy.cross_fit_inflation if split.design is Design.CROSS_FIT else 1.0
    rows = policy.discordance * inflation**2 / split.tested
    shown = _shown(material, backend, split, policy)
    dearest = max((arm for arm in arms if arm.family.randomness is not Randomness.NONE), key=_cost, default=None)
    runs = _run_variance(dearest, shown, split, policy) if dearest else 0.0
    levels = ((1 - policy.confidence) / 2, policy.power)
    items, factor = _needed(gain, rows, split.tested, runs, levels)
    return Sight(
        worthwhile_gain=gain,
        is_default=answered is None,
        gap_to_target=_gap(form),
        detectable_gain=min(1.0, detectable_gain(rows, runs, *levels)),
        detectable_by_rows_alone=min(1.0, detectable_gain(rows, 0.0, *levels)),
        items_needed=items,
        fits_factor=factor,
        repeated=dearest.family if dearest else None,
    )


def _gap(form: Form) -> float | None:
    tried, target = form.tried, form.success.target
    attempts = (tried.zero_shot, tried.better_system_message, tried.few_shot, tried.retrieval)
    scores = (form.success.baseline, *(attempt.score for attempt in attempts))
    reached = [score for score in scores if score is not None]
    return None if target is None or not reached else max(0.0, target - max(reached))


def _needed(gain: float, rows: float, tested: int, runs: float, levels: tuple[float, float]) -> tuple[int | None, int]:
    if gain < SMALLEST_GAIN:
        return None, 1
    items = items_needed(gain, rows, tested, runs, *levels)
    if items is not None:
        return items, 1
    factor = runs_factor_needed(gain, runs, *levels)
    return items_needed(gain, rows, tested, runs / factor, *levels), factor


def _shown(material: Material, backend: Backend, split: PlannedSplit, policy: Policy) -> int:
    """Return the examples that a few-shot arm sees: so many in all, or of each label on the encoder."""
    if backend is Backend.ENCODER:
        return min(split.train_size, policy.demonstrations_per_label * (material.labels or 2))
    return min(split.train_size, policy.many_demonstrations)


def _cost(arm: PlannedArm) -> int:
    return list(Family).index(arm.family)


def _run_variance(arm: PlannedArm, shown: int, split: PlannedSplit, policy: Policy) -> float:
    if not arm.fits:
        return 0.0
    return policy.run_deviation(arm.family, split.train_size, shown) ** 2 / arm.fits
