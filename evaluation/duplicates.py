"""Finds rows that say the same: exactly, after normalising, or nearly, by character n-grams and by embeddings."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000
"""Rows compared at a time, so that memory stays flat."""
MOST_STEPS = 2_000_000
"""Comparisons spent on whether sets may be joined by meaning; seconds. Beyond, they stay apart."""

Vectors = NDArray[np.float32]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Meaning:
    """Unit vectors of the texts, (texts, dimensions), and the mean of both cosines, characters' and vectors', from
    which two texts are nearly the same."""

    vectors: Vectors
    mean_cosine: float


@dataclass(frozen=True)
class Duplicates:
    """Row numbers. `exact` holds sets of two or more; `near` pairs (lower, higher) that are not exact, of every exact
    set its first row alone; `by_meaning` those of them that characters alone do not show. `groups` gives every row the
    number of its set. `near_searched` is False where there were too many rows."""

    exact: tuple[tuple[int, ...], ...]
    near: tuple[Pair, ...]
    groups: tuple[int, ...]
    near_searched: bool
    by_meaning: frozenset[Pair] = frozenset()


def find_duplicates(
    texts: Sequence[str],
    cosine: float,
    declared: Sequence[str | None],
    most_rows: int,
    meaning: Meaning | None = None,
) -> Duplicates:
    """Duplicates among texts: by characters at the given cosine, with `meaning` also by both measures together; rows
    with the same `declared` group are joined as well.

    Above `most_rows` rows near duplicates are not searched and `near` is empty. Pairs by meaning join two sets only if
    at least half of the pairs between them are nearly the same: messages from one template would otherwise grow into
    one group, link by link. So a pair by meaning may end in two groups, no other pair does.
    """
    exact = _exact(texts)
    first_of = {row: rows[0] for rows in exact for row in rows}
    # Of exact copies only the first is compared, or a text with 50 copies would make 1,225 pairs.
    distinct = [row for row in range(len(texts)) if first_of.get(row, row) == row]
    near_searched = len(distinct) <= most_rows
    letters: list[Pair] = []
    meant: list[Pair] = []
    if near_searched:
        in_order = None if meaning is None else Meaning(meaning.vectors[distinct], meaning.mean_cosine)
        by_letters, by_meaning = _near([texts[row] for row in distinct], cosine, in_order)
        letters = [(distinct[one], distinct[other]) for one, other in by_letters]
        meant = [(distinct[one], distinct[other]) for one, other in by_meaning]
    joined = letters + _joined_by_meaning(len(texts), letters, meant)
    links = joined + [(rows[0], row) for rows in exact for row in rows[1:]] + _declared_links(declared)
    near = tuple(sorted(letters + meant))
    return Duplicates(exact, near, _components(len(texts), links), near_searched, frozenset(meant))


@dataclass(frozen=True)
class Twins:
    """Rows on two sides that say the same. `of` gives a training row the first test row that it repeats, one that
    characters show before others; `by_meaning` are the training rows for which no test row is shown by characters;
    `tested` the test rows that a training row repeats, in order. Row numbers count through both sides."""

    of: Mapping[int, int]
    by_meaning: frozenset[int]
    tested: tuple[int, ...]


def find_twins(duplicates: Duplicates, first_tested: int) -> Twins:
    """Exact and near copies between the rows before `first_tested` and the others; declared groups do not count."""
    of: dict[int, int] = {}
    only_by_meaning, tested = set(), set()
    copies = {rows[0]: rows for rows in duplicates.exact}
    sets = [(rows, False) for rows in duplicates.exact]
    for pair in sorted(duplicates.near, key=lambda pair: (pair in duplicates.by_meaning, pair)):
        both = tuple(row for end in pair for row in copies.get(end, (end,)))
        sets.append((both, pair in duplicates.by_meaning))
    for rows, by_meaning in sets:
        trained_on = [row for row in rows if row < first_tested]
        held_back = [row for row in rows if row >= first_tested]
        if not (trained_on and held_back):
            continue
        tested.update(held_back)
        for row in trained_on:
            if row not in of and by_meaning:
                only_by_meaning.add(row)
            of.setdefault(row, min(held_back))
    return Twins(of, frozenset(only_by_meaning), tuple(sorted(tested)))


def normalised(text: str) -> str:
    """The text without differences in case, width, spacing and final punctuation."""
    spaced = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return spaced.rstrip(" .!?") or spaced


def _exact(texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    rows: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        rows[normalised(text)].append(row)
    return tuple(tuple(same) for same in rows.values() if len(same) > 1)


def _near(texts: Sequence[str], cosine: float, meaning: Meaning | None) -> tuple[list[Pair], list[Pair]]:
    """Pairs by characters, and those that only both measures together show, the closest first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        # Rare n-grams weigh no more than others, or one slip of the pen would hide a copy. Counts are damped, or a ruler
        # of 70 dashes would make two unlike letters one text.
        vectors = TfidfVectorizer(
            analyzer="char", ngram_range=(3, 4), use_idf=False, sublinear_tf=True, dtype=np.float32
        ).fit_transform([normalised(text) for text in texts])
    except ValueError:  # no text is long enough for one n-gram
        return [], []
    # No vector lies closer than 1, so characters must bring at least this much to the mean.
    least = cosine if meaning is None else min(cosine, 2 * meaning.mean_cosine - 1)
    letters: list[Pair] = []
    meant: list[tuple[float, Pair]] = []
    for start in range(0, len(texts), BLOCK):
        similar = (vectors[start : start + BLOCK] @ vectors.T).tocoo()
        close = (similar.data >= least) & (similar.row + start < similar.col)
        ones, others, cosines = similar.row[close] + start, similar.col[close], similar.data[close]
        by_letters = cosines >= cosine
        letters += list(zip(ones[by_letters].tolist(), others[by_letters].tolist(), strict=True))
        if meaning is not None:
            meant += _by_meaning(ones[~by_letters], others[~by_letters], cosines[~by_letters], meaning)
    return sorted(letters), [pair for _, pair in sorted(meant, key=lambda found: (-found[0], found[1]))]


