"""From contrasts to one of four verdicts, with its reasons (protocol 7.6). The only place where reasons are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from evaluation.admission import Admission
from evaluation.contrasts import Contrast
from evaluation.numbers import percent, points, unsigned_points
from evaluation.policy import EvaluationPolicy
from evaluation.posterior import Beliefs, shrunken_gain
from evaluation.prior import Prior
from evaluation.scoring import ScoredArm
from rules.power import detectable_gain, items_needed, runs_factor_needed


class VerdictKind(StrEnum):
    """What a budget holder may conclude."""

    FINE_TUNE = "fine_tune"
    KEEP = "keep"
    PROVISIONAL = "provisional"
    NO_COMPARISON = "no_comparison"


class Settling(BaseModel):
    """What would turn a provisional verdict into a certain one.

    `items` is the number of test rows in all; None where only more runs help, `times_runs` as many as now.
    """

    model_config = ConfigDict(frozen=True)

    rival: str
    gain: float
    items: int | None
    times_runs: int
    text: str


class Verdict(BaseModel):
    """`arm` is the recommended one. Probabilities and regret follow the arms' order; gains are in accuracy."""

    model_config = ConfigDict(frozen=True)

    kind: VerdictKind
    arm: str
    headline: str
    reasons: tuple[str, ...]
    estimand: str
    probability_best: dict[str, float]
    expected_regret: float
    detectable_gain: float
    shrunken_gains: dict[str, float]
    prior: str
    settling: Settling | None


@dataclass(frozen=True)
class Barred:
    """An arm that was measured and may not be chosen, with the reasons: each goes on from "because"."""

    arm: ScoredArm
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Evidence:
    """What a decision rests on. `arms` may be chosen, in order of cost, cheapest first; `contrasts` holds every pair
    of these and the `barred` ones once. `admissions` tell which fine-tunes were not trained, `given_up` by title why
    other arms could not be measured."""

    arms: Sequence[ScoredArm]
    contrasts: Sequence[Contrast]
    beliefs: Beliefs
    prior: Prior
    items: int
    admissions: Sequence[Admission] = ()
    barred: Sequence[Barred] = ()
    given_up: Mapping[str, str] = field(default_factory=dict)

    def between(self, first: str, second: str) -> Contrast:
        """The contrast `first - second`."""
        for contrast in self.contrasts:
            if (contrast.first, contrast.second) == (first, second):
                return contrast
            if (contrast.first, contrast.second) == (second, first):
                return contrast.reversed()
        raise KeyError(f"no contrast of {first} and {second}")

    @property
    def tuned(self) -> ScoredArm | None:
        """The fine-tune with the highest accuracy, if any was compared."""
        tuned = [arm for arm in self.arms if arm.spec.is_fine_tune]
        return max(tuned, key=lambda arm: arm.accuracy, default=None)

    @property
    def cheap(self) -> list[ScoredArm]:
        """Every arm that is not a fine-tune."""
        return [arm for arm in self.arms if not arm.spec.is_fine_tune]

    def others(self, arm: ScoredArm) -> list[ScoredArm]:
        return [other for other in self.arms if other is not arm]


def decide(evidence: Evidence, policy: EvaluationPolicy) -> Verdict:
    """Fine-tune if it beats every cheaper arm by enough; else the cheapest arm that is certainly good enough; else a
    provisional choice that says what is missing. Raises ValueError for fewer than two arms, or if none
    may be chosen."""
    if not evidence.arms or len(evidence.arms) + len(evidence.barred) < 2:
        raise ValueError("A decision needs two arms, and one of them must be open to choice.")
    tuned = evidence.tuned
    if tuned is not None and _beats_every_cheaper_arm(tuned, evidence, policy):
        return _verdict(VerdictKind.FINE_TUNE, tuned, _fine_tune_reasons(tuned, evidence, policy), evidence, policy)
    for arm in evidence.cheap:
        if _is_certainly_good_enough(arm, evidence, policy):
            return _verdict(VerdictKind.KEEP, arm, _keep_reasons(arm, evidence, policy), evidence, policy)
    utility = evidence.beliefs.utility
    best = evidence.arms[max(range(len(utility)), key=lambda number: utility[number])]
    return _verdict(VerdictKind.PROVISIONAL, best, _provisional_reasons(best, evidence, policy), evidence, policy)


