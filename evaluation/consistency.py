"""Whether one input gets one answer: every item asked several times, with the settings of production.

Calls at temperature 0 do not tell what users will see at 0.8. So the calls are repeated at the temperature that will be
used, intervals are over items (the calls of one item are no independent rows), and two temperatures are compared on the
same items. Pure functions.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import Final

import numpy as np

from evaluation.statistics import (
    Design,
    Estimate,
    Interval,
    Outcomes,
    estimate_difference,
    estimate_mean,
    tango_interval,
    wilson_interval,
)

Answer = str | None
"""As read, in one spelling; None for a failure or a text without an answer: equal to nothing, not even to a None."""
Similarity = Callable[[str, str], float]
"""0 to 1, symmetric, 1 for equal texts."""
FEWEST_CALLS: Final = 2
SHARES: Final = frozenset({"unanimous", "agreement", "single_call", "majority"})
"""Measures that are shares of items wherever each item's value is 0 or 1."""


@dataclass(frozen=True)
class Repeated:
    """One arm at one setting, such as "temperature 0.2": `answers` is (items, calls).

    Raises ValueError unless every item was asked equally often, and at least twice.
    """

    setting: str
    answers: tuple[tuple[Answer, ...], ...]

    def __post_init__(self) -> None:
        calls = sorted({len(item) for item in self.answers})
        if len(calls) != 1 or calls[0] < FEWEST_CALLS:
            raise ValueError(
                f"{self.setting}: {', '.join(map(str, calls)) or 'no'} answers to an item; "
                f"expected equally many to each, {FEWEST_CALLS} at least."
            )

    @property
    def calls(self) -> int:
        """To each item."""
        return len(self.answers[0])

    @property
    def failures(self) -> int:
        return sum(answer is None for item in self.answers for answer in item)


@dataclass(frozen=True)
class Measure:
    """A mean over items, or a difference of two; `possible` is the range that it can have."""

    estimate: Estimate
    possible: Interval

    def interval(self, confidence: float) -> Interval:
        """Student's t, cut to what is possible."""
        wide = self.estimate.interval(confidence)
        return Interval(max(self.possible.low, wide.low), min(self.possible.high, wide.high))


@dataclass(frozen=True)
class Share(Measure):
    """A share of independent items: near 0 and 1 a t interval is too short, Wilson's is not."""

    ones: int
    items: int

    def interval(self, confidence: float) -> Interval:
        return wilson_interval(self.ones, self.items, confidence)


@dataclass(frozen=True)
class ShareDifference(Measure):
    """A difference of two shares of the same independent items (Tango's interval, protocol 1.2)."""

    first_only: int
    second_only: int
    items: int

    def interval(self, confidence: float) -> Interval:
        return tango_interval(self.first_only, self.second_only, self.items, confidence)


@dataclass(frozen=True)
class Consistency:
    """How the answers to one item agree, each the mean over items; or the difference of two settings.

    - `unanimous`: whether all calls gave the same answer. It falls as calls grow.
    - `agreement`: the share of pairs of calls with the same answer, 0..1, or their mean similarity: the chance that
      asking again gives the same answer, whatever the number of calls (Simpson 1949, Nature 163:688).
    - `entropy`: -sum p log2 p of the shares of the answers, in bits, 0 to log2(calls); too low with few calls.
    - `single_call`, `majority`: accuracy of one call, and of the most frequent answer of all calls, ties decided by lot
      and a None never chosen; `loss` is what one call gives away against the vote. None without targets.
    """

    items: int
    calls: int
    unanimous: Measure
    agreement: Measure
    entropy: Measure
    single_call: Measure | None
    majority: Measure | None
    loss: Measure | None


def measure_consistency(
    repeated: Repeated, design: Design, targets: Sequence[str] | None = None, similarity: Similarity | None = None
) -> Consistency:
    """One setting, with uncertainty over items (clustered where the design says so).

    `targets` are right answers in the spelling of the answers. A `similarity` grades `agreement`, for free text, which
    is hardly ever the same word for word; a None is similar to nothing. Raises ValueError for unequal lengths.
    """
    return _consistency(repeated, None, design, targets, similarity)


