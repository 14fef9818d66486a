"""Rules on where the data may go and who may learn from it."""

# ruff: noqa: ARG001 (every check has the same signature, whether it needs the policy or not)

from rules.choices import in_words
from rules.finding import Finding, note, veto, warning
from rules.form import Form
from rules.policy import Policy


def data_must_stay(form: Form, policy: Policy) -> Finding | None:
    """The data may not go where the provider would train on it.

    Why it matters: tuning with a provider means uploading every example. Where data must stay decides
    which providers and regions are open at all, and the same holds for what is sent in prompts.
    What to do: take the local route: run, and if need be train, a model on machines you control. Or
    check, in writing, that the provider tunes and serves within your region.
    Source: 002
    """
    governance = form.governance
    if form.operations.hosting != "provider_api":
        return None
    personal = form.examples.personal_data == "yes"
    prompts = " Prompts and retrieved passages would carry data about people out, too." if personal else ""
    if governance.data_may_leave_premises is False:
        message = "The data may not leave your machines, and the model runs with a provider."
        return veto(message + prompts, fine_tuning=-25)
    if governance.data_may_leave_region is not False:
        return None
    regions = governance.regions or ()
    without = [region for region in regions if region not in policy.regions_with_hosted_tuning]
    if without:
        message = f"The data may not leave {in_words(without)}, where tuning with a provider cannot be counted on."
        return veto(message + prompts, fine_tuning=-25)
    home = in_words(regions) or "its region"
    message = f"The data may not leave {home}: check that the provider tunes there."
    return warning(message + prompts, fine_tuning=-10)


def provider_may_train(form: Form, policy: Policy) -> Finding | None:
    """The provider may train its own models on your data.

    Why it matters: terms differ between providers, and what has gone into somebody else's model cannot be
    taken out again.
    What to do: find the setting that switches it off, and keep a dated copy of the terms.
    Source: 002
    """
    on_own_machines = form.operations.hosting in ("self_hosted", "on_device")
    if form.governance.provider_trains_on_data != "yes" or on_own_machines:
        return None
    return warning("The provider trains its own models on your data.", fine_tuning=-15)


def tuning_availability(form: Form, policy: Policy) -> Finding | None:
    """In Asia-Pacific, tuning with a provider may not be on offer.

    Why it matters: some providers keep tuning to certain regions or to their largest customers.
    What to do: check that the provider tunes the model you want, in your region and on your plan, before
    you commit to it.
    Source: 002
    """
    if "asia_pacific" not in (form.governance.regions or ()) or form.operations.hosting != "provider_api":
        return None
    return note("Asia-Pacific, with a provider: check that tuning is available before committing to it.")


def personal_data(form: Form, policy: Policy) -> Finding | None:
    """The examples hold data about people.

    Why it matters: what a model was trained on can come out again, and cannot be deleted from it on
    request.
    What to do: replace names and numbers before any upload, and keep the key elsewhere.
    Source: 002
    """
    if form.examples.personal_data != "yes":
        return None
    return warning("The examples hold data about people, as they are.", fine_tuning=-15)
