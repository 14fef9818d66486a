"""Answers in words: the text itself, the short answer to a question, and saying that there is none."""

from __future__ import annotations

import re
from typing import Final

from evaluation.answers.unread import Fault, Unread

NO_ANSWER: Final = "NO_ANSWER"
"""What prompts ask for where the texts do not hold the answer; as a row's output it marks an unanswerable question."""

THOUGHT: Final = re.compile(r"<think>.*?</think>", re.S)
SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+|\n+")
ANSWER_LINE: Final = re.compile(r"^[*_ ]*(?:the )?(?:final |short |correct )?answer[*_ ]*(?::| is:)", re.I | re.M)

_TEXTS = (
    r"(?:(?:passage|context|text|document|article|source|excerpt|filing|evidence)s?|"
    r"(?:provided|given) (?:information|data)|(?:information|data) (?:provided|given))"
)
_TOLD = "contain|mention|provide|say|state|specify|include|give|tell|address|answer|cover|disclose"
_FACTS = "information|data|context|evidence|details?|access|enough|sufficient"
ABSTENTIONS: Final = tuple(
    re.compile(phrase)
    for phrase in (
        r"^(?:n/a|unanswerable|no answer|not answerable)\W*$",
        r"\bi(?:'m| am)? (?:\w+ )?(?:do not|don't|cannot|can't|could not|couldn't|not able to|unable to) "
        r"(?:\w+ )?(?:know|answer|find|determine|provide|calculate|see any|see enough)\b",
        rf"\bi (?:\w+ )?(?:do not|don't) have (?:[\w-]+ ){{0,6}}?(?:{_FACTS})\b",
        rf"\bwithout (?:\w+ )?(?:enough|sufficient|access to|further|additional|more) (?:[\w-]+ )?(?:{_FACTS})\b",
        rf"\b(?:not enough|insufficient|there (?:is|are|was|were) no) (?:[\w-]+ )?(?:mention|{_FACTS})\b",
        r"\bno (?:[\w-]+ )?(?:information|details|data) (?:is|are|was|were) (?:provided|available|given|mentioned)\b",
        rf"\b{_TEXTS} (?:[\w-]+ ){{0,6}}?(?:do not|don't|does not|doesn't) (?:\w+ )?(?:{_TOLD})\b",
        rf"\b(?:is|are|was|were)(?: not|n't) (?:\w+ )?(?:mentioned|stated|specified|provided|given|available|included|"
        rf"found|disclosed)(?: \w+)? (?:in|by) (?:the |this |these |any )?(?:\w+ )?{_TEXTS}\b",
        r"\byou have(?: not|n't) (?:provided|given|included)\b",
        r"\b(?:cannot|can't|can not|could not|not possible to) (?:be )?(?:\w+ )?"
        r"(?:answer|answered|determine|determined|calculate|calculated|find|found)\b",
    )
)
"""Beside `NO_ANSWER`, on the text in lower case; English only."""


def read_text(text: str | None) -> str | Unread:
    """The text without what was thought aloud and without the blanks around it."""
    text = text or ""
    if text.rfind("<think>") > text.rfind("</think>"):
        return Unread(Fault.CUT_OFF, "still thinking")
    # Some chat templates open the thought themselves, so that only its end is in the answer.
    return THOUGHT.sub("", text).rpartition("</think>")[2].strip() or Unread(Fault.EMPTY)


def read_short_answer(text: str | None) -> str | Unread:
    """The answer to a question: the text, or what stands behind its last "Answer:" that opens a line."""
    spoken = read_text(text)
    if isinstance(spoken, Unread):
        return spoken
    return ANSWER_LINE.split(spoken)[-1].strip("*_` \n\t") or spoken


def abstains(text: str | None) -> bool:
    """Whether the text declines to answer: it is `NO_ANSWER`, or its first two sentences say, in one of the phrases of
    `ABSTENTIONS`, that the texts do not hold the answer or that it cannot be given.

    An empty text is a failure and no abstention.
    """
    answer = read_short_answer(text)
    if isinstance(answer, Unread):
        return False
    if re.sub(r"[^A-Z]+", "_", answer.upper()).strip("_") == NO_ANSWER:
        return True
    beginning = " ".join(SENTENCE_END.split(answer.replace("’", "'"))[:2]).casefold()
    return any(phrase.search(beginning) for phrase in ABSTENTIONS)
