"""Every rule, one line each. To add one, write its check and add a line."""

from typing import Final

from rules.checks import (
    behaviour,
    cost,
    examples,
    governance,
    knowledge,
    operations,
    success,
    task,
    tried,
)
from rules.estimate import Estimate
from rules.policy import Policy
from rules.rule import Rule

RULESET_VERSION: Final = "2"
"""Raised whenever a rule, its points or its meaning changes; thresholds have their own hash."""

# fmt: off
_TRIED = (
    "tried.zero_shot.tried", "tried.better_system_message.tried", "tried.few_shot.tried",
    "tried.zero_shot.score", "tried.better_system_message.score", "tried.few_shot.score",
)
_RETRIEVAL = ("tried.retrieval.tried", "tried.retrieval.score")
_BORDERS = ("governance.data_may_leave_premises", "governance.data_may_leave_region", "governance.regions")
_MODEL = (
    "operations.model_retires_on", "operations.tuning_ends_on", "budget.horizon_months", "operations.model_pinned",
)

RULES: Final[tuple[Rule[Policy], ...]] = (
    Rule("TASK01", task.changes_faster_than_retraining, ("task.change_interval",)),
    Rule("TASK02", task.too_rare_to_repay, ("task.requests_per_month",)),
    Rule("TASK03", task.stable_and_repeated, ("task.change_interval", "task.requests_per_month")),
    Rule("TASK04", task.behaviour_too_broad, ("task.narrow",)),
    Rule("TASK05", task.business_rules_unwritten, ("task.business_rules_written",)),
    Rule("TASK06", task.image_task, ("task.modality", "task.requests_per_month", "task.failures")),
    Rule("TRIED01", tried.prompting_not_tried, _TRIED[:2]),
    Rule("TRIED02", tried.few_shot_not_tried, _TRIED[2:3]),
    Rule("TRIED03", tried.retrieval_not_tried, ("knowledge.facts_needed", "tried.retrieval.tried")),
    Rule("TRIED04", tried.prompting_meets_target, ("success.target", *_TRIED, *_RETRIEVAL)),
    Rule("TRIED05", tried.prompting_fell_short,
         ("success.target", "success.worthwhile_gain", *_TRIED, *_RETRIEVAL)),
    Rule("DATA01", examples.too_few_examples, ("examples.count",)),
    Rule("DATA02", examples.few_examples, ("examples.count",)),
    Rule("DATA03", examples.inconsistent_examples, ("examples.consistent",)),
    Rule("DATA04", examples.unreviewed_examples, ("examples.reviewed",)),
    Rule("DATA05", examples.unrepresentative_examples, ("examples.representative",)),
    Rule("DATA06", examples.starved_class, ("examples.smallest_class", "task.kind")),
    Rule("DATA07", examples.enough_good_examples,
         ("examples.count", "examples.reviewed", "examples.consistent", "examples.representative")),
    Rule("TEST01", success.no_objective_check, ("success.check",)),
    Rule("TEST02", success.no_held_out_set, ("success.held_out_examples", "examples.count")),
    Rule("TEST03", success.gain_not_detectable, ("success.held_out_examples", "success.worthwhile_gain")),
    # TEST04 is about the missing answer itself, so no answer can leave it open.
    Rule("TEST04", success.no_baseline, ()),
    Rule("KNOW01", knowledge.facts_are_missing, ("task.failures",)),
    Rule("KNOW02", knowledge.facts_change, ("knowledge.facts_needed",)),
    Rule("KNOW03", knowledge.nothing_to_retrieve,
         ("knowledge.facts_needed", "knowledge.documents_available")),
    Rule("KNOW04", knowledge.citations_required, ("knowledge.citations_required", "task.kind")),
    Rule("BEHAV01", behaviour.style_or_format, ("task.failures",)),
    Rule("BEHAV02", behaviour.varies_between_runs, ("task.failures",)),
    Rule("BEHAV03", behaviour.long_prompt,
         ("task.failures", "operations.prompt_tokens", "task.requests_per_month")),
    Rule("OPS01", operations.no_rollback, ("operations.versioned", "operations.rollback")),
    Rule("OPS02", operations.nobody_retrains, ("operations.retraining_owner",)),
    Rule("OPS03", operations.unmonitored, ("operations.monitoring",)),
    Rule("OPS04", operations.model_retires, ("operations.hosting", *_MODEL)),
    Rule("OPS05", operations.different_preprocessing, ("operations.same_preprocessing",)),
    Rule("OPS06", operations.no_fallback, ("operations.low_confidence_fallback",)),
    Rule("GOV01", governance.data_must_stay, ("operations.hosting", *_BORDERS)),
    Rule("GOV02", governance.provider_may_train,
         ("governance.provider_trains_on_data", "operations.hosting")),
    Rule("GOV03", governance.tuning_availability, ("governance.regions", "operations.hosting")),
    Rule("GOV04", governance.personal_data, ("examples.personal_data",)),
)
"""Judged on the form alone."""

PLAN_RULES: Final[tuple[Rule[Estimate], ...]] = (
    Rule("COST01", cost.cap_below_estimate,
         ("budget.cap", "operations.hosting", "operations.model", "examples.count", "success.held_out_examples",
          "task.kind", "operations.prompt_tokens", "knowledge.documents_available", "budget.currency")),
)
"""Judged on the estimate of the plan that the form calls for."""
# fmt: on
