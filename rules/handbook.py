"""The handbook of the rules as Markdown, written from the catalogue, the form and the default thresholds."""

import inspect
from collections.abc import Iterable, Iterator
from itertools import chain, count, groupby
from textwrap import fill
from typing import Any, Final

from rules.finding import METHODS
from rules.form import Form
from rules.judgement import Judgement, in_plain_words, judge, judge_estimate
from rules.policy import DEFAULT_POLICY, Policy
from rules.question import Question
from rules.questionnaire import questionnaire
from rules.reach import Reach
from rules.readiness import SIX, SixthPart
from rules.regions import REGIONAL_NOTES, RegionalNote
from rules.scores import HIGHEST, LOWEST, START
from rules.vendor_questions import VendorQuestion, vendor_questions

_WIDTH: Final = 120

_OPENING: Final = f"""
An answered form goes in. Every rule on this page reads a few of its answers and says something, or nothing. What the
rules say together is the assessment: a score for prompting, retrieval and fine-tuning, six questions of readiness, and
where to start.

**Scores.** Each method starts at {START} points. A score is {START} plus the points of every rule that speaks, cut to
{LOWEST} to {HIGHEST}; the assessment lists them all. There are no other weights.

**Intervals.** Any answer may be left out, and nothing is assumed in its place. A rule that still waits for an answer
counts once with the least and once with the most that it could say, so the score is an interval. It becomes one number
when nothing that is left open can move it. The question whose answer would narrow the intervals most is asked next.

**Vetoes.** A veto rules fine-tuning out. Points never make up for it: it falls only when an answer that its rule reads
becomes another one.

`scripts/rules_handbook.py` writes this page from the code that judges.
"""

_SIX_QUESTIONS: Final = """
A project is ready to fine-tune when all six have a yes and no rule vetoes fine-tuning. A question has a no as soon as a
rule that decides it warns or vetoes. It is unknown while an answer that it needs is missing, or while a rule that
decides it is open. Rules that are only heard are shown beside the question, and turn it to a no only by a veto.
"""

_ONE_BY_ONE: Final = """
For each rule: why it matters, what to do, the answers that decide its points, how far it can move each method while
nothing is answered yet, and where it comes from.
"""

_THRESHOLDS: Final = """
A TOML file may override any of them, one line each, such as `minimum_examples = 80`; what it leaves out keeps the value
below. An unknown name and two thresholds that contradict each other are refused. Every assessment stores the hash of
the thresholds that judged it.
"""

_FORM: Final = """
Every answer may be left out. The name on the left is the place of the answer in a form file: `task.kind` is the line
`kind` under `task`.
"""

_REGIONS: Final = """
What is on offer differs from region to region, and changes. These notes say what to check; they are no legal advice.
"""

_VENDORS: Final = """
Six questions for whoever sells or builds the model. Some of their answers may stand in the form already.
"""

_SOURCES: Final = """
The numbers are those of [sources.md](sources.md), which says what each text is; `protocol` is
[protocol.md](protocol.md). The rules that cite each text:
"""


def handbook() -> str:
    """Return the whole page."""
    blocks = chain(
        ("# The rules", *_prose(_OPENING)),
        ("## The six questions", *_prose(_SIX_QUESTIONS), *map(_sixth_part, count(1), SIX)),
        ("## The rules, one by one", *_prose(_ONE_BY_ONE), *_rule_groups()),
        ("## Thresholds", *_prose(_THRESHOLDS), "\n".join(_thresholds(DEFAULT_POLICY))),
        ("## The form", *_prose(_FORM), *_form()),
        ("## Regional notes", *_prose(_REGIONS), "\n".join(map(_regional_note, REGIONAL_NOTES))),
        ("## Questions for a vendor", *_prose(_VENDORS), *map(_vendor_question, count(1), vendor_questions(Form()))),
        ("## Sources", *_prose(_SOURCES), "\n".join(_sources())),
    )
    return "\n\n".join(blocks) + "\n"


def _sixth_part(number: int, part: SixthPart) -> str:
    lines = [
        _line(f"{number}. {part.question}", indent=3),
        _line(f"   - Needs {_code(part.needs)}", indent=5),
        _line(f"   - Decided by {_links(part.decided_by)}", indent=5),
    ]
    if part.heard:
        lines.append(_line(f"   - Heard: {_links(part.heard)}", indent=5))
    return "\n".join(lines)


