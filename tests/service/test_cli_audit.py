"""As a user: `advisor audit DATA`, and `--clean OUT` for a file without what it objects to."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from click.testing import Result
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from service.__main__ import app

Advisor = Callable[..., Result]
SUBJECTS = ("invoice", "router", "refund", "camera", "price", "battery", "receipt", "sensor")
SECRET = "AKIAIOSFODNN7EXAMPLE"


def sound(count: int, start: int = 0) -> list[str]:
    """CSV rows that share few words."""
    return [
        f"r{row},{SUBJECTS[row % 8]} {row**3 % 7919} {'xyzuvw'[row % 6] * 5} {row},{('Billing', 'Technical')[row % 2]}"
        for row in range(start, start + count)
    ]


FAULTY = [
    *sound(40),
    "copy,Invoice 0 xxxxx 0!,Billing",  # line 42: as line 2
    "either,router 1 yyyyy 1,Billing",  # line 43: as line 3, with another label
    "empty,,Billing",  # line 44
    f'leaked,"key {SECRET}, help",Technical',  # line 45
    "tested,Where is my parcel?,Billing",  # line 46
    "nearly,Could you please tell me when the parcel with my camera arrives,Billing",  # line 47
]
TEST = [
    *sound(32, start=100),
    "t1,where is my PARCEL,Billing",
    "t2,Could you please tell me when the parcel with the camera arrives,Billing",
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def advisor(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Advisor]:
    """Runs the command in a folder with `faulty.csv`, `test.csv` and `sound.csv`."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.chdir(tmp_path)
    for name, rows in (("faulty", FAULTY), ("test", TEST), ("sound", sound(40))):
        (tmp_path / f"{name}.csv").write_text("\n".join(["id,text,label", *rows, ""]))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, ["audit", *arguments])

    with threadpool_limits(1):
        yield run


def refused(result: Result) -> str:
    assert result.exit_code == 2, (result.output, result.exception)
    (line,) = result.stderr.strip().splitlines()
    return line


def test_near_duplicates_are_searched_by_letters_and_by_meaning(advisor: Advisor) -> None:
    shown = advisor("sound.csv")
    assert shown.exit_code == 0
    assert "searched by letters (character n-grams) and by meaning (embeddings)" in " ".join(shown.stdout.split())
    told = json.loads(advisor("sound.csv", "--json").stdout)
    assert (told["near_search"], told["twinned"]) == ("letters and meaning", [])
    assert "cleaning" not in told


def test_a_cleaned_file_and_the_list_of_what_went(advisor: Advisor, tmp_path: Path) -> None:
    result = advisor("faulty.csv", "--test", "test.csv", "--clean", "out/clean.csv")
    assert result.exit_code == 0, (result.stdout, result.stderr, result.exception)
    kept = sound(40)
    del kept[1]
    assert (tmp_path / "out" / "clean.csv").read_text().splitlines() == [
        "id,text,label", *kept, 'leaked,"key <access key>, help",Technical'
    ]  # fmt: skip
    with (tmp_path / "out" / "clean.removed.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    assert [(row["id"], row["file"], row["line"], row["finding"], row["done"]) for row in listed] == [
        ("r1", "faulty.csv", "3", "AUDIT11", "removed"),
        ("copy", "faulty.csv", "42", "AUDIT09", "removed"),
        ("either", "faulty.csv", "43", "AUDIT11", "removed"),
        ("empty", "faulty.csv", "44", "AUDIT07", "removed"),
        ("leaked", "faulty.csv", "45", "AUDIT18", "changed"),
        ("tested", "faulty.csv", "46", "AUDIT12", "removed"),
        ("nearly", "faulty.csv", "47", "AUDIT13", "removed"),
    ]
    assert all(row["reason"] for row in listed)
    printed = " ".join(result.stdout.split())
    assert "out/clean.csv: 40 of 46 rows" in printed
    assert "AUDIT11 2 rows removed (conflicting labels)" in printed
    assert "AUDIT18 1 row changed (secrets)" in printed
    assert "the test file is not changed" in printed
    for text in (printed, *(path.read_text() for path in (tmp_path / "out").iterdir())):
        assert SECRET not in text
    # No unfinished file is left behind.
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clean.csv", "clean.removed.csv"]


def test_the_cleaned_file_passes_where_the_other_was_blocked(advisor: Advisor) -> None:
    assert advisor("faulty.csv", "--test", "test.csv").exit_code == 3
    assert advisor("faulty.csv", "--test", "test.csv", "--clean", "clean.csv").exit_code == 0
    again = json.loads(advisor("clean.csv", "--test", "test.csv", "--json").stdout)
    assert again["findings"] == []


