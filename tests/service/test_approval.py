"""Who is asked before money is spent."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from evaluation.arm import Foreseen
from service.commands.approval import Approval, in_words
from service.refusals import Refusal
from service.settings import Settings


@dataclass(frozen=True)
class Command:
    yes: bool = False
    budget: float | None = None
    calls: int | None = None


CHEAP = Foreseen(100, 10_000, 500, 0.05, "USD")
DEAR = Foreseen(100, 10_000, 500, 5.0, "USD")
MANY = Foreseen(100_000, 10_000, 500, None, None)


def approval(command: Command = Command()) -> Approval:
    return Approval.of(Settings(), command)


def test_little_is_spent_without_asking(capsys: pytest.CaptureFixture[str]) -> None:
    approval().ask(CHEAP)
    assert "100 answers, about 10,500 tokens, about 0.05 USD" in capsys.readouterr().err


@pytest.mark.parametrize("spending", [DEAR, MANY])
def test_much_is_refused_where_nobody_can_be_asked(spending: Foreseen) -> None:
    with pytest.raises(Refusal, match="--yes"):
        approval().ask(spending)


@pytest.mark.parametrize("command", [Command(yes=True), Command(budget=10), Command(calls=100)])
def test_whoever_agreed_or_set_a_limit_is_not_asked(command: Command) -> None:
    approval(command).ask(DEAR)


def test_an_unknown_price_is_said() -> None:
    assert "no price is known" in in_words(MANY)
