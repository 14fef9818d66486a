"""How the model will be run and looked after."""

from rules.choices import AnnouncedDay, Hosting, Rollback
from rules.question import Section, how_many, question


class Operations(Section):
    """Running, watching and going back."""

    versioned: bool | None = question(
        "Does every change get a version that you can name?",
        "True if you can say which prompt, data and model gave an answer last month.",
        "002",
        "004",
    )
    rollback: Rollback | None = question(
        "How fast can you go back to the version before?",
        "None if nobody knows how.",
        "002",
    )
    retraining_owner: bool | None = question(
        "Is somebody named who will train it again?",
        "A trained model ages: somebody must have the task and the time to renew it.",
        "002",
        "004",
    )
    monitoring: bool | None = question(
        "Does somebody watch the quality once it is in use?",
        "True if you would notice within days that answers got worse.",
        "002",
        "004",
    )
    low_confidence_fallback: bool | None = question(
        "Is there a way out when the model is unsure?",
        "Handing the case to a person, for instance.",
        "004",
    )
    same_preprocessing: bool | None = question(
        "Is the input prepared in the same way in testing and in use?",
        "Cleaning, cutting, changing capitals: true if the same program does it in both places.",
        "004",
    )
    model: str | None = question(
        "Which model do you use or plan to use?",
        "The name as its provider writes it. If we know it, the dates below and its price need no answer.",
        "002",
        max_length=200,
    )
    model_pinned: bool | None = question(
        "Is one exact version of the model fixed?",
        "False if the provider may replace the model under the same name.",
        "002",
    )
    model_retires_on: AnnouncedDay | None = question(
        "When is the model switched off?",
        "The day the provider announced; not_announced if you looked and found none.",
        "002",
        unit="date",
    )
    tuning_ends_on: AnnouncedDay | None = question(
        "Until when can you train the model with its provider?",
        "The last day the provider announced; not_announced if you looked and found none. Several are closing "
        "this offer.",
        "002",
        unit="date",
    )
    hosting: Hosting | None = question(
        "Where does the model run?",
        "With a provider, on machines you control, or on the user's device.",
        "002",
    )
    gpu_available: bool | None = question(
        "Is a graphics processor (GPU) available for training?",
        "Your own or rented. Small models also train without one.",
        "000",
    )
    latency_ms: int | None = how_many(
        "How long may one answer take?",
        "The longest time that a user or the next program accepts.",
        "000",
        "004",
        unit="milliseconds",
    )
    prompt_tokens: int | None = how_many(
        "How long is the prompt you send each time?",
        "Instructions and examples together, without the input. A token is about three quarters of a word.",
        "002",
        unit="tokens",
    )
