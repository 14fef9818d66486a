"""As a user: `advisor compare ITEMS --recorded PREDICTIONS`, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from service.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
LABELS = ("Billing", "Technical")
Advisor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def advisor(tmp_path: Path) -> Advisor:
    """Runs the command in an empty folder."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-m", "service", *arguments],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def questions(tmp_path: Path) -> str:
    """Forty questions without a target."""
    lines = [
        json.dumps({"id": f"q{row}", "question": f"{row**3 % 7919} {'xyzuvw'[row % 6] * 5} {row}?"})
        for row in range(40)
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines))
    return "questions.jsonl"


@pytest.fixture
def answers(tmp_path: Path) -> Callable[..., str]:
    """A file of answers; each arm is right on its first so many questions."""

    def write(name: str = "answers.csv", **right: int) -> str:
        rows = [f"q{row},{arm},gpt-x,{int(row < count)}" for arm, count in right.items() for row in range(40)]
        (tmp_path / name).write_text("\n".join(["id,arm,model,correct", *rows]))
        return name

    return write


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command that must fail in this process, which is quicker; gives its one line on standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == 2, (result.output, result.exception)
        (line,) = result.stderr.strip().splitlines()
        assert not list(tmp_path.rglob("report*"))
        return line

    return run


def refused(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert "Traceback" not in line
    return line


def test_from_two_files_to_a_report(
    advisor: Advisor, questions: str, answers: Callable[..., str], tmp_path: Path
) -> None:
    done = advisor("compare", questions, "--recorded", answers(base=8, rag=12, qlora=38))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    printed = " ".join(done.stdout.split())
    assert 'Fine-tune: "qlora" beats every cheaper way by enough to pay.' in printed
    assert "These answers were recorded elsewhere: how they were made is not known to us." in printed
    assert "guessed from the names: base: zero_shot; rag: retrieval; qlora: lora" in printed
    folder = tmp_path / "advisor-runs" / "questions"
    report = json.loads((folder / "report.json").read_text())
    assert [(arm["name"], arm["family"], arm["base_model"]) for arm in report["arms"]] == [
        ("base", "zero_shot", "gpt-x"), ("rag", "retrieval", "gpt-x"), ("qlora", "lora", "gpt-x"),
    ]  # fmt: skip
    assert [arm["accuracy"] for arm in report["arms"]] == [0.2, 0.3, 0.95]
    assert report["origin"]["file"] == "answers.csv"
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text()
        assert "recorded elsewhere" in text
        assert report["origin"]["sha256"][:16] in text
        assert "acro-F1" not in text


def test_a_report_is_shown_again(advisor: Advisor, questions: str, answers: Callable[..., str]) -> None:
    advisor("compare", questions, "--recorded", answers(base=20, rag=22), "--out", "run")
    for format in ("text", "html"):
        done = advisor("report", "run", "--format", format)
        assert done.returncode == 0, done.stderr
        assert "rag" in done.stdout


def test_json_and_a_requirement(advisor: Advisor, questions: str, answers: Callable[..., str]) -> None:
    command = ("compare", questions, "--recorded", answers(base=36, qlora=8), "--json", "-")
    kept = advisor(*command, "--require", "keep:base")
    assert kept.returncode == 0, kept.stderr
    assert json.loads(kept.stdout)["verdict"]["arm"] == "base"
    assert "required was fine_tune" in refused(advisor(*command, "--require", "fine_tune"), code=4)


def test_families_and_thresholds_of_the_users_own(
    advisor: Advisor, refuse: Callable[..., str], questions: str, answers: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "policy.toml").write_text("price_retrieval = 0.05\n")
    file = answers(base=20, mystery=24)
    assert "--family 'mystery'=FAMILY" in refuse("compare", questions, "--recorded", file)
    done = advisor(
        "compare", questions, "--recorded", file, "--family", "mystery=retrieval", "--policy", "policy.toml",
        "--json", "-",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [(arm["name"], arm["price"]) for arm in report["arms"]] == [("base", 0.0), ("mystery", 0.05)]


def test_a_form_of_a_task_that_the_encoder_cannot_do(
    advisor: Advisor, questions: str, answers: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "form.yaml").write_text(
        "task: {kind: question_answering, name: Manuals}\nsuccess: {worthwhile_gain: 0.3, target: 0.9}\n"
    )
    done = advisor(
        "compare", questions, "--recorded", answers(base=20, qlora=30), "--form", "form.yaml", "--json", "-"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["task_name"] == "Manuals"
    assert report["policy"]["worthwhile_gain"] == 0.3
    assert report["target"] == 0.9


def test_missing_answers(advisor: Advisor, questions: str, answers: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / answers(base=20, qlora=30)
    file.write_text("\n".join(file.read_text().splitlines()[:-4]))
    command = ("compare", questions, "--recorded", file.name)
    line = refused(advisor(*command))
    assert "answers.csv: answers are missing: qlora 4 of 40" in line
    assert not list(tmp_path.rglob("report*"))
    done = advisor(*command, "--missing-as-failures")
    assert done.returncode == 0, done.stderr
    assert "Answers that are missing count as failures: qlora 4." in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--recorded", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--family", "base=lora"], "go with --recorded FILE"),
        (["--with-encoder"], "go with --recorded FILE"),
        (["--recorded", "answers.csv", "--labels", "x.yaml"], "--labels x.yaml: recorded answers have no use for it"),
        (["--recorded", "answers.csv", "--test", "x.csv"], "--test x.csv: recorded answers have no use for it"),
        (["--recorded", "answers.csv", "--family", "base=best"], "--family base=best: expected NAME=FAMILY"),
        (["--recorded", "alone.csv"], "alone.csv has one arm, 'base'; a comparison needs two, or --with-encoder"),
        (["--recorded", "answers.csv", "--require", "keep:bass"], "arms are base, qlora"),
        (["--recorded", "answers.csv", "--output-column", "gold"], "questions.jsonl: no column 'gold'"),
    ],
)
def test_refusals(
    refuse: Callable[..., str], questions: str, answers: Callable[..., str], arguments: Sequence[str], says: str
) -> None:
    answers(base=20, qlora=30)
    answers("alone.csv", base=20)
    assert says in refuse("compare", questions, *arguments)


