"""Asks before a comparison spends more than somebody agreed to."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Protocol, Self

import typer

from evaluation.arm import Foreseen
from service.refusals import Refusal
from service.settings import Settings

TOO_LITTLE = (
    "The budget will probably end before that: it counts every run of this comparison. What is answered by then is "
    "kept, and the same command goes on with a larger one (--calls, --budget)."
)


class Request(Protocol):
    """What a command says of spending: `yes` agrees beforehand, and so does a `budget` or a number of `calls`."""

    @property
    def yes(self) -> bool: ...

    @property
    def budget(self) -> float | None: ...

    @property
    def calls(self) -> int | None: ...


@dataclass(frozen=True)
class Approval:
    """Up to so much money, or so many calls where no price is known, nobody is asked."""

    money: float
    calls: int
    given: bool

    @classmethod
    def of(cls, settings: Settings, request: Request) -> Self:
        given = request.yes or request.budget is not None or request.calls is not None
        return cls(settings.approve_above_money, settings.approve_above_calls, given)

    def ask(self, spending: Foreseen, *, affordable: bool = True) -> None:
        """Says what is foreseen, and whether the budget will end before that; `Refusal` unless it is little, agreed to,
        or agreed to now."""
        typer.echo(in_words(spending), err=True)
        if not affordable:
            typer.echo(TOO_LITTLE, err=True)
        if self.given or not self._is_much(spending):
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Refusal(
                "That is more than is spent without asking; agree with --yes, or set a limit with --budget MONEY or "
                "--calls NUMBER."
            )
        if not typer.confirm("Go on?", err=True):
            raise Refusal("Nothing was asked of the model.")

    def _is_much(self, spending: Foreseen) -> bool:
        return spending.calls > self.calls or (spending.cost or 0.0) > self.money


def in_words(spending: Foreseen) -> str:
    """One line."""
    cost = "no price is known" if spending.cost is None else f"about {spending.cost:,.2f} {spending.currency}"
    return (
        f"To be asked: {spending.calls:,} answers, about {spending.input_tokens + spending.output_tokens:,} tokens, "
        f"{cost}."
    )
