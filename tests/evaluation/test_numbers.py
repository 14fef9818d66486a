"""Every number that a report shows, as text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.numbers import milliseconds, percent, points, probability, seconds, unsigned_points


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0%"), (1, "100.0%"), (0.5, "50.0%"), (0.8125, "81.2%"), (0.87654, "87.7%"), (1 / 3, "33.3%"),
        (0.0004, "<0.1%"), (1e-9, "<0.1%"), (0.0006, "0.1%"), (0.9995, ">99.9%"),
        (0.9996, ">99.9%"),
        (1 - 1e-9, ">99.9%"), (0.9994, "99.9%"),
    ],
)  # fmt: skip
def test_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [
        (0.125, 0, "12%"),
        (0.876, 0, "88%"),
        (0.004, 0, "<1%"),
        (0.997, 0, ">99%"),
        (0.12345, 2, "12.35%"),
        (1, 0, "100%"),
    ],
)
def test_percent_digits(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


@given(st.floats(1e-12, 1 - 1e-12))
def test_a_share_between_0_and_1_is_never_all_or_nothing(share: float) -> None:
    assert percent(share) not in {"0.0%", "100.0%"}


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (0.034, "+3.4 points"), (-0.034, "-3.4 points"), (0, "0.0 points"), (-0.0, "0.0 points"),
        (0.0004, "0.0 points"), (-0.0004, "0.0 points"), (0.0006, "+0.1 points"), (-0.0006, "-0.1 points"),
        (0.1234, "+12.3 points"), (-0.01, "-1.0 points"),
        (1, "+100.0 points"), (-1, "-100.0 points"), (0.009, "+0.9 points"),
    ],
)  # fmt: skip
def test_points(difference: float, text: str) -> None:
    assert points(difference) == text


@pytest.mark.parametrize(("difference", "digits", "text"), [(0.034, 0, "+3 points"), (0.0342, 2, "+3.42 points")])
def test_points_digits(difference: float, digits: int, text: str) -> None:
    assert points(difference, digits) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0.034, "3.4 points"), (-0.034, "3.4 points"), (0, "0.0 points"), (-0.0004, "0.0 points")]
)
def test_sizes_have_no_sign(size: float, text: str) -> None:
    assert unsigned_points(size) == text


@given(st.floats(-1, 1))
def test_points_have_a_sign_unless_they_are_zero(difference: float) -> None:
    text = points(difference)
    assert (text[0] in "+-") == (text != "0.0 points")
    assert not text.startswith(("-0.0 ", "+0.0 "))


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0.0 s"), (0.42, "0.4 s"), (59.94, "59.9 s"), (60, "1 min 0 s"), (75, "1 min 15 s"), (75.6, "1 min 16 s"),
     (3599.4, "59 min 59 s"), (3599.6, "1 h 0 min"), (3600, "1 h 0 min"),
     (4000, "1 h 7 min"), (59.97, "1 min 0 s"), (7380, "2 h 3 min")],
)  # fmt: skip
def test_seconds(duration: float, text: str) -> None:
    assert seconds(duration) == text


@pytest.mark.parametrize(
    ("duration", "text"), [(0, "<0.1 ms"), (0.04, "<0.1 ms"), (0.06, "0.1 ms"), (12.34, "12.3 ms")]
)
def test_milliseconds(duration: float, text: str) -> None:
    assert milliseconds(duration) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.0312, "0.031"), (0.0009, "<0.001"), (0, "<0.001"), (0.001, "0.001"), (1, "1.000"), (0.5, "0.500")],
)
def test_probability(p: float, text: str) -> None:
    assert probability(p) == text


@pytest.mark.parametrize("show", [percent, points, seconds, milliseconds, probability])
def test_nothing_shows_an_exponent(show: Callable[[float], str]) -> None:
    assert "e-" not in show(1e-9)
