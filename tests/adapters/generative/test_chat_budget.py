"""A budget stops before the call that would pass it, across runs and processes, and keeps what was paid for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.generative.budget import Budget, BudgetReached, Ledger
from adapters.generative.endpoint import EndpointError
from adapters.generative.exchange import ChatRequest, Reply
from adapters.generative.response_cache import ResponseCache
from rules.known_model import TokenPrices

Questions = Callable[..., list[ChatRequest]]
PRICES = TokenPrices(input=1.0, output=10.0, source="a test", seen_on=None)


def reply(input_tokens: int | None, output_tokens: int | None) -> Reply:
    return Reply("x", "stop", False, "m", None, input_tokens, output_tokens)


@contextmanager
def ledger(folder: Path, budget: Budget, comparison: str = "one") -> Iterator[Ledger]:
    with ResponseCache(folder) as cache:
        yield Ledger(cache.connection, comparison, budget)


def test_a_budget_of_calls_ends_in_the_middle_and_goes_on_where_it_ended(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.01)
    client = connect(server.url, budget=Budget(calls=31))
    with pytest.raises(BudgetReached, match=r"31 calls .*At most 31 calls\..* What was answered is kept"):
        client.ask_all(questions(100))
    assert server.calls == 31
    assert client.spent is not None
    assert client.spent.calls == 31
    with pytest.raises(BudgetReached):
        connect(server.url, budget=Budget(calls=31)).ask_all(questions(100))
    assert server.calls == 31
    answers = connect(server.url, budget=Budget(calls=101)).ask_all(questions(100))
    assert sum(answer.cached for answer in answers) == 30
    assert set(server.seen()["answered"].values()) == {1}


def test_a_budget_in_money_is_used_but_not_passed(serve, connect, questions: Questions) -> None:
    server = serve(latency=0.01)
    # An answer costs 10 tokens in and 3 out, 40 millionths; what it can cost at most is about 750.
    client = connect(server.url, budget=Budget(money=0.005, prices=PRICES))
    with pytest.raises(BudgetReached, match=r"0\.00\d\d USD are spent"):
        client.ask_all(questions(200, max_tokens=20))
    assert client.spent is not None
    assert 0.005 - 0.0008 < client.spent.money <= 0.005, "calls in work give back what they do not need"
    assert client.spent.open_calls == 0


def test_another_comparison_pays_nothing_for_what_is_there(serve, connect, questions: Questions) -> None:
    server = serve()
    connect(server.url).ask_all(questions(10))
    client = connect(server.url, budget=Budget(calls=0), comparison="other")
    assert all(answer.cached for answer in client.ask_all(questions(10)))
    assert client.spent == (0, 0, 0, 0)
    with pytest.raises(BudgetReached):
        client.ask_all(questions(11))


def test_refused_calls_cost_nothing(serve, connect, questions: Questions) -> None:
    server = serve(statuses=[200, 429, 500, 200, 503], retry_after="0.01", context=200)
    client = connect(server.url, budget=Budget(calls=21, prices=PRICES))
    answers = client.ask_all(questions(20))
    assert all(answer.error is None for answer in answers)
    assert client.spent is not None
    assert (client.spent.calls, client.spent.open_calls) == (21, 0)


def test_calls_that_reached_nobody_cost_nothing(serve, connect, questions: Questions) -> None:
    server = serve()
    client = connect(server.url, budget=Budget(prices=PRICES))
    client.ask_all(questions(5))
    spent, url = client.spent, server.url
    server.stop()
    client = connect(url, budget=Budget(prices=PRICES))
    with pytest.raises(EndpointError, match="cannot be reached"):
        client.ask_all(questions(20))
    assert client.spent == pytest.approx(spent)


def test_what_was_lost_on_the_way_counts_in_full(serve, connect, questions: Questions) -> None:
    client = connect(serve(cut_every=5).url, budget=Budget(prices=PRICES))
    client.ask_all(questions(20, max_tokens=20))
    assert client.spent is not None
    assert client.spent.calls == 21 + client.spent.open_calls
    assert client.spent.open_calls >= 4
    assert client.spent.open_money > 4 * 0.0002


def test_a_money_limit_needs_a_price() -> None:
    with pytest.raises(EndpointError, match="needs the price"):
        Budget(money=5.0)
    statement = Budget(calls=10, money=5.0).statement()
    assert "At most 10 calls" in statement
    assert "cannot be watched: no price is known" in statement


@pytest.mark.parametrize("limits", [{"calls": -1}, {"money": -1.0}, {"money": float("nan")}, {"money": float("inf")}])
def test_limits_that_are_none_are_refused(limits) -> None:
    with pytest.raises(EndpointError, match="0 or more"):
        Budget(prices=PRICES, **limits)


def test_costs_by_hand() -> None:
    assert Budget(prices=PRICES).cost(1_000_000, 200_000) == pytest.approx(1.0 + 2.0)
    assert Budget(prices=PRICES).cost(None, 5) is None
    assert Budget(prices=PRICES).cost(5, None) is None
    assert Budget().cost(5, 5) is None


def test_a_killed_process_stays_counted_at_its_most(tmp_path: Path) -> None:
    budget = Budget(money=1.0, prices=PRICES)
    with ledger(tmp_path, budget) as killed:
        assert killed.take(0.7)
    with ledger(tmp_path, budget) as next_one:
        assert not next_one.take(0.4)
        assert next_one.take(0.3)
        assert next_one.spent.open_calls == 2


def test_two_processes_share_one_budget(tmp_path: Path) -> None:
    budget = Budget(calls=3)
    with ledger(tmp_path, budget) as one, ledger(tmp_path, budget) as other:
        assert [one.take(0), other.take(0), one.take(0), other.take(0), one.take(0)] == [True] * 3 + [False] * 2


def test_an_answer_without_counts_is_taken_to_cost_its_most(tmp_path: Path) -> None:
    with ledger(tmp_path, Budget(prices=PRICES)) as book:
        book.take(0.5)
        book.settle(0.5, reply(None, None))
        assert book.spent == pytest.approx((1, 0.5, 0, 0))


@given(
    limit=st.floats(0, 10),
    calls=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1), st.sampled_from(["answer", "refusal", "loss"]))),
)
def test_no_order_of_calls_passes_the_budget(limit: float, calls: list[tuple[float, float, str]]) -> None:
    """Costs are shares of the most; whatever is taken, settled, given back or lost, spending stays within."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("create table spending (name, calls, money, open_calls, open_money)")
        book = Ledger(connection, "one", Budget(money=limit, prices=PRICES))
        paid = 0.0
        for most, share, end in calls:
            if not book.take(most):
                assert paid + most > limit - 1e-6
                continue
            if end == "answer":
                tokens = int(most * share * 1_000_000)
                book.settle(most, reply(tokens, 0))
                paid += tokens / 1_000_000
            elif end == "refusal":
                book.give_back(most)
            else:
                paid += most
            assert book.spent.money == pytest.approx(paid, abs=1e-6)
            assert book.spent.money <= limit + 1e-6
