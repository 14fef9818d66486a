"""Six questions to put to whoever sells or builds the model, and what the form already says on each (source 004)."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from rules.form import Form


class VendorQuestion(BaseModel):
    """One question, what a good answer contains, and what is known of it."""

    model_config = ConfigDict(frozen=True)

    question: str
    good_answer: str
    known: str | None = None
    """What the form says about it; nothing where it says nothing."""


class _Asked(NamedTuple):
    question: str
    good_answer: str
    facts: Callable[[Form], Iterator[str | None]]


def vendor_questions(form: Form) -> tuple[VendorQuestion, ...]:
    """Return the six questions with what the form already tells."""
    return tuple(
        VendorQuestion(question=asked.question, good_answer=asked.good_answer, known=_sentence(asked.facts(form)))
        for asked in _SIX
    )


def _change_in_use(form: Form) -> Iterator[str | None]:
    operations = form.operations
    yield _either(
        operations.model_pinned,
        "one exact version of the model is fixed",
        "the provider may replace the model under the same name",
    )
    yield _either(operations.versioned, "every change gets a version", "changes get no version")
    if operations.rollback:
        way_back = f"going back takes {operations.rollback}"
        yield "there is no way back" if operations.rollback == "none" else way_back


def _training_dates(form: Form) -> Iterator[str | None]:
    operations = form.operations
    yield _either(
        operations.retraining_owner,
        "somebody is named who will train it again",
        "nobody is named who will train it again",
    )
    if isinstance(operations.model_retires_on, date):
        yield f"the model is switched off on {operations.model_retires_on}"
    if isinstance(operations.tuning_ends_on, date):
        yield f"new fine-tuning jobs are taken until {operations.tuning_ends_on}"


def _training_data(form: Form) -> Iterator[str | None]:
    on_data = {
        "no": "the provider does not train on your data",
        "opted_out": "you have opted out of the provider's training on your data",
        "yes": "the provider trains on your data",
    }
    if form.governance.provider_trains_on_data:
        yield on_data[form.governance.provider_trains_on_data]
    yield _either(
        form.examples.representative,
        "your examples look like real requests",
        "your examples do not look like real requests",
    )


def _unsure(form: Form) -> Iterator[str | None]:
    yield _either(
        form.operations.low_confidence_fallback,
        "there is a way out when the model is unsure",
        "there is no way out when the model is unsure",
    )


def _pace_and_price(form: Form) -> Iterator[str | None]:
    latency, requests, budget = form.operations.latency_ms, form.task.requests_per_month, form.budget
    if latency is not None:
        yield f"an answer may take {latency:,} milliseconds"
    if requests is not None:
        yield f"there are {requests:,} requests a month"
    if budget.cap is not None:
        cap = f"{budget.cap:,.2f}".removesuffix(".00")
        yield f"the comparison may cost at most {cap} {budget.currency or 'in your currency'}"


def _watching(form: Form) -> Iterator[str | None]:
    success = form.success
    yield _either(
        form.operations.monitoring, "somebody watches the quality in use", "nobody watches the quality in use"
    )
    if success.baseline is not None:
        yield f"{success.baseline:.1%} is right today"
    if success.target is not None:
        yield f"{success.target:.1%} must be right"


_SIX: Final = (
    _Asked(
        "Does the model change while it is in use, and if so, who checks each change?",
        "A plain no; or a yes with a record of every change, a test before it counts and a way back.",
        _change_in_use,
    ),
    _Asked(
        "When was it last trained, and when will it be trained again?",
        "Two dates, what would bring the second one forward, and the name of whoever is in charge of it.",
        _training_dates,
    ),
    _Asked(
        "Which data was it trained on, and does that look like what we will send?",
        "Where the data came from and when, how it was compared with real requests, and whether ours will be added.",
        _training_data,
    ),
    _Asked(
        "What happens when it is unsure?",
        "A threshold that was set on examples kept out of training, and a person or a queue for what lies below it.",
        _unsure,
    ),
    _Asked(
        "How fast must an answer come, at once or collected overnight, and what may it cost?",
        "A time that nearly all answers keep, and a price per answer at our volume, each with a limit.",
        _pace_and_price,
    ),
    _Asked(
        "Who watches the quality once it is in use, and what would show that it got worse?",
        "A named measure with a limit, how often somebody looks at it, and who is told when it is crossed.",
        _watching,
    ),
)


def _either(answer: bool | None, yes: str, no: str) -> str | None:
    if answer is None:
        return None
    return yes if answer else no


def _sentence(facts: Iterator[str | None]) -> str | None:
    known = "; ".join(fact for fact in facts if fact)
    return f"{known[0].upper()}{known[1:]}." if known else None
