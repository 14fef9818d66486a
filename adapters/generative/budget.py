"""What a comparison may spend on calls, and the ledger of what it has spent."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

from adapters.generative.endpoint import EndpointError
from adapters.generative.exchange import Reply
from rules.known_model import TokenPrices

MILLION = 1_000_000
ROUNDING = 1e-9
"""Of a currency's unit: sums of many small amounts are not exact."""


class BudgetReached(EndpointError):
    """The next call could have passed the budget, so it was not made."""


@dataclass(frozen=True)
class Budget:
    """Limits of one comparison; None for no limit. Without prices only calls can be counted."""

    calls: int | None = None
    money: float | None = None
    prices: TokenPrices | None = None

    def __post_init__(self) -> None:
        if (self.calls is not None and self.calls < 0) or (self.money is not None and not 0 <= self.money < math.inf):
            raise EndpointError("A budget is a number of calls, or an amount of money, of 0 or more.")
        if self.money is not None and self.prices is None and self.calls is None:
            raise EndpointError(
                "A budget in money needs the price of the model's tokens, which is not known. Give it in a model file, "
                "or set a budget in calls."
            )

    def cost(self, input_tokens: int | None, output_tokens: int | None) -> float | None:
        """Of one answer, in the currency of the prices; None if a price or a count is missing. Discounts for parts of
        prompts that a server has kept are not counted."""
        if self.prices is None or input_tokens is None or output_tokens is None:
            return None
        return (input_tokens * self.prices.input + output_tokens * self.prices.output) / MILLION

    def most(self, input_bytes: int, max_tokens: int) -> float:
        """The most that a call can cost; 0 without prices."""
        return self.cost(input_bytes, max_tokens) or 0.0

    def statement(self) -> str:
        """For the report: what holds, and what cannot."""
        if self.calls is None and self.money is None:
            return "No limit is set on calls or money."
        calls = "" if self.calls is None else f"{self.calls:,} calls"
        if self.money is None:
            return f"At most {calls}."
        if self.prices is None:
            return f"At most {calls}; the limit of {self.money:,.2f} in money cannot be watched: no price is known."
        money = f"{self.money:,.2f} {self.prices.currency}"
        return f"At most {' and '.join(filter(None, (calls, money)))}."


class Spent(NamedTuple):
    """`open_` is the part that belongs to calls whose end is not known: in work, lost on the way, or cut off by a kill.
    They count at the most that they can cost."""

    calls: int
    money: float
    open_calls: int
    open_money: float


class Ledger:
    """What a comparison has spent, on disk and across runs and processes.

    A call's most is taken out before it is made, in one statement, and put right when its end is known. So no number of
    processes passes the budget together, and what a killed process had in work stays counted.
    """

    def __init__(self, connection: sqlite3.Connection, comparison: str, budget: Budget) -> None:
        self._connection, self._name, self.budget = connection, comparison, budget
        connection.execute("insert or ignore into spending values (?, 0, 0, 0, 0)", (comparison,))

    def take(self, most: float) -> bool:
        """Whether the budget allows a call that costs so much at most; if so it is taken out."""
        calls = self.budget.calls if self.budget.calls is not None else 2**62
        money = self.budget.money if self.budget.money is not None and self.budget.prices is not None else math.inf
        done = self._connection.execute(
            "update spending set calls = calls + 1, money = money + ?1, open_calls = open_calls + 1,"
            " open_money = open_money + ?1 where name = ?2 and calls + 1 <= ?3 and money + ?1 <= ?4",
            (most, self._name, calls, money + ROUNDING),
        )
        return done.rowcount == 1

    def covers(self, calls: int, money: float | None) -> bool:
        """Whether so much more stays within the budget; a cost that is not known is taken to do so."""
        limits, spent = self.budget, self.spent
        too_many = limits.calls is not None and spent.calls + calls > limits.calls
        too_dear = limits.money is not None and money is not None and spent.money + money > limits.money + ROUNDING
        return not too_many and not too_dear

    def settle(self, most: float, reply: Reply) -> None:
        """A call was answered: its real cost is known, or, without counts, taken to be the most."""
        cost = self.budget.cost(reply.input_tokens, reply.output_tokens)
        self._change(0, (most if cost is None else cost) - most, most)

    def give_back(self, most: float) -> None:
        """A call was refused, or never reached the server: it costs nothing."""
        self._change(-1, -most, most)

    @property
    def spent(self) -> Spent:
        row = self._connection.execute(
            "select calls, money, open_calls, open_money from spending where name = ?", (self._name,)
        ).fetchone()
        return Spent(*row)

    def reached(self) -> BudgetReached:
        """The end of a run that the budget stops."""
        spent, prices = self.spent, self.budget.prices
        money = "" if prices is None else f" and {spent.money:,.4f} {prices.currency}"
        unknown = f" ({spent.open_calls:,} of them lost on the way, counted in full)" if spent.open_calls else ""
        return BudgetReached(
            f"The budget allows no further call: {spent.calls:,} calls{unknown}{money} are spent. "
            f"{self.budget.statement()} It counts every run of this comparison. What was answered is kept; run the "
            "same command again with a larger budget."
        )

    def _change(self, calls: int, money: float, most: float) -> None:
        self._connection.execute(
            "update spending set calls = calls + ?1, money = max(0, money + ?2),"
            " open_calls = open_calls - 1, open_money = max(0, open_money - ?3) where name = ?4",
            (calls, money, most, self._name),
        )