def compare_consistency(
    one: Repeated,
    other: Repeated,
    design: Design,
    targets: Sequence[str] | None = None,
    similarity: Similarity | None = None,
) -> Consistency:
    """Two settings on the same items, paired by item: `one` less `other` (protocol 7.5). Raises ValueError unless both
    have the same items and equally many calls, since unanimity and entropy depend on their number."""
    if (len(one.answers), one.calls) != (len(other.answers), other.calls):
        raise ValueError(
            f"{one.setting}: {len(one.answers)} items, {one.calls} calls each; {other.setting}: {len(other.answers)} "
            f"items, {other.calls} calls each; expected the same items, asked equally often."
        )
    return _consistency(one, other, design, targets, similarity)


def _consistency(
    one: Repeated,
    other: Repeated | None,
    design: Design,
    targets: Sequence[str] | None,
    similarity: Similarity | None,
) -> Consistency:
    first = _by_item(one, targets, similarity)
    second = None if other is None else _by_item(other, targets, similarity)
    highest = {"entropy": math.log2(one.calls)}

    def measure(name: str) -> Measure:
        low = -1.0 if name == "loss" else 0.0
        possible = Interval(low, highest.get(name, 1.0))
        if second is None:
            return _mean(name, first[name], possible, design)
        reach = possible.high - possible.low
        return _difference(name, first[name], second[name], Interval(-reach, reach), design)

    return Consistency(
        items=len(one.answers), calls=one.calls,
        unanimous=measure("unanimous"), agreement=measure("agreement"), entropy=measure("entropy"),
        single_call=measure("single_call") if targets is not None else None,
        majority=measure("majority") if targets is not None else None,
        loss=measure("loss") if targets is not None else None,
    )  # fmt: skip


def _mean(name: str, values: Sequence[float], possible: Interval, design: Design) -> Measure:
    estimate = estimate_mean(_outcomes(values), design)
    if name in SHARES and _are_shares(values, design):
        return Share(estimate, possible, round(sum(values)), len(values))
    return Measure(estimate, possible)


def _difference(
    name: str, first: Sequence[float], second: Sequence[float], possible: Interval, design: Design
) -> Measure:
    estimate = estimate_difference(_outcomes(first), _outcomes(second), design)
    if name in SHARES and _are_shares(first, design) and _are_shares(second, design):
        pairs = Counter(zip(first, second, strict=True))
        return ShareDifference(estimate, possible, pairs[1.0, 0.0], pairs[0.0, 1.0], len(first))
    return Measure(estimate, possible)


def _are_shares(values: Sequence[float], design: Design) -> bool:
    independent = len(np.unique(design.clusters)) == len(values) and design.inflation == 1.0
    return independent and set(values) <= {0.0, 1.0}


def _outcomes(values: Sequence[float]) -> Outcomes:
    return Outcomes(np.array([values]), np.zeros(len(values), dtype=np.int64), 0.0)


def _by_item(
    repeated: Repeated, targets: Sequence[str] | None, similarity: Similarity | None
) -> Mapping[str, list[float]]:
    """Every measure's value for every item."""
    same = similarity or (lambda one, other: float(one == other))
    values = {
        "unanimous": [float(item[0] is not None and len(set(item)) == 1) for item in repeated.answers],
        "agreement": [_agreement(item, same) for item in repeated.answers],
        "entropy": [_entropy(item) for item in repeated.answers],
    }
    if targets is not None:
        rows = list(zip(repeated.answers, targets, strict=True))
        values["single_call"] = [item.count(target) / len(item) for item, target in rows]
        values["majority"] = [_majority_is(target, item) for item, target in rows]
        values["loss"] = [
            vote - call for vote, call in zip(values["majority"], values["single_call"], strict=True)
        ]  # fmt: skip
    return values


def _agreement(item: Sequence[Answer], same: Similarity) -> float:
    pairs = Counter((min(one, other), max(one, other)) if one is not None and other is not None else None
                    for one, other in combinations(item, 2))  # fmt: skip
    return fmean([0.0 if pair is None else same(*pair) for pair in pairs], weights=pairs.values())


def _entropy(item: Sequence[Answer]) -> float:
    """Every None is an answer of its own."""
    counts = [*Counter(answer for answer in item if answer is not None).values(), *[1] * item.count(None)]
    return max(0.0, -sum(count / len(item) * math.log2(count / len(item)) for count in counts))


def _majority_is(target: str, item: Sequence[Answer]) -> float:
    """The chance that the vote gives the target."""
    votes = Counter(answer for answer in item if answer is not None)
    most = max(votes.values(), default=0)
    winners = [answer for answer, count in votes.items() if count == most]
    return float(target in winners) / max(1, len(winners))
