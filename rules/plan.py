"""The comparison that an assessment calls for, and what it would take."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from rules.estimate import Estimate, estimate
from rules.family import Family
from rules.finding import Finding, Method
from rules.form import Form
from rules.judgement import Judgement
from rules.known_model import KnownModel
from rules.layout import Backend, LeftOut, PlannedArm, PlannedSplit, Sight, backend_of, lay_out, look, planned_arms
from rules.material import Material
from rules.policy import Policy
from rules.scores import MethodScore

OBSTACLES: Final = {
    "TASK06": "The comparison reads text, so images must be compared by eye.",
    "TEST01": "Nothing can be compared until there is an objective check.",
    "TEST02": "Nothing can be compared until there are more examples.",
}
"""Findings under which no comparison can run: TEST02 only where it is a veto."""

_METRICS: Final = {
    "classification": "accuracy",
    "extraction": "exact match",
    "question_answering": "right answers",
    "generation": "rubric score",
}
_UNDECIDED: Final = "the share of right answers"


class Margin(BaseModel):
    """The gain in the metric (0..1) from which an arm is worth more than a plain prompt."""

    model_config = ConfigDict(frozen=True)

    family: Family
    over_a_prompt: float


class Plan(BaseModel):
    """Which arms in which order, on which rows, by which metric and margins; what it can see and what it takes."""

    model_config = ConfigDict(frozen=True)

    obstacle: str | None = Field(description="Why nothing can be compared yet; the arms are then empty.")
    backend: Backend
    model: str | None = Field(description="The model that the form names; None where the encoder runs the arms.")
    arms: tuple[PlannedArm, ...] = Field(description="Cheapest first.")
    left_out: tuple[LeftOut, ...]
    split: PlannedSplit | None = Field(description="None while the number of examples is not known.")
    metric: str
    margins: tuple[Margin, ...]
    sight: Sight
    estimate: Estimate | None = Field(description="None while the number of examples is not known.")
    material: Material


def make_plan(
    form: Form,
    judgements: Sequence[Judgement],
    methods: Mapping[Method, MethodScore],
    material: Material,
    model: KnownModel | None,
    policy: Policy,
) -> Plan:
    """Return the plan for a judged form."""
    said = {judgement.rule.code: judgement.finding for judgement in judgements if judgement.finding}
    obstacle = _obstacle(said) or _too_few_rows(material, policy)
    backend = backend_of(form)
    left_out = _left_out(form, said, methods, backend)
    families = [family for family in Family if family not in {out.family for out in left_out}]
    split = None if obstacle else lay_out(material, policy)
    arms = () if obstacle else planned_arms(families, split, backend, policy)
    return Plan(
        obstacle=obstacle,
        backend=backend,
        model=None if backend is Backend.ENCODER else form.operations.model,
        arms=arms,
        left_out=left_out,
        split=split,
        metric=form.success.metric or _METRICS.get(form.task.kind or "", _UNDECIDED),
        margins=tuple(Margin(family=arm.family, over_a_prompt=_price(arm.family, form, policy)) for arm in arms),
        sight=look(form, material, backend, arms, split, policy),
        estimate=estimate(arms, split, backend, material, form, model, policy) if split else None,
        material=material,
    )


def _obstacle(said: Mapping[str, Finding]) -> str | None:
    if "TASK06" in said and said["TASK06"].severity != "unanswered":
        return OBSTACLES["TASK06"]
    vetoes = (code for code in ("TEST01", "TEST02") if code in said and said[code].vetoes)
    return next((OBSTACLES[code] for code in vetoes), None)


def _too_few_rows(material: Material, policy: Policy) -> str | None:
    counted = [rows for rows in (material.examples, material.test_examples) if rows is not None]
    return OBSTACLES["TEST02"] if counted and min(counted) < policy.fewest_examples else None


def _left_out(
    form: Form, said: Mapping[str, Finding], methods: Mapping[Method, MethodScore], backend: Backend
) -> tuple[LeftOut, ...]:
    out = []
    if form.task.kind != "classification":
        out.append(
            LeftOut(family=Family.HEAD, why="A head sorts texts into labels; this task does not, or is not named.")
        )
    tuning = methods[Method.FINE_TUNING]
    beatable = max(methods[Method.PROMPTING].low, methods[Method.RETRIEVAL].low)
    if tuning.vetoes:
        out.append(LeftOut(family=Family.LORA, why=f"Fine-tuning is ruled out by {', '.join(tuning.vetoes)}."))
    elif "TRIED04" in said and said["TRIED04"].points.fine_tuning:
        out.append(LeftOut(family=Family.LORA, why="A cheaper method already reaches the target (TRIED04)."))
    elif tuning.high < beatable and backend is not Backend.ENCODER:
        # On the encoder a training costs minutes, and settles more than points do.
        why = f"Fine-tuning scores at most {tuning.high}, a cheaper method at least {beatable}."
        out.append(LeftOut(family=Family.LORA, why=why))
    return tuple(out)


def _price(family: Family, form: Form, policy: Policy) -> float:
    gain = form.success.worthwhile_gain
    return (policy if gain is None else policy.model_copy(update={"worthwhile_gain": gain})).price(family)
