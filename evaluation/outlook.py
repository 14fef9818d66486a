"""What comes after a verdict: the price of certainty, the way back, and until when it holds. Read from the form."""

from __future__ import annotations

from datetime import date

from pydantic import BaseModel, ConfigDict

from evaluation.decision import Verdict, VerdictKind
from rules.form import Form

_REPEAT = {
    "daily": "a day",
    "weekly": "a week",
    "monthly": "a month",
    "quarterly": "three months",
    "yearly": "a year",
}


class Outlook(BaseModel):
    """Three texts; `price_of_settling` is None where nothing is left to settle."""

    model_config = ConfigDict(frozen=True)

    price_of_settling: str | None
    roll_back: str
    holds_until: str


def look_ahead(verdict: Verdict, form: Form | None, labelled: int) -> Outlook:
    """`labelled` is the number of test rows that the verdict rests on."""
    answered = form or Form()
    return Outlook(
        price_of_settling=_price_of_settling(verdict, answered, labelled),
        roll_back=_roll_back(verdict, answered),
        holds_until=_holds_until(answered),
    )


def _price_of_settling(verdict: Verdict, form: Form, labelled: int) -> str | None:
    if verdict.settling is None or verdict.settling.items is None:
        return None
    more = max(0, verdict.settling.items - labelled)
    cost, currency = form.budget.labelling_cost, form.budget.currency or "(currency not given)"
    if cost is None:
        return f"{more:,} more labelled rows; what one costs is not answered in the form (budget.labelling_cost)."
    return f"{more:,} more labelled rows at {cost:g} {currency} each: about {more * cost:,.0f} {currency}."


def _roll_back(verdict: Verdict, form: Form) -> str:
    answered = form.operations.rollback
    by_form = {
        None: "How long going back takes is not answered in the form (operations.rollback).",
        "none": "The form says there is no way back (operations.rollback): make one before anything goes live.",
    }.get(answered, f"The form says going back takes {answered}.")
    if verdict.kind is VerdictKind.FINE_TUNE:
        return (
            "Keep today's prompt or index deployable beside the adapter; the adapter is one folder, so going back "
            f"means not loading it. {by_form}"
        )
    return f"Nothing to undo but a prompt, an index or a head: keep each version. {by_form}"


def _holds_until(form: Form) -> str:
    again = "Compare again when labels, data or the base model change"
    retires = form.operations.model_retires_on
    by_model = f" The model named in the form retires on {retires}." if isinstance(retires, date) else ""
    interval = form.task.change_interval
    if interval is None:
        return f"{again}; how often the task changes is not answered in the form (task.change_interval).{by_model}"
    if interval == "never":
        return f"{again}; by the form the task does not change.{by_model}"
    return f"{again}, at the latest after {_REPEAT[interval]}: so often the task changes by the form.{by_model}"
