"""Labels as they stand in texts: alone, announced, set off, in bold or brackets."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from evaluation.answers.records import read_json
from evaluation.answers.unread import Fault, Unread

NAMED: Final = (
    "label|category|class|classification|intent|topic|sentiment|emotion|answer|prediction|verdict|choice|option|type|"
    "kategorie|klasse|antwort|catégorie|classe|réponse|categoría|clase|respuesta|categoria|risposta|resposta|"
    "categorie|antwoord"
)
"""English, then German, French, Spanish, Italian, Portuguese and Dutch."""
ANNOUNCED: Final = re.compile(
    rf"\b(?:{NAMED})\b(?: (?:for|of|to|that)\b[^\n.:=]{{0,80}}?)?[*_`\"]*\s*"
    r"(?:(?:\b(?:is|was|would be|should be|must be)\b|->|→|[:=])[\s*_`\"]*)+(?:the |an? )?"
    r"|\b(?:classif(?:y|ied)|label(?:led|ed)?|categori[sz]ed?|tag(?:ged)?) (?:(?:this|it|the)\b[^\n.:=]{0,40}? )?as "
    r"(?:the |an? )?"
    rf"|\b(?:falls? (?:under|into)|belongs? to) (?:the )?(?:(?:{NAMED})(?: of)? )?",
    re.I,
)
"""What stands before a label that is announced."""
KEYS: Final = frozenset(NAMED.split("|")) | {"labels", "predictedlabel", "finalanswer", "output", "result"}
IT_IS: Final = re.compile(r"^(?:it|this|that)(?: is|['’]s) (?:the |an? )?", re.I)
OPENING: Final = " \t\r\n*_`\"'“”„«‹<({["
CLOSING: Final = " \t\r\n*_`\"'“”»›>)}].!"
BULLET: Final = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
SET_OFF: Final = {"*": "*", "_": "_", "`": "`", "(": ")", "[": "]", "<": ">"}
YES_OR_NO: Final = frozenset({"yes", "no", "true", "false"})
"""Labels that a sentence may go on from, as in "No, they were not"."""
GOES_ON: Final = re.compile(
    r"[*_`\"'”»]*(?:$|\n|[.!;)\]](?:\W|$)|\s[-–—(]|,? (?:because|since|as|due)\b|, (?:not|rather than)\b"
    rf"|\s(?:{NAMED})\b)",
    re.I,
)
"""What may follow a label that is not set off; any other word might belong to its name ("Billing dispute")."""
JOINED: Final = re.compile(r"[\s*_`\"'”)\]]*(?:(?:[,/|&;]|\b(?:and|or|maybe|either)\b)[\s*_`\"'“(\[]*)+", re.I)
DENIED: Final = re.compile(r"\b(?:not|never|neither|nor|cannot|unlikely|wrong|incorrect|except)\b|n['’]t\b", re.I)
DENIED_AFTER: Final = re.compile(
    r"\W*(?:is|are|was|seems?|does|did|can|could|would|should)"
    r"(?:n['’]t|(?: \w+)?? (?:not|never|wrong|incorrect|unlikely|excluded))\b",
    re.I,
)
SET_ASIDE: Final = re.compile(r"\b(?:not|rather than|instead of|unlike)\W*(?:an? |the )?\W*$", re.I)
"""Before a label that is only named to rule it out."""
REST_OF_SENTENCE: Final = re.compile(r"(?:(?![.!?](?:\s|$)|,? (?:because|since|as|due)\b)[^\n])*", re.I)
"""Without reasons: those may well name other labels."""
SENTENCE_END: Final = re.compile(r"[.!?]\s|\n")
LONGEST_SENTENCE: Final = 300
"""Characters before an announcement that are searched for a denial."""


def plain(text: str) -> str:
    """Without differences of case and spacing, and without a final full stop."""
    return " ".join(text.strip().rstrip(".").casefold().split())


def one_of(labels: Iterable[str]) -> str | Unread:
    """The only label; two of them, or none, are a fault."""
    found = set(labels)
    return found.pop() if len(found) == 1 else Unread(Fault.SEVERAL_LABELS if found else Fault.UNKNOWN_LABEL)


@lru_cache(maxsize=64)
def written_labels(labels: tuple[str, ...]) -> WrittenLabels:
    """Prepared once for each list of labels."""
    return WrittenLabels(labels)


class WrittenLabels:
    """How labels are written: in any case, with blanks, hyphens or underscores between their words. Inside a sentence
    the case of a label of one letter counts ("A", "a")."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._labels = frozenset(labels)
        self._by_name: dict[str, set[str]] = defaultdict(set)
        for label in labels:
            if _folded(label):
                self._by_name[_folded(label)].add(label)
        longest_first = sorted(self._by_name, key=lambda name: (-len(name), name))
        names = "|".join(pattern for name in longest_first for pattern in _patterns(name, self._by_name[name]))
        self._mention = re.compile(rf"(?<![\w/])(?<!\w-)(?:{names or '(?!)'})(?!\w|[-/]\w)")

    def whole(self, text: str) -> str | None:
        """The one label that the text is, but for what stands around it; None if there is no such label."""
        found = self._meant(text)
        if not found:
            found = self._meant(text.lstrip(OPENING).rstrip(CLOSING))
        return next(iter(found)) if len(found) == 1 else None

    def find(self, text: str) -> str | Unread:
        """The label that a text names that is not empty; see `find_label`, steps 2 to 6."""
        if text[0] in "{[" or text.startswith("```"):
            value = read_json(text)
            if not isinstance(value, Unread):
                return self._in_json(value)
            if text[0] == "{" or value.fault is Fault.CUT_OFF:
                return value
        return self._in_words(text)

    def _in_words(self, text: str) -> str | Unread:
        whole = self.whole(text) or self.whole(IT_IS.sub("", text))
        if whole is not None:
            return whole
        for search in (self._announced, self._set_off, self._in_bold_or_brackets):
            found = search(text)
            if None in found:
                return Unread(Fault.SEVERAL_LABELS)
            if found:
                return one_of(label for label in found if label is not None)
        return Unread(Fault.UNKNOWN_LABEL)

    def _in_json(self, value: Any) -> str | Unread:
        values = [value]
        if isinstance(value, dict):
            values = [item for key, item in value.items() if re.sub(r"[\W_]", "", key.casefold()) in KEYS]
        while len(values) == 1 and isinstance(values[0], list):
            values = values[0]
        found = []
        for item in values:
            read = self._in_words(item.strip()) if isinstance(item, str) else Unread(Fault.UNKNOWN_LABEL)
            if isinstance(read, Unread):
                return read
            found.append(read)
        return one_of(found)

    def _announced(self, text: str) -> set[str | None]:
        """Announced labels; None stands for one whose sentence names another too."""
        found: set[str | None] = set()
        for cue in ANNOUNCED.finditer(text):
            sentence = SENTENCE_END.split(text[max(0, cue.start() - LONGEST_SENTENCE) : cue.start()])[-1]
            if not DENIED.search(sentence + cue.group()):
                found |= self._claim(text, cue.end())
        return found

    def _set_off(self, text: str) -> set[str | None]:
        """Every line that is a label, and the label that begins the first line."""
        lines = [BULLET.sub("", line) for line in text.splitlines() if line.strip()]
        found: set[str | None] = {label for line in lines if (label := self.whole(line)) is not None}
        return found | (self._claim(lines[0], 0) if self.whole(lines[0]) is None else set())

    def _in_bold_or_brackets(self, text: str) -> set[str | None]:
        mentions = list(self._mention.finditer(text))
        bold = [mention for mention in mentions if text[: mention.start()].endswith(("**", "`", "("))]
        if not bold or DENIED.search(text) or len({_folded(mention.group()) for mention in mentions}) > 1:
            return set()
        return set(self._meant(bold[0].group()))

    def _claim(self, text: str, position: int) -> set[str | None]:
        """The label that stands here and is clearly set off; {None} if its sentence names another too, else empty."""
        while position < len(text) and text[position] in OPENING:
            position += 1
        mention = self._mention.match(text, position)
        if mention is None:
            return set()
        meant, after = self._meant(mention.group()), text[mention.end() :]
        if len(meant) > 1:
            return {None}
        before = text[mention.start() - 1 : mention.start()]
        is_set_off = before in SET_OFF and re.match(rf"[:.]?{re.escape(SET_OFF[before])}", after)
        is_said = after.startswith(",") and _folded(mention.group()) in YES_OR_NO
        is_clear = is_set_off or is_said or GOES_ON.match(after)
        if self._another(after, meant):
            return {None} if is_clear or JOINED.match(after) else set()
        return set(meant) if is_clear and not DENIED_AFTER.match(after) else set()

    def _another(self, after: str, meant: set[str]) -> bool:
        """Whether the rest of the sentence names another label, and not to rule it out. A single letter in a sentence
        may be a word; it counts in brackets or behind a comma, "or" and the like."""
        rest = REST_OF_SENTENCE.match(after)
        for mention in self._mention.finditer(rest.group() if rest else ""):
            before = after[: mention.start()]
            is_word = len(mention.group()) == 1 and not before.endswith(tuple(SET_OFF)) and not JOINED.fullmatch(before)
            if self._meant(mention.group()) != meant and not is_word and not SET_ASIDE.search(before):
                return True
        return False

    def _meant(self, name: str) -> set[str]:
        exact = name.strip()
        return {exact} if exact in self._labels else self._by_name.get(_folded(name), set())


def _folded(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", plain(text))).strip()


def _patterns(name: str, labels: Iterable[str]) -> Iterable[str]:
    """What a label looks like inside a text; `name` is it folded."""
    if len(name) == 1:
        return sorted(re.escape(label.strip()) for label in labels)
    return ["(?i:" + r"[\s_-]+".join(map(re.escape, name.split(" "))) + ")"]
