"""The way through the rules: an answered form in, an assessment out. Nothing is read or written."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict

from rules.advice import Advice, advise
from rules.catalogue import RULESET_VERSION
from rules.finding import Finding, Method, Severity
from rules.form import Form
from rules.judgement import judge
from rules.next_questions import NextQuestion, next_questions
from rules.outlook import LIMITS, would_change
from rules.policy import DEFAULT_POLICY, Policy
from rules.readiness import Readiness, readiness
from rules.scores import MethodScore, scores

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
    methods: dict[Method, MethodScore]
    readiness: Readiness
    findings: tuple[Finding, ...]
    next_questions: tuple[NextQuestion, ...]
    advice: Advice
    limits: tuple[str, ...]
    would_change: tuple[str, ...]


def assess(form: Form, policy: Policy = DEFAULT_POLICY) -> Assessment:
    """Judge a form. Equal forms get equal assessments; a policy without a day takes today's."""
    policy = policy.dated()
    judgements = judge(form, policy)
    methods = scores(judgements)
    ready = readiness(form, judgements)
    questions = next_questions(form, judgements)
    advice = advise(form, judgements, methods, ready, questions, policy)
    findings = tuple(
        sorted(
            (judgement.finding for judgement in judgements if judgement.finding),
            key=lambda finding: _WEIGHT[finding.severity],
        )
    )
    return Assessment(
        ruleset=Ruleset(version=RULESET_VERSION, sha256=policy.sha256()),
        as_of=policy.day,
        methods=methods,
        readiness=ready,
        findings=findings,
        next_questions=questions,
        advice=advice,
        limits=LIMITS,
        would_change=would_change(advice, findings),
    )
