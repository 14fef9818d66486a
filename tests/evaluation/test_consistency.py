"""Answers that repeat themselves, worked by hand; and two temperatures on the same items."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.consistency import Consistency, Measure, Repeated, compare_consistency, measure_consistency
from evaluation.statistics import Design, Interval, tango_interval, wilson_interval

ITEMS = st.lists(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=4), min_size=2, max_size=8)
NAMES = ("unanimous", "agreement", "entropy", "single_call", "majority", "loss")


def repeated(*items: str, setting: str = "temperature 0.2") -> Repeated:
    """Each letter is an answer, a point is a failure."""
    return Repeated(setting, tuple(tuple(None if answer == "." else answer for answer in item) for item in items))


def values(consistency: Consistency) -> dict[str, float | None]:
    found: dict[str, Measure | None] = {name: getattr(consistency, name) for name in NAMES}
    return {name: None if measure is None else measure.estimate.value for name, measure in found.items()}


class TestByHand:
    @pytest.mark.parametrize(
        ("item", "target", "unanimous", "agreement", "entropy", "single_call", "majority"),
        [
            ("aaaa", "a", 1, 1, 0, 1, 1),
            ("aaaa", "b", 1, 1, 0, 0, 0),
            # three pairs of six agree; 3/4 log2 4/3 + 1/4 log2 4 = 0.8113
            ("aaab", "a", 0, 3 / 6, 0.8112781, 3 / 4, 1),
            ("aaab", "b", 0, 3 / 6, 0.8112781, 1 / 4, 0),
            # two and two: the vote is decided by lot
            ("aabb", "a", 0, 2 / 6, 1, 2 / 4, 1 / 2),
            ("abcd", "a", 0, 0, 2, 1 / 4, 1 / 4),
            # a failure agrees with nothing, not even with another; it never wins the vote
            ("aa..", "a", 0, 1 / 6, 1.5, 2 / 4, 1),
            ("....", "a", 0, 0, 2, 0, 0),
        ],
    )
    def test_one_item(
        self, item: str, target: str, unanimous: float, agreement: float, entropy: float, single_call: float,
        majority: float, alone: Callable[..., Design],
    ) -> None:  # fmt: skip
        found = values(measure_consistency(repeated(item, item), alone(2), [target, target]))
        expected = (unanimous, agreement, entropy, single_call, majority, majority - single_call)
        assert [found[name] for name in NAMES] == pytest.approx(expected)

    def test_means_over_items(self, alone: Callable[..., Design]) -> None:
        found = measure_consistency(repeated("aaaa", "aaab", "aabb"), alone(3), list("aab"))
        assert (found.items, found.calls) == (3, 4)
        # agreement 1, 1/2, 1/3; single call 1, 3/4, 1/2; vote 1, 1, 1/2
        assert values(found) == pytest.approx(
            {"unanimous": 1 / 3, "agreement": 11 / 18, "entropy": 1.8112781 / 3, "single_call": 9 / 12,
             "majority": 5 / 6, "loss": 1 / 12}
        )  # fmt: skip

    def test_without_targets(self, alone: Callable[..., Design]) -> None:
        found = measure_consistency(repeated("aa", "ab"), alone(2))
        assert (found.single_call, found.majority, found.loss) == (None, None, None)

    def test_similar_texts(self, alone: Callable[..., Design]) -> None:
        texts = Repeated("temperature 0.8", (("one two", "one two", "one"), ("one", None, "two")))

        def overlap(one: str, other: str) -> float:
            return len({*one.split()} & {*other.split()}) / len({*one.split()} | {*other.split()})

        # first item: 1, 1/2, 1/2; second: nothing
        assert measure_consistency(texts, alone(2), similarity=overlap).agreement.estimate.value == pytest.approx(1 / 3)
        assert measure_consistency(texts, alone(2)).agreement.estimate.value == pytest.approx(1 / 6)


class TestIntervals:
    def test_shares_near_their_ends(self, alone: Callable[..., Design]) -> None:
        found = measure_consistency(repeated(*["aaaa"] * 49, "aaab"), alone(50))
        assert found.unanimous.interval(0.95) == wilson_interval(49, 50, 0.95)
        all_alike = measure_consistency(repeated(*["aaaa"] * 50), alone(50))
        assert all_alike.agreement.interval(0.95).low < 0.94
        assert all_alike.entropy.interval(0.95).low == 0

    def test_the_item_is_the_cluster(self, alone: Callable[..., Design]) -> None:
        """Twice as many calls of the same items are no more items."""
        items = ["aaab", "aabb", "abcd", "aaaa", "bbbb", "abab", "aaac", "bbba"]
        short = measure_consistency(repeated(*items), alone(8)).unanimous
        long = measure_consistency(repeated(*[item * 2 for item in items]), alone(8)).unanimous
        assert short.interval(0.95) == long.interval(0.95)

    def test_copies_of_items_add_nothing(self, alone: Callable[..., Design]) -> None:
        items = ["aaab", "aabb", "abcd", "aaaa", "bbbb", "abab"] * 3
        once = measure_consistency(repeated(*items), alone(18)).agreement.estimate
        copied = Design(np.repeat(np.arange(18), 2), 1.0, 4.0)
        doubled = measure_consistency(repeated(*[item for item in items for _ in "12"]), copied)
        twice = doubled.agreement.estimate
        assert (twice.value, twice.standard_error) == pytest.approx((once.value, once.standard_error))
        share, single = doubled.unanimous.interval(0.95), measure_consistency(repeated(*items), alone(18)).unanimous
        assert share.high - share.low > single.interval(0.95).high - single.interval(0.95).low

    @given(ITEMS)
    def test_within_what_is_possible(self, items: list[list[str | None]]) -> None:
        design = Design(np.arange(len(items)), 1.0, 4.0)
        found = measure_consistency(Repeated("any", tuple(map(tuple, items))), design, ["a"] * len(items))
        ranges = dict.fromkeys(NAMES, Interval(0, 1)) | {"entropy": Interval(0, 2), "loss": Interval(-1, 1)}
        for name, possible in ranges.items():
            measure: Measure = getattr(found, name)
            interval = measure.interval(0.95)
            assert possible.low - 1e-9 <= interval.low <= interval.high <= possible.high + 1e-9
            assert possible.low - 1e-9 <= measure.estimate.value <= possible.high + 1e-9
        assert found.unanimous.estimate.value <= found.agreement.estimate.value + 1e-9

    @pytest.mark.parametrize("calls", [3, 10])
    def test_agreement_is_what_asking_again_gives(self, calls: int, alone: Callable[..., Design]) -> None:
        """Two calls give the same answer with chance .7^2 + .3^2 = .58, however many were made; unanimity falls."""
        rng = np.random.default_rng(3)
        answers = np.where(rng.random((4000, calls)) < 0.7, "a", "b")
        found = measure_consistency(Repeated("any", tuple(map(tuple, answers.tolist()))), alone(4000))
        assert found.agreement.estimate.value == pytest.approx(0.58, abs=0.02)
        assert found.unanimous.estimate.value == pytest.approx(0.7**calls + 0.3**calls, abs=0.02)


class TestTwoTemperatures:
    COLD = repeated("aaaa", "aaaa", "aaab", "bbbb")
    HOT = repeated("aaaa", "aabb", "abcd", "bbbb", setting="temperature 0.8")

    def test_paired_by_item(self, alone: Callable[..., Design]) -> None:
        found = compare_consistency(self.COLD, self.HOT, alone(4), list("aaab"))
        # unanimous 3/4 less 2/4; agreement (1 + 1 + 1/2 + 1) less (1 + 1/3 + 0 + 1); single call 15/4 less 11/4
        assert found.unanimous.estimate.value == pytest.approx(1 / 4)
        assert found.agreement.estimate.value == pytest.approx((3.5 - 7 / 3) / 4)
        assert found.entropy.estimate.value == pytest.approx((0.8112781 - 3) / 4)
        assert found.single_call is not None
        assert found.single_call.estimate.value == pytest.approx((3.75 - 2.75) / 4)
        assert found.unanimous.interval(0.95) == tango_interval(1, 0, 4, 0.95)

    @given(ITEMS)
    def test_turned_round(self, items: list[list[str | None]]) -> None:
        design, one = Design(np.arange(len(items)), 1.0, 4.0), Repeated("one", tuple(map(tuple, items)))
        other = replace(one, setting="other", answers=one.answers[::-1])
        there, back = compare_consistency(one, other, design), compare_consistency(other, one, design)
        for name in NAMES[:3]:
            forward, backward = getattr(there, name), getattr(back, name)
            assert forward.estimate.value == pytest.approx(-backward.estimate.value)
            assert forward.interval(0.9).low == pytest.approx(-backward.interval(0.9).high, abs=1e-6)
        assert values(compare_consistency(one, one, design))["agreement"] == 0

    def test_a_pair_sees_more_than_two_means(self, alone: Callable[..., Design]) -> None:
        """Items differ much, temperatures little: only the pairs show it."""
        rng = np.random.default_rng(4)
        chance = rng.random(200)
        cold, hot = (
            Repeated(name, tuple(tuple("ab"[int(u > min(1, p + more))] for u in rng.random(10)) for p in chance))
            for name, more in (("cold", 0.06), ("hot", 0.0))
        )
        change = compare_consistency(cold, hot, alone(200), ["a"] * 200).single_call
        means = [measure_consistency(setting, alone(200), ["a"] * 200).single_call for setting in (cold, hot)]
        assert change is not None
        assert change.interval(0.95).low > 0
        spread = math.hypot(*(mean.estimate.standard_error for mean in means if mean))
        assert change.estimate.standard_error < spread / 2


class TestBadInput:
    def test_calls(self) -> None:
        with pytest.raises(ValueError, match=r"temperature 0\.2: 2, 3 answers to an item; expected equally many"):
            repeated("aa", "aab")
        with pytest.raises(ValueError, match="1 answers to an item; expected equally many to each, 2 at least"):
            repeated("a", "b")
        with pytest.raises(ValueError, match="no answers to an item"):
            Repeated("temperature 0.2", ())

    def test_other_items_or_calls(self, alone: Callable[..., Design]) -> None:
        with pytest.raises(ValueError, match="expected the same items, asked equally often"):
            compare_consistency(repeated("aa", "ab"), repeated("aaa", "aab"), alone(2))
        with pytest.raises(ValueError, match="expected the same items, asked equally often"):
            compare_consistency(repeated("aa", "ab"), repeated("aa"), alone(2))

    def test_targets(self, alone: Callable[..., Design]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            measure_consistency(repeated("aa", "ab"), alone(2), ["a"])

    def test_failures_are_counted(self) -> None:
        assert repeated("a.", "..").failures == 3
