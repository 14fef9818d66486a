"""Real questions over real paragraphs: a search far under these figures has a fault.

Embedding whole corpora takes minutes and is measured in benchmarks/retrieval.py instead.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from statistics import fmean

import pytest

from adapters.corpus.search import open_corpus
from adapters.encoder.embedding import Encoder
from evaluation.retrieval_quality import recall_at

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("ADVISOR_DATA") or ROOT.parent / "shared/data") / "open"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no {FOLDER}; name the data folder in ADVISOR_DATA")


@pytest.mark.parametrize(("name", "expected"), [("xquad_en", 0.97), ("financebench", 0.57)])
def test_by_words(name: str, expected: float, encoder: Encoder, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (FOLDER / name / "test.jsonl").read_text().splitlines()]
    search = open_corpus(FOLDER / name / "corpus.jsonl", encoder, tmp_path, "bm25")
    found = search.search([row["input"] for row in rows], 5)
    assert fmean(recall_at(5, row["evidence"], one) for row, one in zip(rows, found, strict=True)) >= expected


def test_by_both(encoder: Encoder, tmp_path: Path) -> None:
    documents = (FOLDER / "xquad_en" / "corpus.jsonl").read_text().splitlines()[:20]
    (tmp_path / "corpus.jsonl").write_text("\n".join(documents))
    known = {json.loads(line)["id"] for line in documents}
    rows = [json.loads(line) for line in (FOLDER / "xquad_en" / "test.jsonl").read_text().splitlines()]
    rows = [row for row in rows if known.issuperset(row["evidence"])]
    assert len(rows) >= 20
    search = open_corpus(tmp_path / "corpus.jsonl", encoder, tmp_path / "index")
    found = search.search([row["input"] for row in rows], 3)
    assert fmean(recall_at(3, row["evidence"], one) for row, one in zip(rows, found, strict=True)) >= 0.95
