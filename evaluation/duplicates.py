"""Finds rows that say the same: exactly, after normalising, or nearly, by character n-grams and by embeddings."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1000
"""Rows compared at a time, so that memory stays flat."""

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
    number of the set that must not be split. `near_searched` is False where there were too many rows."""

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

    Above `most_rows` rows near duplicates are not searched and `near` is empty. Near duplicates join two sets, the
    closest first, only if at least half of the pairs between the sets are nearly the same. Link by link, the messages
    of one template would otherwise grow into one group that leaves nothing to split; so a chain ends in several groups.
    """
    exact = _exact(texts)
    first_of = {row: rows[0] for rows in exact for row in rows}
    # Of exact copies only the first is compared, or a text with 50 copies would make 1,225 pairs.
    distinct = [row for row in range(len(texts)) if first_of.get(row, row) == row]
    near_searched = len(distinct) <= most_rows
    by_letters: list[Pair] = []
    by_meaning: list[Pair] = []
    if near_searched:
        in_order = None if meaning is None else Meaning(meaning.vectors[distinct], meaning.mean_cosine)
        by_letters, by_meaning = (
            [(distinct[one], distinct[other]) for one, other in pairs]
            for pairs in _near([texts[row] for row in distinct], cosine, in_order)
        )
    copies = [(rows[0], row) for rows in exact for row in rows[1:]]
    links = [*copies, *_declared_links(declared), *_joining([*by_letters, *by_meaning])]
    near = tuple(sorted([*by_letters, *by_meaning]))
    return Duplicates(exact, near, _components(len(texts), links), near_searched, frozenset(by_meaning))


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
    """Pairs by characters, and those that only both measures together show; the closest first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    try:
        # N-grams run across words: most of a short text then stays as it was when one letter changes. Counts are
        # damped: a ruler of 70 dashes would make two unlike letters one text.
        vectors = TfidfVectorizer(
            analyzer="char", ngram_range=(3, 5), sublinear_tf=True, dtype=np.float32
        ).fit_transform([normalised(text) for text in texts])
    except ValueError:  # no text is long enough for one n-gram
        return [], []
    # No vector lies closer than 1, so characters must bring at least this much to the mean.
    least = cosine if meaning is None else min(cosine, 2 * meaning.mean_cosine - 1)
    by_letters: list[tuple[float, Pair]] = []
    by_meaning: list[tuple[float, Pair]] = []
    for start in range(0, len(texts), BLOCK):
        similar = (vectors[start : start + BLOCK] @ vectors.T).tocoo()
        close = (similar.data >= least) & (similar.row + start < similar.col)
        candidates = _Candidates(similar.row[close] + start, similar.col[close], similar.data[close])
        by_letters += candidates.only(candidates.cosines >= cosine).scored()
        if meaning is not None:
            by_meaning += candidates.only(candidates.cosines < cosine).near_by(meaning).scored()
    return _closest_first(by_letters), _closest_first(by_meaning)


@dataclass(frozen=True)
class _Candidates:
    """Pairs of rows and how close they are, each (pairs,)."""

    ones: NDArray[np.int64]
    others: NDArray[np.int64]
    cosines: NDArray[np.float32]

    def only(self, chosen: NDArray[np.bool_]) -> _Candidates:
        return _Candidates(self.ones[chosen], self.others[chosen], self.cosines[chosen])

    def near_by(self, meaning: Meaning) -> _Candidates:
        """Those whose mean cosine reaches the threshold, with that mean."""
        of_vectors = np.concatenate(
            [
                np.einsum("ij,ij->i", meaning.vectors[self.ones[part]], meaning.vectors[self.others[part]])
                for part in (slice(start, start + BLOCK) for start in range(0, max(1, len(self.ones)), BLOCK))
            ]
        )
        means = (self.cosines + of_vectors) / 2
        return _Candidates(self.ones, self.others, means).only(means >= meaning.mean_cosine)

    def scored(self) -> list[tuple[float, Pair]]:
        # Rounded, or the last digit, which differs between machines, would decide which pair joins first.
        scores = self.cosines.round(4).tolist()
        return list(zip(scores, zip(self.ones.tolist(), self.others.tolist(), strict=True), strict=True))


def _closest_first(scored: list[tuple[float, Pair]]) -> list[Pair]:
    return [pair for _, pair in sorted(scored, key=lambda found: (-found[0], found[1]))]


def _joining(near: Sequence[Pair]) -> list[Pair]:
    """The pairs, taken in order, that join two sets of which at least half of all pairs are near."""
    set_of: dict[int, int] = {row: row for pair in near for row in pair}
    members = {row: [row] for row in set_of}
    between: dict[int, Counter[int]] = {row: Counter() for row in set_of}
    for one, other in near:
        between[one][other] += 1
        between[other][one] += 1
    joining = []
    for one, other in near:
        here, there = set_of[one], set_of[other]
        if here == there or 2 * between[here][there] < len(members[here]) * len(members[there]):
            continue
        joining.append((one, other))
        if len(between[here]) < len(between[there]):
            here, there = there, here
        for row in members[there]:
            set_of[row] = here
        members[here] += members.pop(there)
        for neighbour, count in between.pop(there).items():
            del between[neighbour][there]
            if neighbour != here:
                between[here][neighbour] += count
                between[neighbour][here] += count
    return joining


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
