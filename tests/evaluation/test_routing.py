"""Thresholds against values worked by hand, and the guarantee on simulated worlds whose errors are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from evaluation.calibration import Recalibration, recalibrate
from evaluation.routing import (
    Marked,
    NoRouting,
    Routing,
    find_routing,
    items_needed,
    joint_guarantee,
    upper_bound,
)
from evaluation.statistics import Design

RUNS = 2000


def descending(count: int, wrong: Sequence[int] = ()) -> Marked:
    """Confidences 1, .99, .98, ... of `count` rows (at most 101); those numbered in `wrong` (from 0) are wrong."""
    return Marked.of([(100 - row) / 100 for row in range(count)], [row not in wrong for row in range(count)])


def routed(result: Routing | NoRouting) -> Routing:
    assert isinstance(result, Routing), result
    return result


def refused(result: Routing | NoRouting) -> NoRouting:
    assert isinstance(result, NoRouting), result
    return result


class TestItemsNeeded:
    @pytest.mark.parametrize(
        ("error", "needed"),
        [  # protocol 6
            (0.02, [149, 236, 313, 386, 456]),
            (0.05, [59, 93, 124, 153, 181]),
            (0.10, [29, 46, 61, 76, 89]),
        ],
    )
    def test_table(self, error: float, needed: list[int]) -> None:
        assert [items_needed(error, errors) for errors in range(5)] == needed

    @given(st.floats(0.005, 0.5), st.integers(0, 20), st.sampled_from([0.8, 0.95, 0.99]))
    def test_no_row_fewer_would_do(self, error: float, errors: int, confidence: float) -> None:
        needed = items_needed(error, errors, confidence)
        # P(as few errors or fewer at exactly this error) falls to 1 - confidence just there.
        assert stats.binom.cdf(errors, needed, error) <= 1 - confidence + 1e-9
        assert stats.binom.cdf(errors, needed - 1, error) > 1 - confidence - 1e-9

    def test_rows_that_count_for_less(self) -> None:
        # (1 - .1)^n = .05 at n = 28.43; two rows count as one: 56.87; cross-fitted: times 1.22^2, 42.32
        assert items_needed(0.10, 0, worth=2) == 57
        assert items_needed(0.10, 0, worth=1.22**2) == 43


@pytest.mark.parametrize(
    ("errors", "trials", "bound"),
    [
        (0, 29, 1 - 0.05 ** (1 / 29)),  # (1 - p)^29 = .05
        (1, 2, math.sqrt(0.95)),  # 1 - p^2 = .05
        (9, 10, 0.95 ** (1 / 10)),  # 1 - p^10 = .05
        (10, 10, 1),
        (0, 0, 1),
    ],
)
def test_upper_bound(errors: int, trials: int, bound: float) -> None:
    assert upper_bound(errors, trials, 0.95) == pytest.approx(bound)


class TestFixedSequence:
    def test_the_last_step_before_the_first_failure(self, alone: Callable[..., Design]) -> None:
        # 10% takes 29, 46, 61 rows with 0, 1, 2 errors. 30 and 40 rows: none; 50: one; 60: two, which fails.
        # From there on there are no errors: 2 in 100 would pass, but the sequence has ended.
        routing = routed(find_routing(descending(100, wrong=[45, 55]), alone(100), 0.10))
        assert routing.threshold == 0.5
        assert routing.automatic_share == pytest.approx(0.5)
        assert routing.to_a_person_share == pytest.approx(0.5)
        assert routing.error == pytest.approx(1 / 50)
        # 50 p (1 - p)^49 + (1 - p)^50 = .05
        p = routing.upper_bound
        assert 50 * p * (1 - p) ** 49 + (1 - p) ** 50 == pytest.approx(0.05)
        assert [routing.is_automatic(value) for value in (0.51, 0.5, None)] == [True, False, False]
        assert routing.guarantee == (
            "Answers with a confidence above 0.5 go out by themselves, the rest to a person: 50.0% of the 100 tested "
            "rows, 2.0% of them wrong. With 95% confidence at most 10% of such answers are wrong, as long as what "
            "comes in is like the tested rows and the arm stays as it was tested."
        )

    def test_all_right(self, alone: Callable[..., Design]) -> None:
        routing = routed(find_routing(descending(100), alone(100), 0.05))
        assert (routing.threshold, routing.automatic_share, routing.to_a_person_share) == (None, 1, 0)
        assert routing.error == 0
        assert routing.upper_bound == pytest.approx(1 - 0.05**0.01)
        assert routing.is_automatic(0.0)
        assert not routing.is_automatic(None)
        assert routing.guarantee.startswith("All answers go out by themselves: 100.0% of the 100 tested rows, 0.0% of")

    def test_all_wrong(self, alone: Callable[..., Design]) -> None:
        result = refused(find_routing(descending(100, wrong=range(100)), alone(100), 0.10))
        assert result.rows_needed is None
        assert result.reason == (
            "No threshold can be certified with 100 rows: of the 30 most confident 100.0% were wrong, more than 10%. "
            "More rows would hardly change that; a better arm or a higher target would."
        )

    def test_the_first_step_that_could_pass_decides(self, alone: Callable[..., Design]) -> None:
        # 5% takes 59 rows, so of 100 rows 60% is the first step; its two errors take 124.
        result = refused(find_routing(descending(100, wrong=[3, 40]), alone(100), 0.05))
        assert result.rows_needed == 124
        assert result.reason == (
            "No threshold can be certified with 100 rows: the 60 most confident had 2 errors; with so many, 124 are "
            "needed for 5%."
        )

    def test_too_few_rows_for_any_threshold(self, alone: Callable[..., Design]) -> None:
        result = refused(find_routing(descending(40), alone(40), 0.05))
        assert result.rows_needed == 59
        assert result.reason == (
            "No threshold can be certified with 40 rows: even without an error 59 routed rows are needed for 5%."
        )

    def test_no_confidences(self, alone: Callable[..., Design]) -> None:
        result = refused(find_routing(Marked.of([None] * 50, [True] * 50), alone(50), 0.10))
        assert result.reason == "No threshold can be certified: the arm gives no confidence with its answers."
        assert result.rows_needed is None

    def test_answers_without_a_confidence_go_to_a_person(self, alone: Callable[..., Design]) -> None:
        confidences = [None if row % 10 == 0 else 0.5 + row / 1000 for row in range(100)]
        routing = routed(
            find_routing(Marked.of(confidences, [value is not None for value in confidences]), alone(100), 0.1)
        )
        assert routing.threshold is None
        assert routing.automatic_share == pytest.approx(0.9)
        assert routing.error == 0
        assert routing.guarantee.startswith(
            "All answers that have a confidence go out by themselves, the rest to a person: 90.0% of the 100 tested"
        )

    def test_more_confidence_asks_for_more(self, alone: Callable[..., Design]) -> None:
        marked = descending(100, wrong=[45])
        assert isinstance(find_routing(marked, alone(100), 0.10, confidence=0.95), Routing)
        # .9^30 = .042, .9^40 = .015, .9^50 = .005: at 99% the first step is 50 rows, with its error.
        assert refused(find_routing(marked, alone(100), 0.10, confidence=0.99)).rows_needed == 64

    @pytest.mark.parametrize(("target", "confidence"), [(0, 0.95), (1, 0.95), (0.1, 1), (0.1, 0)])
    def test_impossible_targets(self, target: float, confidence: float, alone: Callable[..., Design]) -> None:
        with pytest.raises(ValueError, match="expected both between 0 and 1"):
            find_routing(descending(50), alone(50), target, confidence)

    def test_bad_confidences(self) -> None:
        with pytest.raises(ValueError, match=r"A confidence of 1\.2; expected 0 to 1"):
            Marked.of([0.3, 1.2], [True, True])
        with pytest.raises(ValueError, match="A confidence of nan"):
            Marked.of([math.nan], [True])
        with pytest.raises(ValueError, match="2 confidences for 1 marked answers"):
            Marked.of([0.3, 0.2], [True])


class TestTies:
    def test_equal_confidences_are_never_divided(self, alone: Callable[..., Design]) -> None:
        # Steps of 30 to 50 rows would cut through the 60 equal ones, so the first step is all of them.
        marked = Marked.of([0.9] * 60 + [0.2] * 40, [True] * 60 + [False] * 40)
        routing = routed(find_routing(marked, alone(100), 0.05))
        assert routing.automatic_share == pytest.approx(0.6)
        assert 0.2 <= (routing.threshold or 0) < 0.9

    def test_one_confidence_for_all_is_all_or_nothing(self, alone: Callable[..., Design]) -> None:
        assert routed(find_routing(Marked.of([0.7] * 60, [True] * 60), alone(60), 0.05)).automatic_share == 1
        one_wrong = Marked.of([0.7] * 60, [True] * 59 + [False])
        assert refused(find_routing(one_wrong, alone(60), 0.05)).rows_needed == 93

    def test_the_last_bits_of_a_sum_make_no_difference(self, alone: Callable[..., Design]) -> None:
        # The wrong rows look a hair less sure; cutting there would certify 60 right rows.
        wrong = [1 - 2**-53] * 40
        result = find_routing(Marked.of([1.0] * 60 + wrong, [True] * 60 + [False] * 40), alone(100), 0.05)
        assert isinstance(result, NoRouting)

    @given(
        st.lists(st.tuples(st.sampled_from([0.2, 0.5, 1 / 3, 0.9, 0.99, 0.999999, 1.0]), st.booleans()), min_size=30)
    )
    def test_the_threshold_routes_what_was_counted(self, rows: list[tuple[float, bool]]) -> None:
        # Mostly right, so that something is certified.
        marked = Marked.of([confidence for confidence, _ in rows], [True] * len(rows))
        result = find_routing(marked, Design(np.arange(len(rows)), 1.0, 4.0), 0.25)
        if isinstance(result, Routing):
            automatic = [result.is_automatic(confidence) for confidence, _ in rows]
            assert sum(automatic) == round(result.automatic_share * len(rows))


class TestRowsThatAreNotIndependent:
    def test_pairs_count_as_one(self) -> None:
        # Two by two: 40 rows are 20 independent ones, 60 are 30; 29 are needed.
        pairs = Design(np.repeat(np.arange(50), 2), 1.0, 4.0)
        routing = routed(find_routing(descending(100, wrong=range(70, 100)), pairs, 0.10))
        assert routing.automatic_share == pytest.approx(0.7)
        assert routing.upper_bound == pytest.approx(1 - 0.05 ** (1 / 35))
        assert routing.guarantee.endswith(
            "Rows that resemble each other or were cross-fitted count for less: 70 as 35."
        )

    def test_one_large_cluster_weighs_most(self, alone: Callable[..., Design]) -> None:
        # 40 rows in one cluster and 60 alone: sizes squared 1,660 over 100 rows, so 16.6 rows count as one.
        together = np.concatenate([np.zeros(40, dtype=np.int64), np.arange(1, 61)])
        confidences = np.random.default_rng(1).permutation(100) / 100
        marked = Marked.of(confidences.tolist(), [True] * 100)
        result = refused(find_routing(marked, Design(together, 1.0, 4.0), 0.10))
        assert result.rows_needed == math.ceil(16.6 * math.log(0.05) / math.log(0.9))
        assert isinstance(find_routing(marked, alone(100), 0.10), Routing)

    def test_cross_fitted_rows_count_for_less(self, alone: Callable[..., Design]) -> None:
        marked = descending(80, wrong=range(40, 80))
        assert isinstance(find_routing(marked, alone(80), 0.10), Routing)
        # 43 rows are needed without an error, so 48 is the first step; the 8 errors among them are too many.
        assert isinstance(find_routing(marked, alone(80, inflation=1.22), 0.10), NoRouting)


def test_several_targets_at_once(alone: Callable[..., Design]) -> None:
    results = [find_routing(descending(100), alone(100), target) for target in (0.05, 0.10)]
    assert (
        joint_guarantee(results[:1]) == "The guarantee holds with 95% confidence for a target that was set beforehand."
    )
    assert joint_guarantee(results) == (
        "Each of the 2 targets has its guarantee with 95% confidence by itself; that all hold together, with at least "
        "90%, and so has a target picked after seeing the shares."
    )


GRID = np.linspace(0, 1, 20_001)


def right_at(confidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chance of being right in the world of the protocol's reference simulation: 14% wrong in all."""
    return np.asarray(expit(-1.3 + 5.2 * confidence))


