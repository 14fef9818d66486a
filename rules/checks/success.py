"""Rules on how success is measured."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from math import inf

from rules.finding import Finding, unanswered, veto, warning
from rules.form import Form
from rules.policy import Policy
from rules.power import gain_shown_by, items_to_show


def no_objective_check(form: Form, policy: Policy) -> Finding | None:
    """There is no objective way to tell a right answer from a wrong one.

    Why it matters: without a check nobody can say whether training helped, and the next discussion is
    about taste.
    What to do: write down what makes an answer acceptable, as a list that two people apply in the same
    way.
    Source: 002
    """
    check = form.success.check
    if check not in ("opinion", "none"):
        return None
    how = "a matter of opinion" if check == "opinion" else "not checked at all"
    return veto(f"Whether an answer is right is {how}.", fine_tuning=-25)


def no_held_out_set(form: Form, policy: Policy) -> Finding | None:
    """Too few examples are kept aside to test on.

    Why it matters: a model that is tested on what it was trained on looks good and fails in use. Very
    small tests give scores that jump with every other draw.
    What to do: set examples aside before anybody works with the rest, and let nobody look at them until
    the end.
    Source: 002, 004
    """
    count, held_out = form.examples.count, form.success.held_out_examples
    enough, wanted = policy.fewest_examples, policy.minimum_held_out_examples
    if count is not None and count < enough:
        message = f"{count:,} examples in all, kept aside or not; below {enough:,} nothing can be compared."
        # DATA01 takes its points for the same number; these keep the score from falling with the thirtieth example.
        return veto(message, fine_tuning=-10)
    if held_out is None or held_out >= wanted:
        return None
    return warning(f"{held_out:,} examples are kept aside for testing; {wanted:,} are needed.", fine_tuning=-10)


def gain_not_detectable(form: Form, policy: Policy) -> Finding | None:
    """The test is too small to show the improvement that would be worth paying for.

    Why it matters: below that size the answer to the question whether it helped is a coin toss, whatever
    the method.
    What to do: keep more examples aside, or accept that only a larger improvement can be proved.
    Source: 002
    """
    held_out, gain = form.success.held_out_examples, form.success.worthwhile_gain
    # Whatever gain is worth paying for, it is at most the whole.
    needed = items_to_show(1.0 if gain is None else gain, policy)
    if needed == inf:
        message = "A gain of next to nothing cannot be shown with any number of examples."
        return warning(message, fine_tuning=-10)
    if held_out is None or held_out >= needed:
        return None
    smallest = gain_shown_by(held_out, policy)
    shown = "no gain at all" if smallest >= 1 else f"at best a gain of {smallest * 100:.1f} points"
    wanted = "even the largest" if gain is None else f"the {gain * 100:.1f} points that would be worth paying for"
    message = f"{held_out:,} test examples can show {shown}; {wanted} would take at least {needed:,.0f}."
    return warning(message, fine_tuning=-10)


def no_baseline(form: Form, policy: Policy) -> Finding | None:
    """Nobody has measured how well it works today.

    Why it matters: an improvement is a difference, and a difference needs two numbers.
    What to do: score today's way, whatever it is, on the examples that are kept aside.
    Source: 002, 004
    """
    if form.success.baseline is not None:
        return None
    return unanswered("Not answered: what part is right today. Whether a change helped cannot be told.")