def _all_rules() -> tuple[Judgement, ...]:
    """Return every rule with how far it can go while nothing is answered."""
    on_the_form = judge(Form(), DEFAULT_POLICY)
    return on_the_form + judge_estimate(Form(), on_the_form, obstacle=None, estimate=None)


def _rule_groups() -> Iterator[str]:
    for _, group in groupby(_all_rules(), key=lambda judgement: judgement.rule.code.rstrip("0123456789")):
        judgements = tuple(group)
        # The file that holds the checks says in its first line what they have in common.
        title, *_ = (inspect.getdoc(inspect.getmodule(judgements[0].rule.check)) or "").splitlines()
        yield f"### {title.rstrip('.')}"
        yield from chain.from_iterable(map(_rule, judgements))


def _rule(judgement: Judgement) -> Iterator[str]:
    rule = judgement.rule
    # The heading is the code alone, so that a link to it outlives every change of words.
    yield f"#### {rule.code}"
    yield _line(f"**{rule.title}** {_capital(rule.why)}")
    yield _line(f"What to do: {rule.what_to_do}")
    yield "\n".join(
        (
            _line(f"- Reads: {_code(rule.reads) or 'no answer that could move points'}", indent=2),
            _line(f"- Moves: {_moves(judgement.reach)}", indent=2),
            f"- Source: {', '.join(rule.source)}",
        )
    )


def _moves(bounds: Reach) -> str:
    moves = [
        f"{in_plain_words(method)} {_signed(low)} to {_signed(high)}"
        for method, low, high in zip(METHODS, bounds.low, bounds.high, strict=True)
        if low or high
    ]
    vetoes = [f"may veto {in_plain_words(method)}" for method in bounds.possible_vetoes]
    return "; ".join((", ".join(moves) or "no points", *vetoes))


def _thresholds(policy: Policy) -> Iterator[str]:
    yield "| name | value | reason | source |"
    yield "|---|---|---|---|"
    for name, field in Policy.model_fields.items():
        told: Any = field.json_schema_extra
        # A field without a source is no threshold: the day of the assessment, for instance.
        if told:
            cells = (f"`{name}`", _value(getattr(policy, name)), field.description or "", ", ".join(told["source"]))
            yield f"| {' | '.join(cells)} |"


def _form() -> Iterator[str]:
    for section in questionnaire().sections:
        yield f"### {section.title}"
        yield "\n".join(_line(f"- {_question(question)}", indent=2) for question in section.fields)


def _question(question: Question) -> str:
    unit = f" ({question.unit})" if question.kind in ("whole_number", "number") else ""
    return f"`{question.path}`: {question.title} Answer with {question.expectation}{unit}."


def _regional_note(note: RegionalNote) -> str:
    told = f"(Checked on {note.checked_on}; source {', '.join(note.source)})"
    return _line(f"- `{note.region}`: {note.note} {told}", indent=2)


def _vendor_question(number: int, asked: VendorQuestion) -> str:
    lines = (
        _line(f"{number}. {asked.question}", indent=3),
        _line(f"   - A good answer: {asked.good_answer}", indent=5),
    )
    return "\n".join(lines)


def _sources() -> Iterator[str]:
    rules = [judgement.rule for judgement in _all_rules()]
    for number in sorted({number for rule in rules for number in rule.source}):
        yield _line(f"- {number}: {_links(rule.code for rule in rules if number in rule.source)}", indent=2)


def _prose(text: str) -> Iterator[str]:
    return (_line(paragraph) for paragraph in text.strip().split("\n\n"))


def _line(text: str, indent: int = 0) -> str:
    """Return one paragraph or list item, broken where the source of a page is easy to read."""
    return fill(text, _WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _links(codes: Iterable[str]) -> str:
    return ", ".join(f"[{code}](#{code.lower()})" for code in codes)


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return _code(value)
    if isinstance(value, str):
        return _code((value,))
    return f"{value:,}"


def _signed(points: int) -> str:
    return f"{points:+d}" if points else "0"


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
