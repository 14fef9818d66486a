"""The labelled examples that the team has."""

from rules.choices import PersonalData, Reviewed
from rules.question import Section, how_many, question


class Examples(Section):
    """Inputs together with the right answer."""

    count: int | None = how_many(
        "How many examples with the right answer do you have?",
        "All of them, the ones kept aside for testing included.",
        "002",
        unit="examples",
    )
    reviewed: Reviewed | None = question(
        "Who checked the answers?",
        "Experts: somebody who knows the subject and did not write them checked each. Once: somebody looked through "
        "them. No: they come as they are, from a log for instance.",
        "001",
        "002",
    )
    consistent: bool | None = question(
        "Do the examples agree with each other?",
        "True if similar inputs have the same right answer, in the same form; free texts: the same rules and style.",
        "001",
    )
    representative: bool | None = question(
        "Do the examples look like what really comes in?",
        "True if rare kinds, difficult kinds and all groups of users occur about as often as in real use.",
        "002",
        "004",
    )
    smallest_class: int | None = how_many(
        "How many examples does the rarest category have?",
        "Count the category with the fewest examples. Leave it open if the task has no categories.",
        "004",
        unit="examples",
    )
    personal_data: PersonalData | None = question(
        "Do the examples hold data about people?",
        "No: none, or removed for good. Pseudonymised: names and numbers were replaced, and the key is kept elsewhere.",
        "002",
    )
