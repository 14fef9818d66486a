"""What accuracy is worth in money, from the answered form (protocol 4)."""

from rules.form import Form
from rules.policy import Policy


def worth_of_point(form: Form, policy: Policy) -> float | None:
    """Return what one more right answer in a hundred is worth over the horizon, in the form's currency.

    Requests over the horizon, times the worth of a right answer and the cost of a wrong one, each 0 where it is not
    answered. None where neither is, or the number of requests is not; an open horizon is the policy's.
    """
    worth = (form.budget.value_of_correct or 0.0) + (form.budget.cost_of_error or 0.0)
    requests = form.task.requests_per_month
    if not requests or not worth:
        return None
    return 0.01 * worth * requests * (form.budget.horizon_months or policy.assumed_horizon_months)
