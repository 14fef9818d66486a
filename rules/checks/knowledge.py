"""Rules on the facts that answers depend on."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.choices import in_words
from rules.finding import Finding, support, veto, warning
from rules.form import Form
from rules.policy import Policy


def facts_are_missing(form: Form, policy: Policy) -> Finding | None:
    """Answers are wrong because facts are missing or out of date.

    Why it matters: training teaches how an answer sounds, not facts that the model never saw. A team that
    trained on thirty support tickets got the tone of its support desk, with invented prices.
    What to do: let the model look the facts up. If the form of the answer is wrong too, fine-tune for
    that only, and together with retrieval.
    Source: 002
    """
    failures = form.task.failures or ()
    lacking = [failure for failure in failures if failure in ("missing_facts", "outdated_facts")]
    if not lacking:
        return None
    seen = in_words(lacking)
    if "inconsistent_style" in failures or "wrong_format" in failures:
        message = f"Answers fail on {seen}, and on form: training can mend the form, only retrieval the facts."
        return warning(message, retrieval=50, fine_tuning=-30)
    message = f"Answers fail on {seen}; a fine-tune alone would not know them either."
    return veto(message, retrieval=50, fine_tuning=-30)


def facts_change(form: Form, policy: Policy) -> Finding | None:
    """Right answers depend on facts that change.

    Why it matters: a document that is looked up is as fresh as its last edit; what was trained is as old
    as the training.
    What to do: keep the facts in documents that somebody maintains, retrieve from them, and test with answers that
    are right today.
    Source: 002, 004
    """
    if form.knowledge.facts_needed != "changing":
        return None
    interval = form.knowledge.change_interval
    pace = f" ({interval})" if interval else ""
    return warning(f"Answers need facts that change{pace}.", retrieval=20, fine_tuning=-20)


def nothing_to_retrieve(form: Form, policy: Policy) -> Finding | None:
    """Answers need facts that are written down nowhere.

    Why it matters: retrieval can only find what exists, and no other method can supply it either.
    What to do: write the documents: start with the questions that come up most, one page each.
    Source: 002
    """
    needed = form.knowledge.facts_needed
    if needed not in ("fixed", "changing") or form.knowledge.documents_available is not False:
        return None
    return warning(f"Answers need {needed} facts, and no document holds them.", retrieval=-30)


def citations_required(form: Form, policy: Policy) -> Finding | None:
    """Answers must say where they come from.

    Why it matters: retrieval knows which passage it used; a trained model cannot tell where it learned
    something.
    What to do: retrieve, and show the passage beside the answer.
    Source: 004
    """
    # A label has no source to show.
    if form.knowledge.citations_required is not True or form.task.kind == "classification":
        return None
    return support("A reader must be able to check the source of an answer.", retrieval=15, fine_tuning=-10)
