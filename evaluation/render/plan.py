"""A plan in words: one heading and one text a line, for terminals and pages alike."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.numbers import unsigned_points
from rules.design import Design
from rules.effort import Range
from rules.estimate import Estimate, Money
from rules.family import Family
from rules.known_model import TokenPrices
from rules.layout import Backend, PlannedArm, PlannedSplit, Sight
from rules.plan import Plan

_BACKENDS = {
    Backend.ENCODER: "the embedded encoder: on this machine, offline",
    Backend.LOCAL: "your own model, on your own machines",
    Backend.ENDPOINT: "a provider's model",
}


def plan_lines(plan: Plan) -> list[tuple[str, str]]:
    """Headings and texts, in the order in which a reader asks for them."""
    if plan.obstacle:
        return [("Obstacle", plan.obstacle)]
    return [
        ("Arms", ", ".join(map(_arm, plan.arms))),
        *(("Left out", f"{out.family}: {out.why}") for out in plan.left_out),
        ("Run on", _backend(plan)),
        ("Rows", _rows(plan.split) if plan.split else "Not known: how many examples are there? (examples.count)"),
        ("Metric", f"{plan.metric}; {_margins(plan)}"),
        ("Can see", _sight(plan.sight, plan.split)),
        *(_estimate(plan.estimate) if plan.estimate else ()),
    ]


def _backend(plan: Plan) -> str:
    if plan.backend is Backend.ENCODER:
        return f"{_BACKENDS[plan.backend]}. It shows how the methods rank on your examples, not how good your model is."
    named = f" ({plan.model})" if plan.model else ""
    sorts = any(arm.family is Family.HEAD for arm in plan.arms)
    here = "for a first look at how the methods rank" if sorts else "which sorts into labels only"
    return f"{_BACKENDS[plan.backend]}{named}. This version itself runs the embedded encoder, {here}."


def _arm(arm: PlannedArm) -> str:
    return f"{arm.family} ({arm.fits} fits)" if arm.fits > 1 else str(arm.family)


def _rows(split: PlannedSplit) -> str:
    if split.design is Design.CROSS_FIT:
        return f"{split.tested:,}, each tested once: {split.folds} folds, fits on {split.train_size:,}. {split.why}"
    return f"{split.tested:,} to test on, {split.train_size:,} to learn from. {split.why}"


def _margins(plan: Plan) -> str:
    dearer = [margin for margin in plan.margins if margin.over_a_prompt]
    if not dearer:
        return "no arm costs more than a prompt"
    listed = ", ".join(f"{margin.family} {unsigned_points(margin.over_a_prompt)}" for margin in dearer)
    return f"must gain over a prompt: {listed}"


def _sight(sight: Sight, split: PlannedSplit | None) -> str:
    ours = " (our default)" if sight.is_default else ""
    wanted = f"{unsigned_points(sight.worthwhile_gain)} would be worth paying for{ours}"
    if sight.detectable_gain is None:
        needed = f"; rows alone: {sight.items_needed:,} would show that" if sight.items_needed else ""
        return f"not known without the number of examples. {wanted}{needed}."
    told = f"gains from {unsigned_points(sight.detectable_gain)} (with 80% certainty); {wanted}.{_gap(sight)}"
    if split is None or sight.detectable_gain <= sight.worthwhile_gain:
        return f"{told} Enough."
    if sight.items_needed is None:
        return f"{told} No number of rows shows that."
    repeated = "trainings" if sight.repeated and sight.repeated.is_fine_tune else "draws of examples"
    more = f" and {sight.fits_factor} times the {repeated}" if sight.fits_factor > 1 else ""
    return f"{told} To see {unsigned_points(sight.worthwhile_gain)} takes {sight.items_needed:,} tested rows{more}."


def _gap(sight: Sight) -> str:
    if not sight.gap_to_target or sight.detectable_gain is None:
        return ""
    visible = "visible" if sight.gap_to_target >= sight.detectable_gain else "not certain to be seen"
    return f" The gap to your target is {unsigned_points(sight.gap_to_target)}: {visible}."


def _estimate(estimate: Estimate) -> Iterator[tuple[str, str]]:
    takes = [f"{estimate.calls:,} calls" if estimate.calls else "no calls"]
    if estimate.tokens:
        tokens = estimate.tokens
        takes.append(f"tokens: {_tokens(tokens.input)} read, {_tokens(tokens.output)} written")
        if tokens.training.high:
            takes.append(f"{_tokens(tokens.training)} trained on")
    if estimate.trainings:
        takes.append(f"{estimate.trainings} trainings")
    takes.append(_money(estimate.money) if estimate.money else "money not known")
    takes.append(_minutes(estimate.minutes) if estimate.minutes else "minutes not known")
    yield "Takes", "; ".join(takes) + "."
    if estimate.prices:
        yield "Prices", _prices(estimate.prices)
    if estimate.not_counted:
        yield "Not counted", " ".join(estimate.not_counted)
    yield "Assumed", " ".join(estimate.assumptions)


def _money(money: Money) -> str:
    if not money.high:
        return "no money"
    return f"{money.currency} {_between(Range(low=money.low, high=money.high), 2)}"


def _prices(prices: TokenPrices) -> str:
    seen = f", {prices.seen_on}" if prices.seen_on else ""
    training = f", {prices.training:g} trained on" if prices.training is not None else ""
    each = f"{prices.currency} {prices.input:g} read, {prices.output:g} written{training}"
    return f"{each}, each for a million tokens ({prices.source}{seen})."


def _minutes(minutes: Range) -> str:
    return f"{_between(minutes, 0 if minutes.high >= 10 else 1)} minutes"


def _tokens(tokens: Range) -> str:
    low, high = _count(tokens.low), _count(tokens.high)
    return low if low == high else f"{low} to {high}"


def _count(tokens: float) -> str:
    if tokens >= 1e6:
        return f"{tokens / 1e6:,.1f} million"
    return f"{tokens / 1e3:,.0f} thousand" if tokens >= 1e4 else f"{tokens:,.0f}"


def _between(quantity: Range, digits: int) -> str:
    low, high = f"{quantity.low:,.{digits}f}", f"{quantity.high:,.{digits}f}"
    return low if low == high else f"{low} to {high}"
