"""Features that give a label away without the text being read: what an arm may learn instead of the task.

Words that mean the label are no shortcut, so ordinary words are not searched: "refund" may name a refund. Searched is
what no writer means by it: marks at the edges, phrases repeated to the letter, ways of writing, label names, length,
numbers. Neither the order of the rows nor their ids are searched: no arm sees them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from evaluation.dataset import Example
from evaluation.findings import AuditFinding, Place, warning
from evaluation.privacy import masked

FEWEST_ROWS: Final = 10
"""With a feature; fewer are an accident."""
FEWEST_ROWS_IN_ALL: Final = 50
PRECISION: Final = 0.9
"""Of the rows with the feature, the part that has its label; a tenth is left for wrong labels."""
TIMES_FEWER_ERRORS: Final = 5
"""Than by giving every row this label: in a file with 95% of one label every feature is about 95% precise."""
REACH: Final = 0.25
"""Of the rows with the label, the part that has the feature. In sms_spam a web address means spam, but few have one."""
LEVEL: Final = 0.01
"""Of Fisher's exact test, divided by the number of tests (Bonferroni)."""
GAP_CLOSED: Final = 0.5
"""Of the way from always giving the largest label to being always right. In 19 public data sets a length closes 12% at
most, in 150 rows of them 29%."""
NAMED: Final = 0.3
"""Of all rows, the part that begins or ends with its own label's name; 7% at most in the same data sets."""
PHRASE: Final = 5
"""Words at an edge, the same to the letter. "What is the weather" is how people ask; one word more is a template."""
BINS: Final = 20
"""Of a length or number, equally filled."""
LONGEST_WORD: Final = 60
"""Characters of a word that are looked at; nothing longer is a mark, and patterns stay quick."""

_WORD: Final = re.compile(
    r"[\"'“‘(¿¡]*(?:[^\W\d_]+(?:['’.-][^\W\d_]+)*|[\d.,:/%€$£-]+)[.,!?;…)\"'”’]*|[.,!?;:…\"'()“”’‘-]+"
)
_CAPITALS: Final = re.compile(r"[^\w\s]*[A-ZÄÖÜ]{2,}[^\w\s]*")
_EDGE_NUMBER: Final = re.compile(r"\A\W*(?:[^\W\d_]+\W{0,3})?(\d{2,12})\b|\b(\d{2,12})\W*\Z")
WAYS_OF_WRITING: Final[Mapping[str, Callable[[str], object]]] = {
    "contain a web address": re.compile(r"https?://|\bwww\.").search,
    "contain an HTML tag": re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,10}(?:\s[^<>]{0,200})?/?>").search,
    "contain an HTML entity": re.compile(r"&(?:#\d{1,6}|[a-z]{2,8});").search,
    "contain a placeholder": re.compile(r"\{\{?\w{1,30}\}\}?|\[[A-Z_]{3,30}\]|<[A-Z_]{3,30}>|%[sd]\b|\bX{3,}\b").search,
    "contain a line break": re.compile(r"\n").search,
    "contain two spaces in a row": re.compile(r"\S {2,}\S").search,
    "contain an invisible or non-breaking character": re.compile("[\u00a0\u200b-\u200f\u202f\ufeff]").search,
    "begin with a space": re.compile(r"\A\s").search,
    "begin with a small letter": re.compile(r"\A[a-zäöü]").search,
    "end with a space": re.compile(r"\s\Z").search,
    "end without a full stop or other mark": re.compile(r"\w\s*\Z").search,
    "stand in quotation marks": re.compile(r"\A[\"“'].*[\"”']\Z", re.DOTALL).search,
    "are written in capitals": str.isupper,
}
"""How a text is written, as the end of a sentence about rows."""


@dataclass(frozen=True)
class Shortcut:
    """A feature, as a sentence, and the rows (by number) that have it; none for one of all rows, such as length."""

    sentence: str
    rows: tuple[int, ...] = ()


def find_shortcuts(examples: Sequence[Example], groups: Sequence[int]) -> list[Shortcut]:
    """Shortcuts, those of most rows first. Of each group of duplicates the first row alone is looked at.

    A mark, phrase or way of writing is one where nearly all rows with it have one label (PRECISION), where a good part
    of that label's rows have it (REACH) and where chance does not explain that (LEVEL). Fewer than FEWEST_ROWS_IN_ALL
    rows, or one label, have none.
    """
    first: dict[int, int] = {}
    for row, group in enumerate(groups):
        first.setdefault(group, row)
    rows = list(first.values())
    texts, labels = [examples[row].input for row in rows], [examples[row].output for row in rows]
    if len(rows) < FEWEST_ROWS_IN_ALL or len(set(labels)) < 2:
        return []
    named = list(_label_names(texts, labels))
    explained = {position for shortcut in named for position in shortcut.rows}
    features = [shortcut for shortcut in _features(texts, labels) if not explained.issuperset(shortcut.rows)]
    found = [
        Shortcut(shortcut.sentence, tuple(rows[position] for position in shortcut.rows))
        for shortcut in (*named, *features, *_measures(texts, labels))
    ]
    return sorted(found, key=lambda shortcut: -len(shortcut.rows))


