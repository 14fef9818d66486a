"""What the model is asked to do, and what goes wrong today."""

from rules.choices import ChangeInterval, Failures, Kind, Modality
from rules.question import Section, how_many, question


class Task(Section):
    """The task: what the model is asked to do."""

    name: str | None = question(
        "What do you call this task?",
        "A short name, so that you find the assessment again.",
        "002",
        max_length=200,
    )
    description: str | None = question(
        "What goes in, and what must come out?",
        "One or two sentences, such as: a customer's message goes in, the team that should answer it comes out.",
        "004",
        max_length=5000,
    )
    kind: Kind | None = question(
        "What kind of task is it?",
        "Classification picks from a fixed list. Extraction pulls details out of a text. Question answering "
        "answers from facts. Generation writes or rewrites a text.",
        "004",
    )
    modality: Modality | None = question(
        "Is it about text or images?",
        "Images are judged by the rules only: the comparison reads text.",
        "000",
        "001",
    )
    narrow: bool | None = question(
        "Is it one well-defined behaviour?",
        "True if it is one kind of decision or text, and not several tasks in one.",
        "002",
    )
    business_rules_written: bool | None = question(
        "Are the rules for a right answer written down?",
        "True if there is a page today by which two colleagues would decide alike, unusual inputs included.",
        "002",
    )
    change_interval: ChangeInterval | None = question(
        "How often does the task itself change?",
        "New categories, a new tone, new rules. New prices or other facts do not count here; they come below.",
        "002",
    )
    requests_per_month: int | None = how_many(
        "How many requests a month?",
        "How often the model will be asked to do this, once it is in use.",
        "002",
        unit="requests per month",
    )
    failures: Failures | None = question(
        "What goes wrong today?",
        "All that apply; an empty list if nothing does. Facts missing or invented, or out of date, the wrong format, a "
        "style that wanders, confused categories, instructions ignored, other answers on every run, too slow "
        "or too expensive.",
        "000",
        "001",
        "002",
    )
