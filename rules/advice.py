"""The advice: where to start, what is worth comparing, and a summary for whoever holds the budget."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from rules.family import Family
from rules.finding import Finding, Method, Severity
from rules.judgement import Judgement
from rules.next_questions import NextQuestion
from rules.plan import OBSTACLES, Plan
from rules.policy import Policy
from rules.questionnaire import questions_by_path
from rules.readiness import Readiness, Status
from rules.scores import MethodScore

StartWith = Literal["prompting", "retrieval", "fine_tuning", "clarify_the_task"]

_NOT_READY: Final = "The project is not ready to fine-tune"

_OPENINGS: Final[dict[StartWith, str]] = {
    "clarify_the_task": "Clarify the task first: write down what a right answer is. No method can learn a "
    "rule that nobody has settled.",
    "prompting": "Start with prompting: it costs least and can be changed within the hour.",
    "retrieval": "Start with retrieval: let the model look the facts up instead of learning them by heart.",
    "fine_tuning": "Fine-tuning leads on what you have answered: compare it with the cheaper methods before "
    "you pay for it.",
}


_MOST_STEPS: Final = 6
"""A list of everything is a list of nothing."""


class Advice(BaseModel):
    """What to do next."""

    model_config = ConfigDict(frozen=True)

    start_with: StartWith
    worth_comparing: tuple[Family, ...]
    summary: str
    steps: tuple[str, ...] = Field(description="What to do next, in this order.")


def advise(
    judgements: Sequence[Judgement],
    methods: Mapping[Method, MethodScore],
    readiness: Readiness,
    questions: Sequence[NextQuestion],
    plan: Plan,
    policy: Policy,
) -> Advice:
    """Turn scores, vetoes and readiness into one next step."""
    said = {judgement.rule.code: judgement.finding for judgement in judgements if judgement.finding}
    start = _start(said, methods, readiness, policy)
    sentences = (
        _OPENINGS[start],
        _reason(start, said),
        _on_fine_tuning(start, methods, readiness, said),
        _local_route(said),
        plan.obstacle,
        _on_open_questions(questions),
    )
    return Advice(
        start_with=start,
        worth_comparing=tuple(arm.family for arm in plan.arms),
        summary=" ".join(sentence for sentence in sentences if sentence),
        steps=tuple(_steps(start, said, questions, plan)),
    )


def _start(
    said: Mapping[str, Finding],
    methods: Mapping[Method, MethodScore],
    readiness: Readiness,
    policy: Policy,
) -> StartWith:
    if _speaks("TASK05", said):
        return "clarify_the_task"
    # Cheapest first: a dearer method has to earn the lead, and fine-tuning has to be ready as well.
    start: StartWith = "prompting"
    best = methods[Method.PROMPTING].so_far
    if methods[Method.RETRIEVAL].so_far > best + policy.lead_to_pay_more:
        start, best = "retrieval", methods[Method.RETRIEVAL].so_far
    if readiness.ready and methods[Method.FINE_TUNING].so_far > best + policy.lead_to_pay_more:
        start = "fine_tuning"
    return start


def _reason(start: StartWith, said: Mapping[str, Finding]) -> str:
    if start == "clarify_the_task":
        return ""
    method = Method(start)
    speaking = [finding for finding in said.values() if finding.points.of(method) > 0]
    if not speaking:
        return ""
    strongest = max(speaking, key=lambda finding: finding.points.of(method))
    vetoes = (code for code, finding in said.items() if finding.vetoes)
    # The first veto is quoted in the next sentence anyway.
    return "" if strongest.code == next(vetoes, "") else f"{strongest.message} ({strongest.code})"


def _on_fine_tuning(
    start: StartWith,
    methods: Mapping[Method, MethodScore],
    readiness: Readiness,
    said: Mapping[str, Finding],
) -> str:
    tuning = methods[Method.FINE_TUNING]
    if tuning.vetoes:
        first, *others = tuning.vetoes
        more = f" {_list(others)} {'says' if len(others) == 1 else 'say'} so too." if others else ""
        return f"Fine-tuning is ruled out for now: {said[first].message} ({first}){more}"
    if start == "fine_tuning":
        return ""
    if _speaks("TRIED04", said):
        return "Skip the fine-tune."
    if readiness.ready:
        return "The project is ready to fine-tune; whether it should, the comparison decides."
    missing = sum(question.status is not Status.YES for question in readiness.questions)
    leads = all(tuning.so_far > score.so_far for score in methods.values() if score is not tuning)
    opening = "Fine-tuning leads on points, but the project is not ready for it" if leads else _NOT_READY
    verb = "lacks" if missing == 1 else "lack"
    return f"{opening}: {missing} of the six questions still {verb} a yes."


def _local_route(said: Mapping[str, Finding]) -> str:
    if not (_speaks("GOV01", said) and said["GOV01"].vetoes):
        return ""
    return "Take the local route: run the model, and train it if need be, on machines you control."


def _steps(
    start: StartWith, said: Mapping[str, Finding], questions: Sequence[NextQuestion], plan: Plan
) -> Iterator[str]:
    """Yield first what settles the task, then what makes it comparable, then untried ways, vetoes and warnings."""
    method = Method.PROMPTING if start == "clarify_the_task" else Method(start)

    def urgency(finding: Finding) -> tuple[bool, bool, bool, bool, int]:
        return (
            finding.code != "TASK05",
            not (finding.vetoes and finding.code in OBSTACLES),
            not (finding.code.startswith("TRIED") and finding.points.of(method) > 0),
            not finding.vetoes,
            finding.points.fine_tuning,
        )

    against = [finding for finding in said.values() if finding.severity in (Severity.VETO, Severity.WARNING)]
    for finding in sorted(against, key=urgency)[:_MOST_STEPS]:
        yield f"{finding.what_to_do[:1].upper()}{finding.what_to_do[1:]} ({finding.code})"
    if questions:
        yield f"Answer what is open, first: {questions_by_path()[questions[0].field].title} ({questions[0].field})"
    if plan.split:
        yield "Run the planned comparison before anything is paid for."


def _on_open_questions(questions: Sequence[NextQuestion]) -> str:
    if not questions:
        return ""
    number = "One question is" if len(questions) == 1 else f"{len(questions)} questions are"
    first = questions_by_path()[questions[0].field].title
    return f"{number} still open; the most telling: {first}"


def _speaks(code: str, said: Mapping[str, Finding]) -> bool:
    return code in said and said[code].severity is not Severity.UNANSWERED


def _list(codes: Sequence[str]) -> str:
    return " and ".join((", ".join(codes[:-1]), codes[-1]) if len(codes) > 1 else codes)
