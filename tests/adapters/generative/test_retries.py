"""How long a call waits before it is tried again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.generative.call import Call
from adapters.generative.refusals import Loss, Lost, Refused
from adapters.generative.retries import Patience, retry_after

NOW = 1_700_000_000.0
"""14 November 2023, 22:13:20 UTC."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1"}, 1.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:00 GMT"}, 0.0),
        ({}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_what_a_server_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, NOW) == seconds


def test_waits_double_up_to_the_longest() -> None:
    patience, rng = Patience(first_seconds=0.5, longest_seconds=30), random.Random(0)
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30], start=1):
        waits = [patience.wait(attempt, None, rng) for _ in range(200)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
        assert max(waits) - min(waits) > longest / 4, "calls that failed together do not return together"


@given(asked=st.floats(0, 1e6), attempt=st.integers(1, 10_000), seed=st.integers())
def test_what_is_asked_for_is_kept_whatever_the_attempt(asked: float, attempt: int, seed: int) -> None:
    assert asked <= Patience().wait(attempt, asked, random.Random(seed)) <= asked * 1.05


def waits(outcomes: list[Refused | Lost], patience: Patience, seconds: float = 0.0) -> list[bool]:
    """Whether another attempt follows on each outcome, `seconds` apart."""
    call, rng = Call(b"", {}, 1, 0.0, 0.0), random.Random(0)
    followed = []
    for number, outcome in enumerate(outcomes):
        call.attempts += 1
        followed.append(call.wait(outcome, patience, patience.attempts, rng, number * seconds) is not None)
    return followed


def refused(status: int, retry: float | None = None) -> Refused:
    return Refused(status, "", "", retry)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529, 408])
def test_statuses_that_are_tried_again(status: int) -> None:
    assert waits([refused(status)], Patience()) == [True]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 501])
def test_statuses_that_are_not(status: int) -> None:
    assert waits([refused(status)], Patience()) == [False]


def test_an_account_without_credit_is_no_rate_limit() -> None:
    assert waits([Refused(429, "insufficient_quota", "", 1.0)], Patience()) == [False]


def test_failures_end_after_the_attempts_and_refusals_for_capacity_do_not_count() -> None:
    patience = Patience(attempts=3, limited_seconds=1000)
    assert waits([refused(500)] * 3, patience) == [True, True, False]
    assert waits([refused(429, 0.0)] * 20 + [refused(500)] * 3, patience) == [True] * 22 + [False]


def test_refusals_for_capacity_end_with_patience() -> None:
    patience = Patience(limited_seconds=10)
    assert waits([refused(429, 1.0)] * 12, patience, seconds=1.0)[:9] == [True] * 9
    assert waits([refused(429, 1.0)] * 12, patience, seconds=1.0)[-1] is False
    assert waits([refused(429, 11.0)], patience) == [False]


def test_a_call_that_may_have_been_paid_for_is_repeated_once() -> None:
    assert waits([Lost(Loss.SILENT)] * 2, Patience(timeouts=2)) == [True, False]


@pytest.mark.parametrize("loss", [Loss.DROPPED, Loss.NOT_REACHED, Loss.UNREADABLE])
def test_lost_connections_are_tried_again(loss: Loss) -> None:
    assert waits([Lost(loss)] * 3, Patience(attempts=3)) == [True, True, False]
