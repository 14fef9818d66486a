"""Rules on the task itself."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.choices import speed
from rules.finding import Finding, note, support, veto, warning
from rules.form import Form
from rules.policy import Policy


def changes_faster_than_retraining(form: Form, policy: Policy) -> Finding | None:
    """The task changes faster than a model can be trained again.

    Why it matters: training freezes the task as it was on the day the examples were collected. A prompt
    or a document can be edited the same afternoon; a trained model needs new examples, a new run and a
    new test.
    What to do: keep what changes in the prompt or in the documents, and fine-tune only what stays the
    same.
    Source: 002
    """
    interval = form.task.change_interval
    if interval is None or speed(interval) < speed(policy.interval_that_strains_retraining):
        return None
    if speed(interval) < speed(policy.interval_that_outruns_retraining):
        message = f"The task changes {interval}; each change ages a trained model."
        return warning(message, prompting=5, retrieval=10, fine_tuning=-25)
    message = f"The task changes {interval}; a trained model would be out of date before it is tested."
    return veto(message, prompting=5, retrieval=10, fine_tuning=-40)


def too_rare_to_repay(form: Form, policy: Policy) -> Finding | None:
    """The task comes up too rarely to repay the work of training.

    Why it matters: collecting, training, testing and renewing cost the same for ten requests as for ten
    thousand.
    What to do: stay with a good prompt; come back when the volume has grown.
    Source: 002
    """
    requests = form.task.requests_per_month
    if requests is None or requests >= policy.minimum_requests_per_month:
        return None
    message = (
        f"{requests:,} requests a month; below {policy.minimum_requests_per_month:,} a fine-tune rarely "
        "repays "
        "its upkeep."
    )
    return warning(message, prompting=10, fine_tuning=-15)


def stable_and_repeated(form: Form, policy: Policy) -> Finding | None:
    """The task stays the same and is repeated often.

    Why it matters: a stable task that is asked again and again gives training the time to pay for itself.
    What to do: fix the wording of the task now, so that examples collected today still hold at the next
    training.
    Source: 002
    """
    interval, requests = form.task.change_interval, form.task.requests_per_month
    if interval is None or requests is None:
        return None
    if speed(interval) > speed(policy.interval_that_counts_as_stable):
        return None
    if requests < policy.minimum_requests_per_month:
        return None
    pace = "never changes" if interval == "never" else f"changes {interval}"
    return support(f"The task {pace} and is asked {requests:,} times a month.", fine_tuning=10)


def behaviour_too_broad(form: Form, policy: Policy) -> Finding | None:
    """The wanted behaviour is too broad to train.

    Why it matters: fine-tuning sharpens one narrow behaviour. Spread over many, the examples for each are
    few, and nobody can say afterwards which of them got better.
    What to do: split off the part that matters most, describe it on one page, and assess that part again.
    Source: 002
    """
    if form.task.narrow is not False:
        return None
    return warning("The form says the task is not one well-defined behaviour.", fine_tuning=-20)


def business_rules_unwritten(form: Form, policy: Policy) -> Finding | None:
    """Nobody has written down what a right answer is.

    Why it matters: where colleagues would decide differently, examples contradict each other, and every
    method learns the contradiction. No prompt, document or training run can settle a rule that nobody has
    settled.
    What to do: let those who decide write the rules for a right answer, with the unusual cases, then ask
    again.
    Source: 002
    """
    if form.task.business_rules_written is not False:
        return None
    message = "The rules for a right answer are not written down; there is nothing firm to teach."
    return veto(message, fine_tuning=-25)


def image_task(form: Form, policy: Policy) -> Finding | None:
    """The task is about images, which the comparison cannot score.

    Why it matters: the comparison reads text. For images the rules still hold: a look that must stay the
    same is better trained than described, while for occasional use a careful prompt is enough.
    What to do: keep a small set of clean, consistent images, train on part of it, and let people compare
    the results side by side without knowing which is which.
    Source: 000, 001
    """
    if form.task.modality != "image":
        return None
    start = "An image task: judged by the rules only, the comparison refuses images."
    requests, failures = form.task.requests_per_month, form.task.failures
    if requests is not None and requests < policy.minimum_requests_per_month:
        return note(f"{start} At {requests:,} a month, prompting is the proportionate way.", prompting=10)
    if requests is not None and failures is not None and "inconsistent_style" in failures:
        return note(f"{start} The look must hold from one image to the next.", fine_tuning=15)
    return note(start)