def test_too_few_items(advisor: Advisor, answers: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text("".join(json.dumps({"id": f"q{row}"}) + "\n" for row in range(12)))
    file = tmp_path / answers(base=6, rag=9)
    few = [line for line in file.read_text().splitlines() if line.startswith("id") or int(line[1:].split(",")[0]) < 12]
    file.write_text("\n".join(few))
    done = advisor("compare", "few.jsonl", "--recorded", file.name, "--json", "-")
    assert "12 examples; a comparison needs at least 30" in refused(done, code=3)
    assert json.loads(done.stdout)["verdict"]["kind"] == "no_comparison"


class TestBesideTheEncoder:
    @pytest.fixture
    def tickets(self, tmp_path: Path) -> tuple[str, str]:
        """Forty rows to learn from and thirty-six to test on, with ids."""
        words = ("invoice", "router", "refund", "camera", "price", "battery", "receipt", "sensor")

        def rows(start: int, count: int) -> list[dict[str, Any]]:
            return [
                {"id": f"r{row}", "input": f"{words[row % 8]} {row**3 % 7919} {'xyzuvw'[row % 6] * 5} {row}",
                 "output": LABELS[row % 2]}
                for row in range(start, start + count)
            ]  # fmt: skip

        for name, content in (("train.jsonl", rows(0, 40)), ("test.jsonl", rows(100, 36))):
            (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in content))
        return "train.jsonl", "test.jsonl"

    def test_both_stand_in_one_report(self, advisor: Advisor, tickets: tuple[str, str], tmp_path: Path) -> None:
        said = [
            {"id": f"r{row}", "arm": "zero_shot", "model": "large", "output": LABELS[row % 2]}
            for row in range(100, 136)
        ]
        (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in said))
        train, test = tickets
        done = advisor(
            "compare", train, "--test", test, "--recorded", "answers.jsonl", "--with-encoder", "--json", "report.json"
        )
        assert done.returncode == 0, done.stderr
        report = json.loads((tmp_path / "report.json").read_text())
        names = [arm["name"] for arm in report["arms"]]
        assert names == ["zero_shot", "zero_shot (large)", "few_shot", "nearest", "head", "lora"]
        assert report["arms"][1]["accuracy"] == 1
        assert report["arms"][1]["macro_f1"] == 1
        assert len(report["contrasts"]) == 15
        assert len(report["provenance"]["trials"]) == 11

    def test_scores_cannot(self, refuse: Callable[..., str], tickets: tuple[str, str], tmp_path: Path) -> None:
        rows = [{"id": f"r{row}", "arm": "rag", "score": 0.5} for row in range(100, 136)]
        (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        train, test = tickets
        line = refuse("compare", train, "--test", test, "--recorded", "answers.jsonl", "--with-encoder")
        assert "scores from 0 to 1 cannot stand beside the encoder's arms" in line
