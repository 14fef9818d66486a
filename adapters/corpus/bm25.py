"""Search by words: BM25 with Lucene's weights (Robertson and Zaragoza 2009; bm25s: Lù 2024, arXiv 2407.03618)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from adapters.corpus.ranking import Ranking, best_rows

UNSPACED: Final = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Thai, Japanese and Chinese are written without blanks: pairs of neighbouring characters stand for words."""
WORD: Final = re.compile(rf"[{UNSPACED}]+|[^\W_{UNSPACED}]+")
PART: Final = re.compile(r"\d+|[^\W\d_]+")
FIRST_UNSPACED: Final = re.compile(rf"[{UNSPACED}]")
STOP_WORDS: Final = {
    "en": "EN_PLUS", "de": "GERMAN", "nl": "DUTCH", "fr": "FRENCH", "es": "SPANISH", "pt": "PORTUGUESE",
    "it": "ITALIAN", "ru": "RUSSIAN", "sv": "SWEDISH", "no": "NORWEGIAN", "nb": "NORWEGIAN", "da": "DANISH",
    "tr": "TURKISH",
}  # fmt: skip
"""The lists of bm25s by ISO 639 code. In another language no word is left out."""
LANGUAGE: Final = "language.json"


class Bm25Search:
    """Words in lower case, cut to their stems in the languages that Snowball knows.

    Of a question, not of a passage, the stop words of its language are left out ("do you ... my"): they are rare in
    documents, so that BM25 takes them for telling. A question of stop words alone keeps them.
    """

    def __init__(self, texts: Iterable[str], language: str) -> None:
        """`texts` are read once; `language` is an ISO 639 code. Raises ValueError for no text at all."""
        import bm25s

        self._set_language(language)
        numbers: dict[str, int] = {}
        # As numbers at once: the words of a large corpus would take gigabytes as text.
        counted = [[numbers.setdefault(self._stem(word), len(numbers)) for word in split_words(text)] for text in texts]
        if not counted:
            raise ValueError("a search needs a passage")
        if not numbers:
            # Passages of signs alone have no words; the index wants one, which no question holds.
            counted[0], numbers[""] = [0], 0
        self._index: Any = bm25s.BM25(method="lucene")
        self._index.index((counted, numbers), create_empty_token=False, show_progress=False)

    def rank(self, queries: Sequence[str], k: int) -> list[Ranking]:
        """The k best passages for each query, fewer where fewer share a word with it."""
        return [best_rows(self._scores(query), k, above=0.0) for query in queries]

    def _scores(self, query: str) -> Any:
        words = split_words(query)
        telling = [word for word in words if word not in self._stop_words] or words
        return self._index.get_scores_from_ids(self._index.get_tokens_ids([self._stem(word) for word in telling]))

    def _set_language(self, language: str) -> None:
        self._language, self._stem, self._stop_words = language, _stemmer(language), _stop_words(language)

    def save(self, folder: Path) -> None:
        self._index.save(folder, show_progress=False)
        (folder / LANGUAGE).write_text(json.dumps(self._language))

    @classmethod
    def load(cls, folder: Path) -> Bm25Search:
        """The weights stay on disk and are mapped into memory as they are needed."""
        import bm25s

        search = cls.__new__(cls)
        search._set_language(json.loads((folder / LANGUAGE).read_text()))
        search._index = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        return search


def _stemmer(language: str) -> Callable[[str], str]:
    """Without a stemmer for the language words are taken as they stand."""
    import Stemmer

    try:
        stemmer = Stemmer.Stemmer(_code(language))
    except KeyError:
        return str
    # Kept outside the stemmer, whose own cache is small: a corpus repeats its words without end.
    return lru_cache(maxsize=200_000)(stemmer.stemWord)


def _stop_words(language: str) -> frozenset[str]:
    from bm25s import stopwords

    name = STOP_WORDS.get(_code(language))
    # The lists hold whole phrases such as "don't", the questions what `split_words` makes of them.
    return frozenset(split_words(" ".join(getattr(stopwords, f"STOPWORDS_{name}")))) if name else frozenset()


def _code(language: str) -> str:
    """'de' of 'de-AT'."""
    return language.lower().partition("-")[0]


def split_words(text: str) -> list[str]:
    """Runs of letters and digits in lower case; of Thai, Japanese and Chinese every two neighbouring characters.

    A run of both comes whole and in its parts, so that FY2018 finds 2018 and the other way round.
    """
    words: list[str] = []
    for word in WORD.findall(text.casefold()):
        if len(word) > 2 and FIRST_UNSPACED.match(word):
            words += [word[start : start + 2] for start in range(len(word) - 1)]
            continue
        words.append(word)
        if not word.isalpha() and len(parts := PART.findall(word)) > 1:
            words += parts
    return words