def _beats_every_cheaper_arm(tuned: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> bool:
    """Each contrast at full level: an intersection-union test needs no correction (protocol 1.6). Being the best of
    several fine-tunes on the same rows does: the level is divided among them (Bonferroni)."""
    tuned_arms = sum(arm.spec.is_fine_tune for arm in evidence.arms)
    for other in evidence.cheap:
        contrast = evidence.between(tuned.spec.name, other.spec.name)
        enough = policy.margin(tuned.spec.family, other.spec.family)
        if contrast.low <= 0 or (tuned_arms > 1 and contrast.p_value * tuned_arms > 2 * policy.superiority_alpha):
            return False
        if _shrunken(contrast, evidence.prior) <= enough:
            return False
    return bool(evidence.cheap)


def _is_certainly_good_enough(arm: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> bool:
    return all(
        evidence.between(other.spec.name, arm.spec.name).upper_keep < policy.margin(other.spec.family, arm.spec.family)
        for other in evidence.others(arm)
    )


def _shrunken(contrast: Contrast, prior: Prior) -> float:
    expected = prior.gain(contrast.first, contrast.second)
    return shrunken_gain(contrast.difference, contrast.item_variance + contrast.run_variance, expected)


def _verdict(
    kind: VerdictKind, arm: ScoredArm, reasons: Sequence[str], evidence: Evidence, policy: EvaluationPolicy
) -> Verdict:
    number = evidence.arms.index(arm)
    rival = _rival(arm, evidence)
    contrast = evidence.between(arm.spec.name, rival.spec.name)
    tuned = evidence.tuned
    return Verdict(
        kind=kind,
        arm=arm.spec.name,
        headline=_headline(kind, arm, rival, tuned),
        reasons=(*reasons, *_without(arm, evidence, policy)),
        estimand=_estimand(evidence),
        probability_best={
            each.spec.name: probability
            for each, probability in zip(evidence.arms, evidence.beliefs.probability_best, strict=True)
        },
        expected_regret=evidence.beliefs.regret[number],
        detectable_gain=detectable_gain(
            contrast.item_variance, contrast.run_variance, policy.superiority_alpha, policy.power
        ),
        shrunken_gains={
            other.spec.name: _shrunken(evidence.between(tuned.spec.name, other.spec.name), evidence.prior)
            for other in evidence.cheap
        }
        if tuned
        else {},
        prior=evidence.prior.text,
        settling=_settling(arm, rival, contrast, evidence, policy) if kind is VerdictKind.PROVISIONAL else None,
    )


def _rival(arm: ScoredArm, evidence: Evidence) -> ScoredArm:
    """The other arm most likely to be the best; where none has a chance, the one with the highest accuracy. Where no
    other may be chosen, one that may not."""
    chances = dict(zip((each.spec.name for each in evidence.arms), evidence.beliefs.probability_best, strict=True))
    return max(
        evidence.others(arm) or [bar.arm for bar in evidence.barred],
        key=lambda other: (chances.get(other.spec.name, 0.0), other.accuracy),
    )


def _headline(kind: VerdictKind, arm: ScoredArm, rival: ScoredArm, tuned: ScoredArm | None) -> str:
    if tuned is None:
        if kind is VerdictKind.KEEP:
            return f"Keep {arm.spec.title}; nothing else earns its price."
        return f"Use {arm.spec.title} for now; {rival.spec.title} is not ruled out."
    if kind is VerdictKind.FINE_TUNE:
        return f"Fine-tune: {arm.spec.title} beats every cheaper way by enough to pay."
    if kind is VerdictKind.KEEP:
        return f"Do not pay for a fine-tune: keep {arm.spec.title}; nothing else earns its price."
    if arm.spec.is_fine_tune:
        return f"Leaning towards a fine-tune, but {rival.spec.title} is not ruled out."
    return f"Do not pay for a fine-tune yet: use {arm.spec.title}; {rival.spec.title} is not ruled out."


def _fine_tune_reasons(tuned: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> list[str]:
    reasons = []
    for other in evidence.cheap:
        contrast = evidence.between(tuned.spec.name, other.spec.name)
        enough = policy.margin(tuned.spec.family, other.spec.family)
        reasons.append(
            f"{_capital(tuned.spec.title)} is {_apart(contrast)} {other.spec.title} ({_range(contrast, policy)}); "
            f"with the winner's luck taken out {points(_shrunken(contrast, evidence.prior))}, "
            f"where {unsigned_points(enough)} pay for it."
        )
    return reasons


def _keep_reasons(arm: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> list[str]:
    reasons = []
    for other in evidence.others(arm):
        contrast = evidence.between(other.spec.name, arm.spec.name)
        margin = policy.margin(other.spec.family, arm.spec.family)
        at_most, name = points(contrast.upper_keep), _capital(other.spec.title)
        measured = f"measured {points(contrast.difference)}, at most {at_most}"
        if margin > 0:
            reasons.append(f"{name} does not pay: {measured}, where {unsigned_points(margin)} would be needed.")
        else:
            reasons.append(f"{name} is no dearer but worse: {measured}.")
    return reasons


def _provisional_reasons(best: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> list[str]:
    rival = _rival(best, evidence)
    contrast = evidence.between(best.spec.name, rival.spec.name)
    number = evidence.arms.index(best)
    chance = evidence.beliefs.probability_best[number]
    reasons = [
        f"{_capital(best.spec.title)} is the best choice with probability {percent(chance, 0)}, prices taken into "
        f"account; next comes {rival.spec.title}.",
        f"Measured, {best.spec.title} is {_apart(contrast)} {rival.spec.title} ({_range(contrast, policy)}).",
        f"Stopping now costs {unsigned_points(evidence.beliefs.regret[number])} of accuracy on average.",
    ]
    tuned = evidence.tuned
    if tuned is not None and tuned is not best:
        reasons.append(_why_not_fine_tune(tuned, evidence, policy))
    return reasons


def _why_not_fine_tune(tuned: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> str:
    cheap = max(evidence.cheap, key=lambda other: other.accuracy)
    contrast = evidence.between(tuned.spec.name, cheap.spec.name)
    enough = policy.margin(tuned.spec.family, cheap.spec.family)
    return (
        f"A fine-tune is not certain to pay: {points(contrast.difference)} against {cheap.spec.title} "
        f"({_range(contrast, policy)}), where {unsigned_points(enough)} would be needed."
    )


def _without(arm: ScoredArm, evidence: Evidence, policy: EvaluationPolicy) -> list[str]:
    """What was not trained, and what may not be chosen."""
    reasons = [
        f"{_capital(admission.title)}: {admission.steps[-1].reason[0].lower()}{admission.steps[-1].reason[1:]}"
        for admission in evidence.admissions
        if not admission.is_trained or admission.stopped_early
    ]
    reasons += [
        f"{_capital(title)} could not be measured, and nothing is known of it: {why}"
        for title, why in evidence.given_up.items()
    ]
    for bar in evidence.barred:
        contrast = evidence.between(bar.arm.spec.name, arm.spec.name)
        because = " and because ".join(bar.reasons)
        reasons.append(
            f"{_capital(bar.arm.spec.title)} may not be chosen, because {because}. It measured "
            f"{points(contrast.difference)} against {arm.spec.title} ({_range(contrast, policy)})."
        )
    return reasons


def _range(contrast: Contrast, policy: EvaluationPolicy) -> str:
    return f"{percent(policy.confidence, 0)} interval {points(contrast.low)} to {points(contrast.high)}"


def _apart(contrast: Contrast) -> str:
    if round(contrast.difference, 3) == 0:
        return "level with"
    return f"{unsigned_points(contrast.difference)} {'ahead of' if contrast.difference > 0 else 'behind'}"


def _capital(title: str) -> str:
    return title[0].upper() + title[1:]


def _estimand(evidence: Evidence) -> str:
    tuned = evidence.tuned
    if tuned is None:
        return "The figures hold for these arms, fitted on these examples, on new rows of the same kind."
    return (
        f"The figures hold for the recipe, fitted again on as many examples, not for one lucky adapter: "
        f"{tuned.outcomes.fits} fine-tuning runs with different seeds and the rows they were tested on both count."
    )


def _settling(
    arm: ScoredArm, rival: ScoredArm, contrast: Contrast, evidence: Evidence, policy: EvaluationPolicy
) -> Settling:
    """Rows and runs that would show a worthwhile gain; where there are enough for that, the distance to the margin."""
    margin = policy.margin(arm.spec.family, rival.spec.family)
    for gain in (policy.worthwhile_gain, abs(contrast.difference - margin)):
        wanted = max(gain, policy.smallest_gain)
        items, times = _effort(wanted, contrast, evidence.items, policy)
        if items is None or items > evidence.items or times > 1:
            break
    else:
        items = None
    runs = f" and {times} times as many runs" if times > 1 else ""
    names = f"between {arm.spec.title} and {rival.spec.title}"
    if items is None:
        text = f"More rows would hardly help: the difference {names} lies where the price decides. Check the price."
    else:
        text = (
            f"About {items:,} test rows in all{runs} would show a difference of {unsigned_points(wanted)} {names} "
            f"in four cases of five; there are {evidence.items:,} now."
        )
    return Settling(rival=rival.spec.name, gain=wanted, items=items, times_runs=times, text=text)


def _effort(gain: float, contrast: Contrast, items: int, policy: EvaluationPolicy) -> tuple[int | None, int]:
    """Rows in all, and how many times the runs."""
    levels = (policy.superiority_alpha, policy.power)
    needed = items_needed(gain, contrast.item_variance, items, contrast.run_variance, *levels)
    if needed is not None:
        return needed, 1
    times = runs_factor_needed(gain, contrast.run_variance, *levels)
    needed = items_needed(gain, contrast.item_variance, items, contrast.run_variance / times, *levels)
    return needed and max(needed, items), times
