"""What it may cost, and what it is worth."""

from typing import Any

from rules.question import MOST, Section, question


def _money(title: str, help: str, *source: str, unit: str = "your currency") -> Any:
    return question(title, help, *source, unit=unit, ge=0, le=MOST)


class Budget(Section):
    """Money and time."""

    currency: str | None = question(
        "In which currency do you count?",
        "Three letters, such as EUR or USD.",
        "002",
        unit="three capital letters",
        max_length=3,
        pattern="^[A-Z]{3}$",
    )
    cap: float | None = _money(
        "What is the most the comparison may cost?",
        "Trying the methods out on your examples, before anything is put into use.",
        "002",
    )
    horizon_months: int | None = question(
        "For how many months must this pay off?",
        "How long you expect to use the result.",
        "002",
        unit="months",
        ge=1,
        le=120,
    )
    value_of_correct: float | None = _money(
        "What is one right answer worth?",
        "The work it saves or the income it brings.",
        "000",
        unit="your currency, per answer",
    )
    cost_of_error: float | None = _money(
        "What does one wrong answer cost?",
        "Repairing it, and what the customer thinks of it.",
        "004",
        unit="your currency, per answer",
    )
    labelling_cost: float | None = _money(
        "What does one more example with its right answer cost?",
        "The time of whoever finds the right answer.",
        "002",
        unit="your currency, per example",
    )
    hourly_rate: float | None = _money(
        "What does an hour of your team's work cost?",
        "To price preparation and upkeep.",
        "000",
        unit="your currency, per hour",
    )
    weeks_available: float | None = question(
        "How many weeks are there until it must work?",
        "Calendar weeks.",
        "002",
        unit="weeks",
        ge=0,
        le=520,
    )
