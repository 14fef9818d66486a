"""The benchmarks in short: sound figures of encoder, training, search and protocol, and speed where somebody waits."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data"))


@pytest.mark.skipif(not (DATA / "open" / "trec6").is_dir(), reason="needs the open data sets: set ADVISOR_DATA")
def test_a_fine_tune_of_the_encoder_learns_questions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/open_data.py", "--quick", "--runs", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "ADVISOR_DATA": str(DATA)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    accuracy = {arm: float(value) for arm, value in re.findall(r"(\w+) (\d+\.\d)[,;]", done.stdout)}
    # With 100 rows of six labels: far above the frozen encoder, which itself is far above its label sentences.
    assert accuracy["lora"] > accuracy["head"] > accuracy["zero_shot"] > 40
    assert accuracy["lora"] > 75


def test_a_form_is_judged_in_under_15_milliseconds() -> None:
    """Median of 200 different forms over HTTP, best of up to three runs, so that a busy machine does not fail it."""
    medians: list[float] = []
    while min(medians, default=15) >= 15 and len(medians) < 3:
        done = subprocess.run(
            [sys.executable, "benchmarks/assess.py", "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (median,) = re.findall(r"post: median (\d+\.\d+)", done.stdout)
        medians.append(float(median))
    assert min(medians) < 15, medians


@pytest.mark.skipif(not (DATA / "open" / "trec6").is_dir(), reason="needs the open data sets: set ADVISOR_DATA")
def test_a_decision_is_measured_against_the_truth() -> None:
    """One small cell: the comparison, the truth, and a replay that agrees with what was decided."""
    done = subprocess.run(
        [sys.executable, "benchmarks/decision.py", str(DATA / "open"), "--quick"],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a replay agrees" in done.stdout
    (regret,) = re.findall(r"priced regret (\d+\.\d)", done.stdout)
    assert float(regret) < 20


@pytest.mark.skipif(not (DATA / "published").is_dir(), reason="needs the published outcomes: set ADVISOR_DATA")
def test_the_protocol_s_criteria_hold_in_short() -> None:
    """All eight acceptance criteria of the protocol with fewer draws: exits with an error where one fails."""
    done = subprocess.run(
        [sys.executable, "benchmarks/protocol.py", "--quick"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "ADVISOR_DATA": str(DATA), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not run" not in done.stdout


def test_an_endpoint_is_asked_about_as_quickly_as_by_a_bare_loop() -> None:
    """Nothing lost and nothing asked twice; the time is that of the better of up to three runs, on a busy machine."""
    ratios: list[float] = []
    while min(ratios, default=2) > 1.15 and len(ratios) < 3:
        done = subprocess.run(
            [sys.executable, "benchmarks/endpoint.py", "--quick"],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        runs = re.findall(r"'lost': (\d+), .*?'repeated': (\d+), 'unanswered': (\d+)", done.stdout)
        assert runs == [("0", "0", "0")] * 2, done.stdout
        ratios.append(float(re.findall(r"^well: .* ratio (\d+\.\d+)", done.stdout, re.M)[0]))
    assert min(ratios) <= 1.15, ratios


def test_the_service_bears_followers_and_a_queue() -> None:
    """Twenty followers get every event, six comparisons have a place in line each; how fast is nobody's matter here."""
    done = subprocess.run(
        [sys.executable, "benchmarks/serving.py", "--quick"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert [row["endpoint"] for row in measured["calls"]] == ["nothing", "assessments"]
    assert (measured["followed"]["followers"], measured["queued"]["last_place"]) == (20, 5)
    assert measured["followed"]["p99"] < 5000


@pytest.mark.skipif(not (DATA / "open" / "xquad_en").is_dir(), reason="needs the open data sets: set ADVISOR_DATA")
def test_documents_are_found(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "benchmarks/retrieval.py", "--quick", "--runs", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "ADVISOR_DATA": str(DATA)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    recall = {way: float(share) for way, share in re.findall(r"(dense|bm25|fusion) (\d+\.\d)%", done.stdout)}
    assert min(recall.values()) > 80, done.stdout


@pytest.mark.skipif(not (DATA / "open" / "xquad_en").is_dir(), reason="needs the open data sets: set ADVISOR_DATA")
def test_a_large_corpus_is_measured_the_whole_way() -> None:
    """With a graph instead of exact search, and all questions about what the encoder has read find it."""
    done = subprocess.run(
        [sys.executable, "benchmarks/large_corpus.py", "--quick"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), "ADVISOR_DATA": str(DATA)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "indexing passages: 1,500 of 1,500" in done.stderr
    found = [float(line.split("|")[-2]) for line in done.stdout.splitlines() if line.startswith("| 1,500")]
    assert len(found) == 2
    assert min(found) > 90, done.stdout