def shortcut_features(examples: Sequence[Example], groups: Sequence[int]) -> Iterator[AuditFinding]:
    """AUDIT21: all shortcuts in one finding, with the rows that have them."""
    shortcuts = find_shortcuts(examples, groups)
    if shortcuts:
        more = f"; and {len(shortcuts) - 4} more" if len(shortcuts) > 4 else ""
        rows = sorted({row for shortcut in shortcuts for row in shortcut.rows})
        yield warning(
            "AUDIT21", "shortcut_features",
            f"Labels can be told without reading: {'; '.join(shortcut.sentence for shortcut in shortcuts[:4])}{more}.",
            "Look where these rows come from. Take out what new inputs will not have: an arm that learns it scores "
            "better here than in use.",
            tuple((Place(id=examples[row].id, file=examples[row].source, line=examples[row].line),) for row in rows),
        )  # fmt: skip


def _features(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Shortcut]:
    """Marks, phrases and ways of writing that stand for one label."""
    from scipy.stats import hypergeom

    positions: dict[str, list[int]] = defaultdict(list)
    for position, text in enumerate(texts):
        for feature in _features_of(text):
            positions[feature].append(position)
    tried = {feature: rows for feature, rows in positions.items() if FEWEST_ROWS <= len(rows) < len(texts)}
    sizes, found = Counter(labels), {}
    for feature, rows in tried.items():
        label, count = Counter(labels[row] for row in rows).most_common(1)[0]
        errors, base_errors = 1 - count / len(rows), 1 - sizes[label] / len(labels)
        if errors > 1 - PRECISION or TIMES_FEWER_ERRORS * errors > base_errors or count < REACH * sizes[label]:
            continue
        # Any label could have been the one, so each feature is a test for every label.
        chance = hypergeom.sf(count - 1, len(labels), sizes[label], len(rows))
        if chance * len(tried) * len(sizes) <= LEVEL:
            found[feature] = (label, count, rows)
    for feature, (label, count, rows) in found.items():
        if not any(_negated(other) == feature for other in found):
            others = len(rows) - count
            rest = (
                f"{others:,} other rows do" if others > 1 else "one other row does" if others else "no other row does"
            )
            yield Shortcut(f"{count:,} of {sizes[label]:,} rows labelled {label!r} {feature}, {rest}", tuple(rows))


def _features_of(text: str) -> Iterator[str]:
    """Every feature of one text, each once, as the end of a sentence about rows."""
    words = text.split()
    if not words:
        return
    for edge, word in (("begin", words[0][:LONGEST_WORD]), ("end", words[-1][-LONGEST_WORD:])):
        if not _WORD.fullmatch(word) or _CAPITALS.fullmatch(word):
            # One mark, whatever number it carries.
            yield f"{edge} with a mark like {re.sub(r'[0-9]+', '0', masked(word))!r}"
    if len(words) > PHRASE + 1:
        for edge, phrase in (("begin", words[:PHRASE]), ("end", words[-PHRASE:])):
            yield f"{edge} with {masked(' '.join(phrase))!r}"
    for way, is_written_so in WAYS_OF_WRITING.items():
        yield way if is_written_so(text) else _negated(way)


def _negated(way: str) -> str:
    return way.replace("are ", "are not ", 1) if way.startswith("are ") else f"do not {way}"


def _label_names(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Shortcut]:
    """Texts that begin or end with the name of their own label."""
    for edge in ("begin", "end"):
        rows = []
        for position, (text, label) in enumerate(zip(texts, labels, strict=True)):
            name, words = _plain_words(label), _plain_words(text)
            part = words[: len(name)] if edge == "begin" else words[-len(name) :]
            if name and part == name and len(words) > len(name):
                rows.append(position)
        if len(rows) >= NAMED * len(texts) and len({labels[row] for row in rows}) > 1:
            yield Shortcut(f"{len(rows):,} of {len(texts):,} rows {edge} with the name of their own label", tuple(rows))


def _plain_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.casefold())


def _measures(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Shortcut]:
    """Lengths and numbers that alone tell the labels apart."""
    share = max(Counter(labels).values()) / len(labels)
    for measure, values in (
        ("length", [float(len(text)) for text in texts]),
        ("number of words", [float(len(text.split())) for text in texts]),
        ("number at its beginning or end", [_number_of(text) for text in texts]),
    ):
        right = _share_right(values, labels)
        # Two standard errors below, so that few rows do not get there by luck.
        low = right - 2 * float(np.sqrt(right * (1 - right) / len(labels)))
        if low - share >= GAP_CLOSED * (1 - share):
            yield Shortcut(
                f"a text's {measure} alone gives {right:.0%} of the labels, where the largest label has {share:.0%}"
            )


def _number_of(text: str) -> float:
    """A text's number at an edge, such as that of a ticket; -1 without one."""
    found = _EDGE_NUMBER.search(text)
    return float(found.group(1) or found.group(2)) if found else -1.0


def _share_right(values: Sequence[float], labels: Sequence[str]) -> float:
    """The part of rows that have the most frequent label of their bin, found on the other rows (five folds)."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, values, side="right")
    right = 0
    for fold in range(5):
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        for row in range(len(labels)):
            if row % 5 != fold:
                counts[int(bins[row])][labels[row]] += 1
        best = {number: count.most_common(1)[0][0] for number, count in counts.items()}
        right += sum(best.get(int(bins[row])) == labels[row] for row in range(fold, len(labels), 5))
    return right / len(labels)
