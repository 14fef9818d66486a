"""The pace holds where few calls are refused, falls where many are, and comes back."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.generative.pace import Pace


def test_it_begins_with_all_places() -> None:
    assert Pace(32).places(0.0) == 32


def test_a_few_refusals_change_nothing() -> None:
    """One in twenty, in random order: the places stay, for a refused call costs nothing but its round trip."""
    pace, rng = Pace(32), random.Random(1)
    for number in range(10_000):
        if rng.random() < 0.05:
            pace.refused(number, number, 1.0)
        else:
            pace.answered(number)
    assert pace.places(10_000.0) >= 24


def test_one_in_three_refused_brings_it_down_step_by_step() -> None:
    pace = Pace(32)
    for number in range(30):
        pace.refused(number, number, 1.0) if number % 3 == 0 else pace.answered(number)
    assert pace.places(100.0) == 25
    assert pace.paused_until < 0, "a third is refused, two thirds get through: no pause"


def test_nothing_gets_through_pauses_and_halves() -> None:
    pace = Pace(32)
    for number in range(8):
        pace.refused(0.0, 1.0 + number / 100, 5.0)
    assert pace.places(2.0) == 0
    assert pace.places(6.08) == 16


def test_calls_begun_before_the_pause_do_not_halve_it_again() -> None:
    pace = Pace(32)
    for _ in range(32):
        pace.refused(0.0, 1.0, 5.0)
    assert pace.places(7.0) == 16


def test_a_long_outage_leaves_one_call_that_tries() -> None:
    pace, now = Pace(32), 0.0
    for _ in range(50):
        now = max(now, pace.paused_until)
        assert pace.places(now) >= 1
        pace.refused(now, now, 1.0)
    assert pace.places(pace.paused_until) == 1


def test_after_an_outage_it_is_back_in_few_steps() -> None:
    pace, now = Pace(32), 0.0
    for _ in range(32):
        pace.answered(0.0)
    for _ in range(200):
        now = max(now, pace.paused_until) + 0.001
        pace.refused(now, now, 1.0)
    now = pace.paused_until
    answers = 0
    while pace.places(now) < 32:
        pace.answered(now)
        answers += 1
    assert answers <= 1 + 2 + 4 + 8 + 16


def test_beyond_what_has_worked_it_feels_its_way() -> None:
    """A server that takes ten at once: the pace settles near ten, not at thirty-two."""
    pace, rng = Pace(32), random.Random(2)
    held = []
    for step in range(3000):
        places = pace.places(float("inf"))
        held.append(places)
        for _ in range(places):
            share = max(0.0, places - 10) / places
            pace.refused(step, step, 0.0) if rng.random() < share else pace.answered(step)
    assert 9 <= sum(held[300:]) / len(held[300:]) <= 13


@settings(max_examples=50)
@given(most=st.integers(1, 64), outcomes=st.lists(st.sampled_from(["answer", "refusal"]), max_size=500))
def test_never_below_one_nor_above_all(most: int, outcomes: list[str]) -> None:
    pace = Pace(most)
    for number, outcome in enumerate(outcomes):
        pace.answered(number) if outcome == "answer" else pace.refused(number, number, 0.0)
        assert 1 <= pace.places(number) <= most
