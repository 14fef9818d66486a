"""Whatever a user gets wrong ends in one clear line and exit code 2 or 3, and writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.__main__ import app

LABELS = ("Billing", "Technical")
SUBJECTS = ("invoice", "router", "refund", "camera", "price", "battery", "receipt", "sensor")


def rows(count: int, labels: Sequence[str] = LABELS, start: int = 0) -> list[dict[str, str]]:
    """Rows that share few words, so that none is a near copy of another."""
    return [
        {
            "id": f"r{start + row}",
            "input": f"{SUBJECTS[row % 8]} {(start + row) ** 3 % 7919} {'xyzuvw'[row % 6] * 5} {start + row}",
            "output": labels[row % len(labels)],
        }
        for row in range(count)
    ]


Refuse = Callable[..., str]


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Runs a command that must fail; gives its one line on standard error."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, code: int = 2) -> str:
        before = sorted(tmp_path.rglob("report*"))
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == code, (result.output, result.exception)
        lines = result.stderr.strip().splitlines()
        assert len(lines) == 1, lines
        assert "Traceback" not in lines[0]
        assert sorted(tmp_path.rglob("report*")) == before
        assert not list(tmp_path.rglob("trial.json"))
        return lines[0]

    return run


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., str]:
    def write(content: Sequence[dict[str, str]], name: str = "data.jsonl") -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
        return str(path)

    return write


def test_no_file(refuse: Refuse) -> None:
    assert "nowhere.jsonl: no such file" in refuse("compare", "nowhere.jsonl")


def test_empty_file(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("\n \n")
    assert "empty.csv is empty" in refuse("compare", "empty.csv")


def test_not_utf_8(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("text,label\nhello,a\nGrüße,b\n".encode("latin-1"))
    line = refuse("compare", "latin.csv")
    assert "latin.csv, line 3: not UTF-8" in line
    assert "save the file as UTF-8" in line


def test_wrong_columns(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "wrong.csv").write_text("alpha,beta\n1,2\n")
    line = refuse("compare", "wrong.csv")
    assert "no column for the input among 'alpha', 'beta'" in line
    assert "--input-column" in line


def test_an_overridden_column_that_is_not_there(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    assert "no column 'body' for the input" in refuse("compare", jsonl(rows(40)), "--input-column", "body")


def test_one_class_only(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    assert "AUDIT02 one_class: Every example has the label 'Billing'" in refuse(
        "compare", jsonl(rows(40, ("Billing",))), code=3
    )


def test_twelve_examples(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    line = refuse("compare", jsonl(rows(12)), code=3)
    assert "12 examples; a comparison needs at least 30" in line
    assert "Label 18 more" in line


def test_all_labels_unique(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    data = jsonl(rows(40, [f"label {number}" for number in range(40)]))
    assert "AUDIT03 labels_hardly_repeat" in refuse("compare", data, code=3)


def test_a_megabyte_in_one_cell(refuse: Refuse, tmp_path: Path) -> None:
    body = "".join(f"{row['input']},{row['output']}\n" for row in rows(40))
    (tmp_path / "long.csv").write_text(f"text,label\n{body}{'word ' * 200_000},Billing\n")
    assert "long.csv, line 42, column 'text': 1,000,000 characters" in refuse("compare", "long.csv")


def test_ragged_rows(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "ragged.csv").write_text('text,label\n"two\nlines",a\none, two,b\n')
    line = refuse("compare", "ragged.csv")
    assert "ragged.csv, line 4: 3 cells, expected 2" in line


def test_duplicate_ids(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    data = rows(40)
    data[7]["id"] = data[3]["id"]
    assert "line 8: id 'r3' is also on line 4" in refuse("compare", jsonl(data))


def test_a_test_file_that_overlaps(refuse: Refuse, jsonl: Callable[..., str]) -> None:
    train, test = rows(60), rows(40, start=100)
    test[5] = {**test[5], "input": train[9]["input"].upper()}
    line = refuse("compare", jsonl(train), "--test", jsonl(test, "test.jsonl"), code=3)
    assert "AUDIT12 test_rows_in_training: 1 text of the test file" in line


def test_a_form_with_an_unknown_key(refuse: Refuse, jsonl: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text("examples: {cuont: 40}\n")
    for command in (["assess", "form.yaml"], ["compare", jsonl(rows(40)), "--form", "form.yaml"]):
        line = refuse(*command)
        assert "form.yaml" in line
        assert "examples.cuont" in line
        assert "count" in line


def test_a_form_that_is_not_yaml(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text("task: {kind: [classification\nexamples: 3\n")
    assert "form.yaml, line" in refuse("assess", "form.yaml")


@pytest.mark.parametrize(
    ("answers", "says"),
    [("task: {modality: image}", "modality: image"), ("task: {kind: extraction}", "kind: extraction")],
)
def test_a_task_that_the_encoder_cannot_do(
    refuse: Refuse, jsonl: Callable[..., str], tmp_path: Path, answers: str, says: str
) -> None:
    (tmp_path / "form.yaml").write_text(answers)
    assert says in refuse("compare", jsonl(rows(40)), "--form", "form.yaml")


def test_label_descriptions_of_a_label_that_no_row_has(
    refuse: Refuse, jsonl: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "labels.yaml").write_text("Biling: about money\n")
    line = refuse("compare", jsonl(rows(40)), "--labels", "labels.yaml")
    assert "'Biling'; did you mean 'Billing'?" in line


def test_a_training_cost_without_its_worth(refuse: Refuse, jsonl: Callable[..., str], tmp_path: Path) -> None:
    data = jsonl(rows(40))
    line = refuse("compare", data, "--training-cost", "40")
    assert "task.requests_per_month" in line
    assert "--form" in line
    (tmp_path / "form.yaml").write_text("task: {requests_per_month: 1000}\n")
    assert "budget.value_of_correct" in refuse("compare", data, "--training-cost", "40", "--form", "form.yaml")


@pytest.mark.parametrize("requirement", ["best", "keep:lore"])
def test_a_requirement_that_cannot_be_met(refuse: Refuse, jsonl: Callable[..., str], requirement: str) -> None:
    assert "expected one of fine_tune, keep" in refuse("compare", jsonl(rows(40)), "--require", requirement)


def test_an_encoder_folder_without_weights(
    refuse: Refuse, jsonl: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_ENCODER", str(tmp_path))
    assert "no model.safetensors" in refuse("compare", jsonl(rows(40)))


def test_a_report_of_nothing(refuse: Refuse, tmp_path: Path) -> None:
    assert "has no report.json" in refuse("report", str(tmp_path))


def test_audit_exits_with_3_on_a_blocker_and_still_shows_it(jsonl: Callable[..., str]) -> None:
    result = CliRunner().invoke(app, ["audit", jsonl(rows(12))])
    assert result.exit_code == 3
    assert "AUDIT01 blocker" in result.stdout
    shown = CliRunner().invoke(app, ["audit", jsonl(rows(12)), "--json"])
    assert shown.exit_code == 3
    assert json.loads(shown.stdout)["findings"][0]["code"] == "AUDIT01"
