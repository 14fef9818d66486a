"""What the answers took, in words: foreseen beside measured."""

from __future__ import annotations

from evaluation.numbers import seconds
from evaluation.report import Report
from evaluation.spending import ArmSpending

NOT_KNOWN = "not known"


def spending_sentence(report: Report) -> str | None:
    """None where no answer was paid for."""
    spending = report.spending
    if spending is None:
        return None
    tokens = [_sum(arm.input_tokens, arm.output_tokens) for arm in spending.arms]
    measured = f"{_tokens(_sum(*tokens))}, {money(_sum(*(arm.cost for arm in spending.arms)), spending.currency)}"
    if not spending.paid_for:
        return f"{spending.answers:,} answers took {_tokens(_sum(*tokens))}, all of them on this machine."
    told = f"{spending.answers:,} answers took {measured}."
    if spending.foreseen_calls == 0:
        return f"{told} All of them were kept from runs before this one, so nothing was paid for."
    foreseen = _tokens(spending.foreseen_input_tokens + spending.foreseen_output_tokens)
    cost = money(spending.foreseen_cost, spending.currency)
    return f"{told} Foreseen were {spending.foreseen_calls:,} still to be asked for: about {foreseen}, {cost}."


def spending_rows(report: Report) -> list[dict[str, str]]:
    """One row of text for each arm that was asked."""
    if report.spending is None:
        return []
    currency = report.spending.currency
    return [
        {
            "title": report.arm(arm.arm).title,
            "answers": f"{arm.answers:,}",
            "read": _a_call(arm.input_tokens, arm),
            "written": _a_call(arm.output_tokens, arm),
            "thousand": money(arm.cost_of_thousand, currency),
            "serving": seconds(arm.serving_seconds),
            "queued": seconds(arm.queued_seconds),
        }
        for arm in report.spending.arms
    ]


def money(amount: float | None, currency: str | None) -> str:
    """0.0123 -> '0.0123 USD'; cents where it is more."""
    if amount is None:
        return "cost not known"
    digits = 2 if amount >= 0.1 or amount == 0 else 4
    return f"{amount:,.{digits}f} {currency or ''}".rstrip()


def _tokens(count: float | None) -> str:
    return "an unknown number of tokens" if count is None else f"{count:,.0f} tokens"


def _a_call(tokens: int | None, arm: ArmSpending) -> str:
    return NOT_KNOWN if tokens is None else f"{tokens / arm.answers:,.0f}"


def _sum(*parts: float | None) -> float | None:
    return None if None in parts else sum(part for part in parts if part is not None)
