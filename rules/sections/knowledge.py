"""The facts that a right answer depends on."""

from rules.choices import ChangeInterval, FactsNeeded
from rules.question import Section, question


class Knowledge(Section):
    """Facts, their pace and where they are written."""

    facts_needed: FactsNeeded | None = question(
        "Does a right answer need facts that only you have?",
        "Prices, product details, case files: facts that are neither in the input nor in the instruction. Fixed: they "
        "stay as they are. Changing: they are updated.",
        "002",
        "004",
    )
    change_interval: ChangeInterval | None = question(
        "How often do these facts change?",
        "The fastest of them counts: a price list that is updated every week changes weekly.",
        "002",
        "004",
    )
    documents_available: bool | None = question(
        "Are these facts written down where a program can read them?",
        "Help pages, manuals, a database. False if they are only in people's heads.",
        "002",
    )
    citations_required: bool | None = question(
        "Must an answer say where it comes from?",
        "True if a reader must be able to check the source.",
        "004",
    )
