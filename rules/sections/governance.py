"""Where the data may go, and who may learn from it."""

from rules.choices import ProviderTraining, Regions
from rules.question import Section, question


class Governance(Section):
    """Regions, borders and the provider's terms."""

    regions: Regions | None = question(
        "Where are your users and their data?",
        "All that apply.",
        "002",
    )
    data_may_leave_region: bool | None = question(
        "May the data leave this region?",
        "False if a contract, a law or your own policy keeps it there.",
        "002",
    )
    data_may_leave_premises: bool | None = question(
        "May the data leave your own machines?",
        "False if nothing may be sent to a provider at all.",
        "002",
    )
    provider_trains_on_data: ProviderTraining | None = question(
        "Does the provider train its own models on your data?",
        "Opted out: it would, but you have switched that off.",
        "002",
    )
