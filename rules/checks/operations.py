"""Rules on running the model and looking after it."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from datetime import date, timedelta
from typing import NamedTuple

from rules.finding import Finding, note, veto, warning
from rules.form import Form
from rules.policy import Policy

_DAYS_A_MONTH = 30.44


def no_rollback(form: Form, policy: Policy) -> Finding | None:
    """There is no way back to the version before.

    Why it matters: a trained model can get worse without notice, for instance when the model under it is
    updated. Without a version to return to, users live with it until the next training.
    What to do: give every prompt, data set and model a version, and practise going back once.
    Source: 002
    """
    operations = form.operations
    facts = []
    if operations.versioned is False:
        facts.append("changes get no version")
    if operations.rollback == "none":
        facts.append("there is no way to go back")
    if not facts:
        return None
    return veto(f"The form says that {' and '.join(facts)}.", fine_tuning=-25)


def nobody_retrains(form: Form, policy: Policy) -> Finding | None:
    """Nobody is named who will train again.

    Why it matters: a deployed model does not learn by itself; when the world moves, somebody has to
    collect, train and test once more.
    What to do: name the person and the time set aside for it, or choose a method that needs no training.
    Source: 002, 004
    """
    if form.operations.retraining_owner is not False:
        return None
    return warning("Nobody is named who will train the model again.", fine_tuning=-15)


def unmonitored(form: Form, policy: Policy) -> Finding | None:
    """Nobody watches the quality in use.

    Why it matters: drift is slow and silent; it is seen only by those who keep measuring.
    What to do: log inputs, outputs and corrections, and check a small random sample every week.
    Source: 002, 004
    """
    if form.operations.monitoring is not False:
        return None
    return warning("Nobody watches the quality once the model is in use.", fine_tuning=-10)


def model_retires(form: Form, policy: Policy) -> Finding | None:
    """The model under a fine-tune will be, or may be, taken away.

    Why it matters: what was trained on one model does not move to the next. When a provider switches the
    model off, closes its fine-tuning, or replaces the model under the same name, the training is lost, cannot
    be repeated or changes silently.
    What to do: choose a model that stays, fix its exact version, or train an open model that you can
    keep.
    Source: 002
    """
    operations = form.operations
    hosted = operations.hosting == "provider_api"
    retires, tuning_ends = operations.model_retires_on, operations.tuning_ends_on
    if within := _within_the_horizon(retires, form, policy):
        message = f"The model {'was' if within.past else 'is'} switched off on {retires}, {within.words}."
        return veto(message, fine_tuning=-25) if hosted and within.certain else warning(message, fine_tuning=-10)
    if hosted and (within := _within_the_horizon(tuning_ends, form, policy)):
        verb = "took" if within.past else "takes"
        message = f"The provider {verb} its last new fine-tuning jobs on {tuning_ends}, {within.words}."
        return veto(message, fine_tuning=-25) if within.certain else warning(message, fine_tuning=-10)
    if hosted and operations.model_pinned is False:
        message = "The provider may replace the model under the same name; no exact version is fixed."
        return warning(message, fine_tuning=-10)
    return None


class _Within(NamedTuple):
    """A day that falls into the time for which the result must last; certain where that time is known."""

    past: bool
    certain: bool
    words: str


def _within_the_horizon(day: date | str | None, form: Form, policy: Policy) -> _Within | None:
    if not isinstance(day, date):
        return None
    stated = form.budget.horizon_months
    # Whatever the horizon, it is a month at least.
    certain = day <= _months_from(policy.day, stated or 1)
    if not certain and (stated or day > _months_from(policy.day, policy.assumed_horizon_months)):
        return None
    months = stated or (1 if certain else policy.assumed_horizon_months)
    words = f"within the {months}-month horizon" if stated else f"within {months} months (the horizon is not answered)"
    return _Within(day < policy.day, certain, words)


def _months_from(day: date, months: int) -> date:
    return day + timedelta(days=round(months * _DAYS_A_MONTH))


def different_preprocessing(form: Form, policy: Policy) -> Finding | None:
    """Inputs are prepared differently in testing and in use.

    Why it matters: a model that sees other input in use than in its tests does worse than the tests
    promise, whichever the method.
    What to do: prepare inputs with one piece of code in both places.
    Source: 004
    """
    if form.operations.same_preprocessing is not False:
        return None
    message = "Inputs are prepared differently in testing and in use; test scores will not hold."
    return warning(message, prompting=-5, retrieval=-5, fine_tuning=-5)


def no_fallback(form: Form, policy: Policy) -> Finding | None:
    """There is no way out when the model is unsure.

    Why it matters: a score is not yet a decision. Somebody must choose from which confidence on an answer
    goes out by itself, and where the others go.
    What to do: set a threshold on held-out examples and send what lies below it to a person.
    Source: 004
    """
    if form.operations.low_confidence_fallback is not False:
        return None
    return note("Answers go out even when the model is unsure: choose a threshold and a place for the rest.")