def test_what_cleaning_does_not_mend_still_exits_with_3(advisor: Advisor, tmp_path: Path) -> None:
    (tmp_path / "few.csv").write_text("\n".join(["id,text,label", *sound(12), "empty,,Billing", ""]))
    result = advisor("few.csv", "--clean", "clean.csv", "--json")
    assert result.exit_code == 3
    assert json.loads(result.stdout)["cleaning"] == {
        "file": "clean.csv", "list": "clean.removed.csv", "rows": 13, "kept": 12,
        "removed": {"AUDIT07": 1}, "changed": {}, "without_placeholder": [], "blockers": ["AUDIT01"],
    }  # fmt: skip
    assert "still no comparison: AUDIT01 12 examples" in " ".join(advisor("few.csv", "--clean", "c.csv").stdout.split())


def test_only_for_the_findings_that_are_named(advisor: Advisor) -> None:
    result = advisor("faulty.csv", "--clean", "clean.csv", "--clean-only", "audit07, AUDIT09", "--json")
    assert json.loads(result.stdout)["cleaning"]["removed"] == {"AUDIT07": 1, "AUDIT09": 1}
    assert json.loads(result.stdout)["cleaning"]["changed"] == {}


def test_nothing_to_clean_is_a_copy(advisor: Advisor, tmp_path: Path) -> None:
    result = advisor("sound.csv", "--clean", "clean.csv")
    assert result.exit_code == 0
    assert "nothing to remove or change: a copy" in result.stdout
    assert (tmp_path / "clean.csv").read_bytes() == (tmp_path / "sound.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--clean", "faulty.csv"], "--clean faulty.csv: faulty.csv is there already; name a new file"),
        (["--clean", "test.csv"], "test.csv is there already"),
        (["--clean", "old.csv"], "--clean old.csv: old.removed.csv is there already"),
        (["--clean", "clean.jsonl"], "as CSV; expected a name such as clean.csv"),
        (["--clean", "clean"], "expected a name such as clean.csv"),
        (["--clean", "test.csv/clean.csv"], "cannot be written"),
        (["--clean-only", "AUDIT09"], "expected --clean OUT as well"),
        (["--clean", "clean.csv", "--clean-only", "AUDIT04"], "--clean-only AUDIT04: expected some of AUDIT07"),
        (["--clean", "clean.csv", "--clean-only", ","], "expected some of AUDIT07"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    advisor: Advisor, tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "old.removed.csv").touch()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert says in refused(advisor("faulty.csv", *arguments))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_of_which_nothing_would_be_left(advisor: Advisor, tmp_path: Path) -> None:
    (tmp_path / "same.csv").write_text("text,label\nhello,a\nhello,b\n")
    assert "no row of same.csv would be left" in refused(advisor("same.csv", "--clean", "clean.csv"))
    assert not (tmp_path / "clean.csv").exists()


def chats(rows: list[str]) -> str:
    """CSV rows as OpenAI's chats."""
    system = {"role": "system", "content": "Which team?"}
    return "".join(
        json.dumps(
            {
                "id": id,
                "messages": [system, {"role": "user", "content": text}, {"role": "assistant", "content": label}],
            }
        )
        + "\n"
        for id, text, label in csv.reader(rows)
    )


def test_chats_are_cleaned_as_chats(advisor: Advisor, tmp_path: Path) -> None:
    (tmp_path / "chats.jsonl").write_text(chats(FAULTY))
    assert advisor("chats.jsonl", "--test", "test.csv").exit_code == 3
    result = advisor("chats.jsonl", "--test", "test.csv", "--clean", "clean.jsonl")
    assert result.exit_code == 0, (result.stdout, result.stderr, result.exception)
    kept = sound(40)
    del kept[1]
    assert (tmp_path / "clean.jsonl").read_text() == chats([*kept, 'leaked,"key <access key>, help",Technical'])
    assert json.loads(advisor("clean.jsonl", "--test", "test.csv", "--json").stdout)["findings"] == []


def test_a_parquet_file_is_audited_by_row_and_not_cleaned(advisor: Advisor, tmp_path: Path) -> None:
    rows = pyarrow.csv.read_csv(tmp_path / "faulty.csv")
    pyarrow.parquet.write_table(rows, tmp_path / "faulty.parquet")
    result = advisor("faulty.parquet")
    assert result.exit_code == 3
    printed = " ".join(result.stdout.split())
    assert "faulty: 46 examples" in printed
    assert "rows 1 and 41" in printed
    assert "lines" not in printed
    message = refused(advisor("faulty.parquet", "--clean", "clean.parquet"))
    assert "Parquet files are read, not written; save faulty.parquet as JSONL or CSV" in message
    assert not (tmp_path / "clean.parquet").exists()
