"""The way through the rules: an answered form in, an assessment out. Nothing is read or written."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from rules.advice import Advice, advise
from rules.catalogue import RULESET_VERSION
from rules.fill_in import FilledIn, fill_in, filled_in_from_material, filled_in_from_model
from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.judgement import judge, judge_estimate
from rules.known_model import KnownModel
from rules.material import Material, material_of
from rules.next_questions import NextQuestion, next_questions
from rules.outlook import LIMITS, would_change
from rules.plan import Plan, make_plan
from rules.policy import DEFAULT_POLICY, Policy
from rules.readiness import Readiness, readiness
from rules.regions import RegionalNote, regional_notes
from rules.scores import MethodScore, scores
from rules.vendor_questions import VendorQuestion, vendor_questions

_WEIGHT: Final = {severity: place for place, severity in enumerate(Severity)}


class Ruleset(BaseModel):
    """Who judged: the version of the rules and the hash of the thresholds."""

    model_config = ConfigDict(frozen=True)

    version: str
    sha256: str


class Assessment(BaseModel):
    """One judged form."""

    model_config = ConfigDict(frozen=True)

    ruleset: Ruleset
    as_of: date
    filled_in: tuple[FilledIn, ...] = Field(description="What the named model, or a file of examples, answers.")
    methods: dict[Method, MethodScore]
    readiness: Readiness
    findings: tuple[Finding, ...]
    next_questions: tuple[NextQuestion, ...]
    advice: Advice
    plan: Plan
    regional_notes: tuple[RegionalNote, ...] = Field(description="What to check in the regions that the form names.")
    vendor_questions: tuple[VendorQuestion, ...] = Field(description="A checklist for whoever sells or builds it.")
    limits: tuple[str, ...]
    would_change: tuple[str, ...]


def assess(
    form: Form,
    policy: Policy = DEFAULT_POLICY,
    model: KnownModel | None = None,
    material: Material | None = None,
) -> Assessment:
    """Judge a form. Equal forms get equal assessments; a policy without a day takes today's.

    `model` is what is known about the model that the form names: it answers what the form leaves open. `material` is
    what a file of examples holds; without it the plan counts on what the form says.
    """
    policy = policy.dated()
    filled_in = (*filled_in_from_model(form, model), *filled_in_from_material(material))
    form = fill_in(form, filled_in)
    judgements = judge(form, policy)
    plan = make_plan(form, judgements, scores(judgements), material or material_of(form, policy), model, policy)
    judgements += judge_estimate(form, judgements, plan.obstacle, plan.estimate)
    methods = scores(judgements)
    ready = readiness(form, judgements)
    questions = next_questions(form, judgements)
    advice = advise(judgements, methods, ready, questions, plan, policy)
    findings = tuple(
        sorted(
            (judgement.finding for judgement in judgements if judgement.finding),
            key=lambda finding: _WEIGHT[finding.severity],
        )
    )
    return Assessment(
        ruleset=Ruleset(version=RULESET_VERSION, sha256=policy.sha256()),
        as_of=policy.day,
        filled_in=filled_in,
        methods=methods,
        readiness=ready,
        findings=findings,
        next_questions=questions,
        advice=advice,
        plan=plan,
        regional_notes=regional_notes(form),
        vendor_questions=vendor_questions(form),
        limits=LIMITS,
        would_change=would_change(advice, findings),
    )
