"""Rules on what the planned comparison takes."""

from typing import Final

from rules.estimate import Estimate, Money
from rules.finding import Finding, note
from rules.form import Form

_UNPRICED_TRAINING: Final = (
    "The calls fit the cap, but the price of hosted training is not known: give training_price in a model file."
)

ABOVE_THE_CAP: Final = -10
"""Points of fine-tuning."""


def cap_below_estimate(form: Form, estimate: Estimate) -> Finding | None:
    """The planned comparison may cost more than it is allowed to.

    Why it matters: a comparison that is stopped half-way has spent the money and settled nothing; and whoever
    cannot pay for the comparison cannot pay for renewing a fine-tune either.
    What to do: raise the cap, leave the fine-tune for a second round, compare on fewer examples, or start
    with a cheaper model.
    Source: 002
    """
    cap, money = form.budget.cap, estimate.money
    if cap is None:
        return None
    if money is None:
        return note("What the comparison costs cannot be held against the cap: no price of the model is known.")
    if money.high == 0:
        return None
    currency = form.budget.currency or money.currency
    if currency != money.currency:
        message = f"The cap is in {currency}, the known prices are in {money.currency}: not compared."
        return note(f"{message} A model file may give prices in {currency}.")
    if money.high <= cap:
        return note(_UNPRICED_TRAINING) if _training_is_unpriced(estimate) else None
    message = f"The comparison would cost {_amount(money)}; the cap is {currency} {cap:,.2f}."
    return note(message, fine_tuning=ABOVE_THE_CAP)


def _training_is_unpriced(estimate: Estimate) -> bool:
    return bool(estimate.trainings and estimate.prices and estimate.prices.training is None)


def _amount(money: Money) -> str:
    if money.low == money.high:
        return f"{money.currency} {money.low:,.2f}"
    return f"{money.currency} {money.low:,.2f} to {money.high:,.2f}"