def _by_meaning(
    ones: NDArray[np.int64], others: NDArray[np.int64], cosines: NDArray[np.float32], meaning: Meaning
) -> list[tuple[float, Pair]]:
    found: list[tuple[float, Pair]] = []
    for start in range(0, len(ones), BLOCK):
        one, other = ones[start : start + BLOCK], others[start : start + BLOCK]
        of_vectors = np.einsum("ij,ij->i", meaning.vectors[one], meaning.vectors[other])
        mean = (cosines[start : start + BLOCK] + of_vectors) / 2
        near = mean >= meaning.mean_cosine
        pairs = zip(one[near].tolist(), other[near].tolist(), strict=True)
        found += zip(mean[near].tolist(), pairs, strict=True)
    return found


def _joined_by_meaning(count: int, letters: Sequence[Pair], meant: Sequence[Pair]) -> list[Pair]:
    """The pairs of `meant`, closest first, that may join the sets that `letters` left."""
    near = {*letters, *meant}
    members = defaultdict(list)
    set_of = list(_components(count, letters))
    for row, number in enumerate(set_of):
        members[number].append(row)
    joined, left = [], MOST_STEPS
    for one, other in meant:
        here, there = set_of[one], set_of[other]
        steps = len(members[here]) * len(members[there])
        if here == there or steps > left:
            continue
        left -= steps
        if 2 * sum((min(a, b), max(a, b)) in near for a in members[here] for b in members[there]) >= steps:
            joined.append((one, other))
            for row in members[there]:
                set_of[row] = here
            members[here] += members.pop(there)
    return joined


def _declared_links(declared: Sequence[str | None]) -> list[Pair]:
    first: dict[str, int] = {}
    return [(first.setdefault(group, row), row) for row, group in enumerate(declared) if group is not None]


def _components(count: int, links: Sequence[Pair]) -> tuple[int, ...]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not links:
        return tuple(range(count))
    ends: NDArray[np.int64] = np.asarray(links, dtype=np.int64).T
    graph = coo_array((np.ones(len(links)), (ends[0], ends[1])), shape=(count, count))
    return tuple(connected_components(graph, directed=False)[1].tolist())