WRONG_ABOVE = np.cumsum((stats.beta.pdf(GRID, 2.2, 1.0) * (1 - right_at(GRID)))[::-1])[::-1]
MASS_ABOVE = np.cumsum(stats.beta.pdf(GRID, 2.2, 1.0)[::-1])[::-1]


def error_above(threshold: float) -> float:
    """The true error of what is more confident than this."""
    return float(np.interp(threshold, GRID, WRONG_ABOVE / MASS_ABOVE))


def naive_threshold(marked: Marked, target: float) -> float | None:
    """The largest coverage whose measured error meets the target: what one would do without statistics."""
    order = np.argsort(-marked.confidence)
    wrong, confidence = ~marked.right[order], marked.confidence[order]
    counts = [len(wrong) * share // 100 for share in range(30, 101, 10)]
    good = [count for count in counts if wrong[:count].mean() <= target]
    return float(confidence[max(good) - 1]) if good else None


class TestGuarantee:
    """Protocol, criterion 8: the target is violated in at most 5% of the simulations (reference 1.2%)."""

    def test_the_world_is_the_reference_one(self) -> None:
        assert error_above(0.0) == pytest.approx(0.14, abs=0.002)

    @pytest.mark.parametrize("n", [200, 500])
    def test_target_of_ten_percent(self, n: int, alone: Callable[..., Design]) -> None:
        rng, design = np.random.default_rng([8, n]), alone(n)
        violated = violated_naively = 0
        for _ in range(RUNS):
            confidence = rng.beta(2.2, 1.0, n)
            marked = Marked(confidence.round(9), rng.random(n) < right_at(confidence))
            result = find_routing(marked, design, 0.10)
            violated += isinstance(result, Routing) and error_above(result.threshold or 0.0) > 0.10
            naive = naive_threshold(marked, 0.10)
            violated_naively += naive is not None and error_above(naive) > 0.10
        assert violated / RUNS <= 0.02
        assert violated_naively / RUNS > 0.15

    def test_a_confidence_that_says_nothing(self, alone: Callable[..., Design]) -> None:
        # Every threshold has an error just above the target: the hardest world. 30 rows without an error: .9^30 = 4.2%.
        rng, design, n = np.random.default_rng(9), alone(100), 100
        violated = sum(
            isinstance(find_routing(Marked(rng.random(n), rng.random(n) >= 0.1001), design, 0.10), Routing)
            for _ in range(RUNS)
        )
        assert 0.03 <= violated / RUNS <= 0.05

    def test_near_duplicates(self, alone: Callable[..., Design]) -> None:
        # Each text twice, right or wrong together; counted as single rows, the target is violated far too often.
        rng, n, runs = np.random.default_rng(10), 120, 1000
        pairs = Design(np.repeat(np.arange(n // 2), 2), 1.0, 4.0)
        violated = violated_if_ignored = 0
        for _ in range(runs):
            marked = Marked(np.repeat(rng.random(n // 2), 2), np.repeat(rng.random(n // 2) >= 0.1001, 2))
            violated += isinstance(find_routing(marked, pairs, 0.10), Routing)
            violated_if_ignored += isinstance(find_routing(marked, alone(n), 0.10), Routing)
        assert violated / runs <= 0.05
        assert violated_if_ignored / runs > 0.10

    def test_the_best_of_five_arms_needs_more_confidence(self, alone: Callable[..., Design]) -> None:
        rng, design, n, runs = np.random.default_rng(11), alone(100), 100, 1000
        violated = violated_at_95 = 0
        for _ in range(runs):
            right = rng.random((5, n)) >= 0.1001
            best = Marked(rng.random(n), right[right.sum(axis=1).argmax()])
            violated += isinstance(find_routing(best, design, 0.10, confidence=0.99), Routing)
            violated_at_95 += isinstance(find_routing(best, design, 0.10, confidence=0.95), Routing)
        assert violated / runs <= 0.05
        assert violated_at_95 / runs > 0.07


def simulated(temperature: float, labels: int, n: int, seed: int) -> Marked:
    """Answers of an arm whose logits are too large by the factor `temperature`."""
    rng, chance = np.random.default_rng(seed), float(logit(1 / labels))
    above_chance = rng.gamma(4.0, 1.2, n)
    right = rng.random(n) < expit(chance + above_chance)
    return Marked.of(expit(chance + temperature * above_chance).tolist(), right.tolist())


class TestRecalibration:
    def recalibrated(self, marked: Marked, labels: int = 10, design: Design | None = None) -> Recalibration:
        rows = Design(np.arange(len(marked.right)), 1.0, 4.0)
        found = recalibrate(marked, design or rows, labels, np.random.default_rng(1))
        assert found is not None
        return found

    def test_one_confidence_for_all(self) -> None:
        # 80 of 100 right at a confidence of .9. Platt's targets: (80 * 81/82 + 20 * 1/22) / 100 = .79934.
        # T = logit(.9) / logit(.79934) = 2.19722 / 1.38216; Brier (80 * .01 + 20 * .81) / 100.
        found = self.recalibrated(Marked.of([0.9] * 100, [True] * 80 + [False] * 20), labels=2)
        assert found.apply(0.9) == pytest.approx((80 * 81 / 82 + 20 / 22) / 100)
        assert found.temperature == pytest.approx(1.58970, abs=1e-4)
        assert found.brier.before.value == pytest.approx(0.17)
        assert found.log_loss.before.value == pytest.approx(-(0.8 * math.log(0.9) + 0.2 * math.log(0.1)))

    @pytest.mark.parametrize("labels", [2, 10, 77])
    @pytest.mark.parametrize("temperature", [0.5, 2.0])
    def test_finds_the_temperature_and_mends_what_is_off(self, labels: int, temperature: float) -> None:
        found = self.recalibrated(simulated(temperature, labels, 1500, seed=3), labels)
        assert found.temperature == pytest.approx(temperature, rel=0.15)
        assert found.brier.change.high < 0
        assert found.log_loss.change.high < 0
        assert found.brier.after.value < found.brier.before.value

    def test_leaves_alone_what_is_right(self) -> None:
        found = self.recalibrated(simulated(1.0, 10, 1500, seed=4))
        assert found.temperature == pytest.approx(1.0, abs=0.1)
        assert found.log_loss.change.low < 0.002
        assert found.log_loss.change.high > 0

    def test_after_is_measured_on_other_rows(self) -> None:
        # Coin flips at every confidence: what is fitted cannot beat an even guess on rows it has not seen.
        rng = np.random.default_rng(5)
        found = self.recalibrated(Marked.of(rng.uniform(0.5, 1, 400).tolist(), (rng.random(400) < 0.5).tolist()), 2)
        assert found.log_loss.after.value > math.log(2) - 0.002
        assert found.temperature > 5

    @given(st.floats(0.1, 1.0), st.floats(0.1, 1.0), st.sampled_from([0.5, 2.0]))
    def test_the_order_stays(self, one: float, other: float, temperature: float) -> None:
        found = self.recalibrated(simulated(temperature, 10, 120, seed=6))
        low, high = sorted((one, other))
        assert 0 < found.apply(low) <= found.apply(high) < 1

    def test_an_even_guess_stays_one(self) -> None:
        assert self.recalibrated(simulated(2.0, 10, 400, seed=7)).apply(0.1) == pytest.approx(0.1)

    @pytest.mark.parametrize("right", [True, False])
    def test_all_right_or_all_wrong_is_finite(self, right: bool) -> None:
        found = self.recalibrated(Marked.of(np.linspace(0.2, 1, 120).tolist(), [right] * 120))
        assert 1 / 20 <= found.temperature <= 20
        assert math.isfinite(found.log_loss.before.value)
        assert math.isfinite(found.log_loss.after.high)

    def test_rows_that_repeat_each_other_widen(self) -> None:
        once = simulated(2.0, 10, 200, seed=8)
        twice = Marked(np.repeat(once.confidence, 2), np.repeat(once.right, 2))
        together = self.recalibrated(twice, design=Design(np.repeat(np.arange(200), 2), 1.0, 4.0)).brier.before
        apart = self.recalibrated(twice).brier.before
        assert together.high - together.low > 1.3 * (apart.high - apart.low)

    def test_rows_without_a_confidence_are_left_out(self) -> None:
        marked = simulated(2.0, 10, 200, seed=9)
        some = Marked(np.append(marked.confidence, [np.nan] * 5), np.append(marked.right, [False] * 5))
        assert self.recalibrated(some).temperature == self.recalibrated(marked).temperature

    def test_too_little_to_fit(self, alone: Callable[..., Design]) -> None:
        rng = np.random.default_rng(1)
        assert recalibrate(simulated(2.0, 10, 99, seed=1), alone(99), 10, rng) is None
        one_cluster = Design(np.zeros(200, dtype=np.int64), 1.0, 4.0)
        assert recalibrate(simulated(2.0, 10, 200, seed=1), one_cluster, 10, rng) is None
        with pytest.raises(ValueError, match="1 labels"):
            recalibrate(simulated(2.0, 10, 200, seed=1), alone(200), 1, rng)
