"""Rules on how the model behaves today."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.choices import in_words
from rules.finding import Finding, support
from rules.form import Form
from rules.policy import Policy


def style_or_format(form: Form, policy: Policy) -> Finding | None:
    """The style or the format of the answers does not hold.

    Why it matters: a steady tone, look or structure is what training is best at; a prompt has to ask for
    it anew on every request.
    What to do: try a stricter instruction first. If it does not hold, fine-tune on examples that all show
    the same style.
    Source: 000, 001, 002
    """
    failures = form.task.failures or ()
    seen = [failure for failure in failures if failure in ("inconsistent_style", "wrong_format")]
    if not seen:
        return None
    return support(f"Answers fail on {in_words(seen)}.", prompting=5, fine_tuning=20)


def varies_between_runs(form: Form, policy: Policy) -> Finding | None:
    """The same input gives another answer on every run.

    Why it matters: much of this is chance that the settings let in. Whoever trains against it pays for
    what two settings would have done.
    What to do: lower the temperature and fix the seed, then measure again before anything else.
    Source: 000
    """
    if "varies_between_runs" not in (form.task.failures or ()):
        return None
    message = (
        f"Answers vary between runs: set the temperature to {policy.low_temperature:g} and a fixed seed, "
        "then "
        "measure again."
    )
    return support(message, prompting=5, fine_tuning=5)


def long_prompt(form: Form, policy: Policy) -> Finding | None:
    """The prompt is long and sent often, or the answers are too slow or too expensive.

    Why it matters: what a model has learned need not be said again with each request, so a trained model
    can do with a shorter prompt.
    What to do: shorten the prompt first; then let the break-even in the report decide, not the wish.
    Source: 000, 002
    """
    failures = form.task.failures or ()
    slow = [failure for failure in failures if failure in ("too_slow", "too_expensive")]
    if slow:
        return support(f"Answers are {in_words(slow)}; a shorter prompt may mend that.", fine_tuning=10)
    tokens, requests = form.operations.prompt_tokens, form.task.requests_per_month
    if tokens is None or requests is None:
        return None
    if tokens <= policy.long_prompt_tokens or requests < policy.high_volume_requests_per_month:
        return None
    message = f"A prompt of {tokens:,} tokens is sent {requests:,} times a month."
    return support(message, fine_tuning=10)
