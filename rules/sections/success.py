"""How anybody will know whether a change helped."""

from rules.choices import Check
from rules.question import Section, how_many, question, share


class Success(Section):
    """The measure, today's level and the level to reach."""

    check: Check | None = question(
        "How is an answer found right or wrong?",
        "Exact: it matches or it does not. Metric: a program computes a score. Rubric: people follow written "
        "criteria. Opinion: people say what they like. None: nobody checks.",
        "002",
        "004",
    )
    metric: str | None = question(
        "What is the score called?",
        "Accuracy, for instance, or the name of your own score.",
        "004",
        max_length=200,
    )
    held_out_examples: int | None = how_many(
        "How many examples are kept aside for testing only?",
        "Count them in the number of all examples, too; nobody may use them to write prompts or to train.",
        "002",
        "004",
        unit="examples",
    )
    baseline: float | None = share(
        "What part is right today?",
        "How well the way does that the new one would replace: a prompt, a program, people.",
        "004",
    )
    target: float | None = share(
        "What part must be right?",
        "The level at which you would put it into use.",
        "002",
    )
    worthwhile_gain: float | None = share(
        "What is the smallest improvement worth paying for?",
        "An improvement below this would not change what you do. 0.03 means three more right answers in a hundred.",
        "002",
    )
