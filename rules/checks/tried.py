"""Rules on what has been tried so far."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.finding import Finding, support, warning
from rules.form import Attempt, Form
from rules.policy import Policy


def prompting_not_tried(form: Form, policy: Policy) -> Finding | None:
    """A good instruction has not been tried.

    Why it matters: wording costs an afternoon and is often all that is missing. Without a try nobody
    knows what training would have to beat.
    What to do: write a plain instruction, then a careful one with the rules spelled out, and measure both
    on the same examples.
    Source: 001, 002
    """
    untried = [
        words
        for words, attempt in (
            ("a plain instruction", form.tried.zero_shot),
            ("a carefully rewritten instruction", form.tried.better_system_message),
        )
        if attempt.tried is False
    ]
    if not untried:
        return None
    return warning(f"Not tried yet: {' and '.join(untried)}.", prompting=15, fine_tuning=-15)


def few_shot_not_tried(form: Form, policy: Policy) -> Finding | None:
    """Examples in the prompt have not been tried.

    Why it matters: a handful of well-chosen examples in the prompt often closes the gap that training was
    meant to close, and can be changed within the hour.
    What to do: put a few typical and a few difficult examples into the prompt and measure again.
    Source: 002
    """
    if form.tried.few_shot.tried is not False:
        return None
    message = f"Not tried yet: {policy.few_demonstrations} to {policy.many_demonstrations} examples in the prompt."
    return warning(message, prompting=10, fine_tuning=-10)


def retrieval_not_tried(form: Form, policy: Policy) -> Finding | None:
    """Answers need facts, and looking them up has not been tried.

    Why it matters: a model that is handed the right passage can quote it; one that was trained on similar
    answers only imitates how they sound.
    What to do: let the model see the passages that fit the question, and measure again before any
    training.
    Source: 002
    """
    needed = form.knowledge.facts_needed
    if needed not in ("fixed", "changing") or form.tried.retrieval.tried is not False:
        return None
    return warning(f"Answers need {needed} facts, and looking them up was not tried.", retrieval=15, fine_tuning=-10)


def prompting_meets_target(form: Form, policy: Policy) -> Finding | None:
    """A cheaper method already reaches the target.

    Why it matters: where a prompt or a lookup is good enough, training adds cost, upkeep and risk for a
    gain that nobody asked for.
    What to do: skip the fine-tune; put the cheaper method into use and watch it.
    Source: 002
    """
    # Without a target, only a perfect score is sure to reach it.
    target = 1.0 if form.success.target is None else form.success.target
    tried = form.tried
    prompting = _best((tried.zero_shot, tried.better_system_message, tried.few_shot))
    retrieval = _best((tried.retrieval,))
    scores = {"Prompting": prompting, "Retrieval": retrieval}
    met = {method: score for method, score in scores.items() if score is not None and score >= target}
    if not met:
        return None
    facts = " and ".join(f"{method} reaches {score:.1%}" for method, score in met.items())
    wanted = "there is no more to want" if target == 1 else f"the target is {target:.1%}"
    return warning(
        f"{facts}; {wanted}.",
        prompting=25 if "Prompting" in met else 0,
        retrieval=25 if "Retrieval" in met else 0,
        fine_tuning=-50,
    )


def prompting_fell_short(form: Form, policy: Policy) -> Finding | None:
    """Prompting was tried in earnest and stays well below the target.

    Why it matters: once the cheap ways are used up and measured, what is still missing is the honest case
    for training.
    What to do: keep the best prompt and its score; it is what a fine-tune must beat on the same examples.
    Source: 002
    """
    target, worthwhile = form.success.target, form.success.worthwhile_gain
    instructions = (form.tried.zero_shot, form.tried.better_system_message)
    attempts = (*instructions, form.tried.few_shot)
    looked_up = form.tried.retrieval
    in_earnest = form.tried.few_shot.tried and any(attempt.tried for attempt in instructions)
    if target is None or worthwhile is None or not in_earnest:
        return None
    if any(attempt.tried is not False and attempt.score is None for attempt in attempts) or (
        looked_up.tried and looked_up.score is None
    ):
        # A score that nobody wrote down might be the one that reaches the target.
        return None
    best = _best((*attempts, looked_up))
    # Rounded, because 0.9 - 0.8 is a hair more than 0.1 to a computer.
    if best is None or round(target - best - worthwhile, 9) <= 0:
        return None
    gap = (target - best) * 100
    message = f"The best cheap way reaches {best:.1%}, {gap:.1f} points below the target of {target:.1%}."
    return support(message, fine_tuning=15)


def _best(attempts: tuple[Attempt, ...]) -> float | None:
    """Return the best score that is certain: what was tried and not counted got nothing right, at worst."""
    scores = (attempt.score or 0.0 for attempt in attempts if attempt.tried)
    return max(scores, default=None)
