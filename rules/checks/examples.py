"""Rules on the labelled examples."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.finding import Finding, support, veto, warning
from rules.form import Form
from rules.policy import Policy


def too_few_examples(form: Form, policy: Policy) -> Finding | None:
    """Too few examples to train on.

    Why it matters: from a small set a model picks up the tone of the answers rather than what makes them
    right, and then states mistakes with confidence.
    What to do: put the best examples into the prompt, and collect checked ones from real use meanwhile.
    Source: 002
    """
    count = form.examples.count
    if count is None or count >= policy.minimum_examples:
        return None
    fewest = policy.minimum_examples
    message = f"{count:,} examples; below {fewest:,} a fine-tune learns to sound confident about the wrong things."
    # The points keep the score from rising when the fiftieth example takes the veto away.
    return veto(message, prompting=10, fine_tuning=-25)


def few_examples(form: Form, policy: Policy) -> Finding | None:
    """Only just enough examples to train on.

    Why it matters: at the lower end of what is advised, results depend on which examples happened to be
    chosen.
    What to do: add checked examples, the kinds that go wrong first, and train with several random starts.
    Source: 002
    """
    count = form.examples.count
    if count is None or not policy.minimum_examples <= count < policy.comfortable_examples:
        return None
    message = f"{count:,} examples; from {policy.comfortable_examples:,} on, results become dependable."
    return warning(message, fine_tuning=-10)


def inconsistent_examples(form: Form, policy: Policy) -> Finding | None:
    """The examples contradict each other.

    Why it matters: what is learned is only as good as what is shown; thirty examples that agree teach
    more than two hundred that do not.
    What to do: find similar inputs with different answers, decide which answer is right, drop what stays
    unclear.
    Source: 001
    """
    if form.examples.consistent is not False:
        return None
    return warning(f"{_examples(form)} do not agree with each other.", fine_tuning=-25)


def unreviewed_examples(form: Form, policy: Policy) -> Finding | None:
    """Nobody has checked the answers in the examples.

    Why it matters: training repeats every mistake in its examples, and a test against wrong answers
    measures nothing.
    What to do: let somebody who knows the subject check them, those kept aside for testing first.
    Source: 001, 002
    """
    if form.examples.reviewed != "no":
        return None
    return warning(f"{_examples(form)} were not checked by anybody.", fine_tuning=-15)


def unrepresentative_examples(form: Form, policy: Policy) -> Finding | None:
    """The examples do not look like what really comes in.

    Why it matters: a model does well on what it has seen. Whatever the examples lack fails in use, and
    the test does not show it, because the test lacks it too.
    What to do: draw examples at random from real requests, and add the rare kinds that matter.
    Source: 002, 004
    """
    if form.examples.representative is not False:
        return None
    return warning(f"{_examples(form)} do not look like real requests.", fine_tuning=-20)


def starved_class(form: Form, policy: Policy) -> Finding | None:
    """The rarest category has hardly any examples.

    Why it matters: one overall score hides a category that is always wrong, and a category with a handful
    of examples can neither be learned nor be measured.
    What to do: collect more of it or merge it with a neighbour, and read the scores category by category.
    Source: 004
    """
    smallest = form.examples.smallest_class
    if smallest is None or smallest >= policy.minimum_smallest_class:
        return None
    if form.task.kind not in (None, "classification"):
        # Only labels have categories.
        return None
    fewest = policy.minimum_smallest_class
    message = f"The rarest category has {smallest:,} examples; below {fewest:,} its score means nothing."
    return warning(message, fine_tuning=-10)


def enough_good_examples(form: Form, policy: Policy) -> Finding | None:
    """Enough examples, checked, consistent and typical.

    Why it matters: good examples decide most of how good a trained model becomes.
    What to do: keep a part aside now, before anybody writes a prompt or trains with them.
    Source: 001, 002
    """
    examples = form.examples
    checked = examples.reviewed in ("experts", "once")
    if not (checked and examples.consistent and examples.representative):
        return None
    if examples.count is None or examples.count < policy.comfortable_examples:
        return None
    return support(f"{examples.count:,} examples, checked, consistent and typical of real use.", fine_tuning=15)


def _examples(form: Form) -> str:
    count = form.examples.count
    return "The examples" if count is None else f"The {count:,} examples"
