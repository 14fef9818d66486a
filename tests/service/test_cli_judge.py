"""As a user: `advisor judge DIR` after a comparison of written answers, against real servers on this machine."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.__main__ import app

WORDS = {
    "billing": ("invoice", "refund", "charged", "receipt", "price"),
    "technical": ("crashes", "screen", "signal", "update", "sync"),
    "delivery": ("parcel", "courier", "late", "address", "box"),
}
ARMS = ("similar_examples", "few_shot")
ROWS = 90
LONG_ROWS = (3, 17, 40)
"""Test rows whose texts are longer than the rest together."""
CRITERION = "The answer names what the customer wrote about."
Run = Callable[..., Result]
Row = dict[str, str]


def letters(start: int, count: int, long: Iterable[int] = ()) -> str:
    """Letters of customers and the answers to them."""
    lines = []
    for number in range(start, start + count):
        team = list(WORDS)[number % 3]
        one, two = WORDS[team][number % 5], WORDS[team][(number // 5 + 1 + number) % 5]
        lines.append(json.dumps({
            "id": f"t{number}",
            "input": f"case {number * 7919 % 1000}: {one} and {two}" + f" day {number}" * (800 * (number in long) + 1),
            "output": f"- Dear customer, about {one} and {two}: our {team} team looks into it{' now' * (number % 4)}.",
        }))  # fmt: skip
    return "\n".join(lines)


@pytest.fixture(scope="module")
def compared(serve_all_tests: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished comparison of generated answers in `run`."""
    folder = tmp_path_factory.mktemp("compared")
    server = serve_all_tests(imitates=True)
    (folder / "train.jsonl").write_text(letters(100, 40))
    (folder / "test.jsonl").write_text(letters(0, ROWS, LONG_ROWS))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ADVISOR_DATA_FOLDER", str(folder / "data"))
        patch.setenv("ADVISOR_ENDPOINT", server.url)
        patch.setenv("ADVISOR_ENDPOINT_MODEL", "small-1")
        command = ["compare", "train.jsonl", "--test", "test.jsonl", "--kind", "generation", "--backend", "endpoint"]
        result = CliRunner().invoke(app, [*command, "--out", "run"])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def run(compared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command beside a copy of the comparison; no server is named yet."""
    shutil.copytree(compared / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADVISOR_DATA_FOLDER", str(tmp_path / "data"))

    def run(*arguments: str, server: Any = None, **settings: str) -> Result:
        named = {"endpoint": server.url, "endpoint_model": "judge-1"} if server is not None else {}
        for name, value in {**named, **settings}.items():
            monkeypatch.setenv(f"ADVISOR_{name.upper()}", value)
        return CliRunner().invoke(app, arguments)

    return run


@pytest.fixture
def graded(run: Run) -> Callable[..., list[Row]]:
    """Draws a sheet and fills in its first rows as somebody would who goes by the references."""

    def fill_in(rows: int = 50, to: str = "sheet.csv", verdict: Callable[[Row], str] = by_the_reference) -> list[Row]:
        result = run("judge", "run", "--sheet", to, "--arms", ",".join(ARMS))
        assert result.exit_code == 0, result.output
        sheet = read(to)
        for row in sheet[:rows]:
            row["better"] = verdict(row)
        write(to, sheet)
        return sheet

    return fill_in


def read(name: str) -> list[Row]:
    with Path(name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, rows: Sequence[Row]) -> None:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def by_the_reference(row: Row) -> str:
    right = set(row["references"].split())
    first, second = (len(right & set(row[f"answer {place}"].split())) for place in (1, 2))
    return "tie" if first == second else "1" if first > second else "2"


def by_length(row: Row) -> str:
    """As the server's judge goes; the marks that keep a spreadsheet from calculating are no part of an answer."""
    first, second = (len(row[f"answer {place}"].removeprefix("'")) for place in (1, 2))
    return "tie" if first == second else "1" if first > second else "2"


def report_of(folder: str = "run") -> dict[str, Any]:
    report: dict[str, Any] = json.loads(Path(folder, "report.json").read_text())
    return report


def answers_of(arm: str, folder: str = "run") -> dict[str, str]:
    """By row, straight from the trial: there is one fold."""
    key = report_of(folder)["provenance"]["trials"][f"{arm}/0/0"]
    said = [json.loads(line) for line in Path(folder, "trials", key, "predictions.jsonl").read_text().splitlines()]
    return {f"t{number}": each["output"] for number, each in enumerate(said)}


def ask(run: Run, server: Any, *more: str, **settings: str) -> Result:
    return run(
        "judge", "run", "--grades", "sheet.csv", "--criterion", CRITERION, *more, server=server, **settings
    )  # fmt: skip


class TestSimilarity:
    def test_it_stands_among_the_metrics_with_its_model_and_decides_nothing(self, compared: Path) -> None:
        report = report_of(str(compared / "run"))
        assert (report["metric"], report["similarity_model"]) == ("rouge_l", "all-MiniLM-L6-v2")
        for arm in report["arms"]:
            assert next(iter(arm["metrics"])) == "rouge_l"
            assert list(arm["metrics"])[-1] == "semantic_similarity"
            assert arm["accuracy"] == arm["metrics"]["rouge_l"]
        nothing, _, similar = (arm["metrics"]["semantic_similarity"] for arm in report["arms"])  # "no idea" first
        assert 0 < nothing < 0.3 < 0.6 < similar <= 1
        for suffix in ("md", "html"):
            page = (compared / "run" / f"report.{suffix}").read_text()
            assert "semantic similarity" in page
            assert "as the embedding model all-MiniLM-L6-v2 sees it" in page


class TestSheet:
    def test_rows_are_drawn_and_nothing_tells_the_arms(self, run: Run) -> None:
        result = run("judge", "run", "--sheet", "sheet.csv", "--arms", ",".join(ARMS))
        assert result.exit_code == 0, result.output
        sheet = read("sheet.csv")
        assert list(sheet[0]) == ["code", "row", "input", "references", "answer 1", "answer 2", "better"]
        assert len(sheet) == 50
        assert len({row["row"] for row in sheet}) == 50
        assert {row["better"] for row in sheet} == {""}
        assert [row["row"] for row in sheet] != sorted((row["row"] for row in sheet), key=lambda row: int(row[1:]))
        one, other = (answers_of(arm) for arm in ARMS)
        swapped = 0
        for row in sheet:
            # A dash at the beginning would be a formula to a spreadsheet.
            shown = [row[f"answer {place}"] for place in (1, 2)]
            assert all(text.startswith("'- ") for text in shown)
            texts = [text[1:] for text in shown]
            assert sorted(texts) == sorted((one[row["row"]], other[row["row"]]))
            assert row["references"][1:] == json.loads(letters(int(row["row"][1:]), 1))["output"]
            swapped += texts[0] == other[row["row"]]
        assert 10 < swapped < 40
        told = Path("sheet.csv").read_text()
        assert not any(word in told for word in (*ARMS, "few", "similar", "swapped"))

    def test_the_key_stays_in_the_folder(self, run: Run) -> None:
        assert run("judge", "run", "--sheet", "sheet.csv", "--arms", ",".join(ARMS)).exit_code == 0
        [path] = Path("run/judge").iterdir()
        key = json.loads(path.read_text())
        assert tuple(key["arms"]) == ARMS
        one = answers_of(ARMS[0])
        for row, place in zip(read("sheet.csv"), key["places"], strict=True):
            assert row["code"] == place["code"]
            assert row[f"answer {1 + place['swapped']}"][1:] == one[row["row"]]

    def test_the_seed_decides_the_draw(self, run: Run) -> None:
        for name, seed in (("a.csv", "1"), ("b.csv", "1"), ("c.csv", "2")):
            assert run("judge", "run", "--sheet", name, "--rows", "40", "--seed", seed).exit_code == 0
        assert read("a.csv") == read("b.csv") != read("c.csv")
        assert len(read("a.csv")) == 40

    def test_who_is_compared_where_nobody_says(self, run: Run) -> None:
        """The recommended arm and the best of another kind."""
        assert run("judge", "run", "--sheet", "sheet.csv").exit_code == 0
        report = report_of()
        arms = json.loads(next(Path("run/judge").iterdir()).read_text())["arms"]
        by_name = {arm["name"]: arm for arm in report["arms"]}
        chosen = by_name[report["verdict"]["arm"]]
        others = [arm for arm in report["arms"] if arm["family"] != chosen["family"]]
        assert arms == [chosen["name"], max(others, key=lambda arm: arm["accuracy"])["name"]]


class TestJudge:
    def test_one_that_prefers_length_is_asked_in_both_orders_and_corrected(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any
    ) -> None:
        sheet, before = graded(), report_of()
        server = serve(judges="longer", model="judge-1")
        result = ask(run, server)
        assert result.exit_code == 0, result.output
        report = report_of()
        judged = report.pop("judged")
        assert {**report, "judged": None} == before  # the verdict with all the rest
        one, other = (answers_of(arm) for arm in ARMS)
        differ = [row for row in one if one[row] != other[row]]
        assert (judged["asked"], judged["rows"], judged["unscored"], judged["graded"]) == (len(differ), ROWS, 0, 50)
        asked = 2 * len({(one[row], other[row], row) for row in differ})
        assert f"To be asked: {asked:,} answers" in result.stderr
        prompts = [body["messages"][0]["content"] for body in server.seen()["bodies"]]
        assert sum(prompt.startswith("You compare two answers") for prompt in prompts) == asked
        assert not any(arm in prompt for arm in ("few", "similar") for prompt in prompts)
        assert judged["swayed"] == 0
        assert judged["longer"] == 1
        assert judged["agreement"] == sum(row["better"] == by_length(row) for row in sheet) / 50
        assert judged["low"] < judged["win_rate"] < judged["high"]
        assert 0 < judged["ungraded"] < ROWS - 50
        assert judged["win_rate"] == pytest.approx(_people(sheet, one, other), abs=0.15)
        assert (judged["judge"], judged["criterion"]) == ("judge-1", CRITERION)
        assert not any("its verdicts" in doubt or "own" in doubt for doubt in judged["doubts"])

    def test_the_result_stands_in_every_report(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any
    ) -> None:  # fmt: skip
        graded()
        assert ask(run, serve(judges="longer", model="judge-1")).exit_code == 0
        judged = report_of()["judged"]
        for format in ("text", "md", "html", "json"):
            result = run("report", "run", "--format", format)
            assert result.exit_code == 0
            told = " ".join(result.stdout.split())
            if format == "json":
                assert json.loads(result.stdout)["judged"] == judged
                continue
            assert "What a judge and people say" in told
            assert f"{100 * judged['win_rate']:.1f}% of the rows" in told
            assert f"{100 * judged['low']:.1f}% to {100 * judged['high']:.1f}%" in told
            assert "judge-1 was the judge" in told
            assert CRITERION.rstrip(".") in told
            assert "ROUGE-L" in told
            assert "semantic similarity" in told
            assert "rests on ROUGE-L, not on the judge" in told

    def test_asking_again_costs_nothing(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        graded()
        server = serve(judges="longer", model="judge-1")
        assert ask(run, server).exit_code == 0
        asked, said = server.calls, report_of()["judged"]
        again = ask(run, server)
        assert again.exit_code == 0
        assert (server.calls, report_of()["judged"]) == (asked, said)
        assert "To be asked" not in again.stderr

    def test_one_that_prefers_a_place_has_no_opinion(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any
    ) -> None:
        sheet = graded()
        result = ask(run, serve(judges="first", model="judge-1"))
        assert result.exit_code == 0, result.output
        judged = report_of()["judged"]
        assert judged["swayed"] == judged["asked"] > 40
        assert judged["longer"] is None
        one, other = (answers_of(arm) for arm in ARMS)
        assert judged["win_rate"] == pytest.approx(_people(sheet, one, other))
        doubts = " ".join(judged["doubts"])
        assert "On 100% of the rows the judge changed its mind with the order of the answers." in doubts
        assert doubts in " ".join(Path("run/report.md").read_text().replace("- Doubt: ", "").split())

    def test_rows_that_it_cannot_judge_have_no_part(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any
    ) -> None:
        """It is never reached with the three longest texts."""
        graded()
        result = ask(run, serve(judges="longer", model="judge-1", context=5000))
        assert result.exit_code == 0, result.output
        judged = report_of()["judged"]
        one, other = (answers_of(arm) for arm in ARMS)
        lost = [row for row in (f"t{number}" for number in LONG_ROWS) if one[row] != other[row]]
        assert judged["unscored"] == len(lost) > 0
        assert judged["rows"] == ROWS - len(lost)
        assert judged["graded"] == 50 - sum(row["row"] in lost for row in read("sheet.csv"))
        assert any("no verdict and no part in the result" in doubt for doubt in judged["doubts"])
        # Once it can be reached, only what is missing is asked.
        well = serve(judges="longer", model="judge-1")
        again = ask(run, well, endpoint=well.url)
        assert again.exit_code == 0
        assert report_of()["judged"]["unscored"] == 0

    def test_one_that_judges_its_own_answers_is_told_on(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any
    ) -> None:
        graded()
        assert ask(run, serve(judges="longer"), endpoint_model="small-1").exit_code == 0
        assert (
            "The judge small-1 also wrote answers that it judged; judges favour their own."
            in (report_of()["judged"]["doubts"])
        )

    def test_a_person_may_stop_before_the_end(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        sheet = graded(rows=33)
        write("sheet.csv", list(reversed(sheet)))  # the order of the draw counts, not that of the file
        assert ask(run, serve(judges="longer", model="judge-1")).exit_code == 0
        judged = report_of()["judged"]
        assert judged["graded"] == 33
        assert judged["ungraded"] >= 17


class TestRefusals:
    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            ((), "Expected --sheet FILE.csv to draw rows"),
            (("--sheet", "a.csv", "--grades", "b.csv"), "Expected --sheet FILE.csv to draw rows"),
            (("--grades", "b.csv"), '--grades needs --criterion "..."'),
            (("--grades", "b.csv", "--criterion", " "), '--grades needs --criterion "..."'),
            (("--grades", "b.csv", "--criterion", "x", "--arms", "a,b"), "--arms goes with --sheet"),
            (("--grades", "b.csv", "--criterion", "x"), "b.csv: no such file"),
            (("--sheet", "a.xlsx"), "expected a name that ends in .csv"),
            (("--sheet", "a.csv", "--arms", "few_shot"), "expected two of zero_shot, few_shot, similar_examples"),
            (("--sheet", "a.csv", "--arms", "few_shot,few_shot"), "expected two of"),
            (("--sheet", "run/report.csv", "--arms", "few_shot,lora"), "expected two of"),
        ],
    )
    def test_arguments(self, run: Run, arguments: Sequence[str], says: str) -> None:
        _refused(run("judge", "run", *arguments), says)

    def test_a_sheet_that_is_there_may_hold_grades(self, run: Run, graded: Callable[..., list[Row]]) -> None:
        graded()
        _refused(run("judge", "run", "--sheet", "sheet.csv"), "may hold grades")
        assert read("sheet.csv")[0]["better"]

    @pytest.mark.parametrize(("rows", "missing"), [(0, 30), (29, 1)])
    def test_too_few_grades(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any, rows: int, missing: int
    ) -> None:
        graded(rows=rows)
        server = serve(judges="longer", model="judge-1")
        _refused(
            ask(run, server), f"{rows} rows have a grade, and a judge needs at least 30; {missing} are missing"
        )  # fmt: skip
        assert server.calls == 0

    def test_a_row_left_out(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        sheet = graded()
        sheet[4]["better"] = ""
        write("sheet.csv", sheet)
        says = f"sheet.csv, line 6: row '{sheet[4]['row']}' has no grade, though later ones of the draw have"
        _refused(ask(run, serve(model="judge-1")), says)

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"better": "first"}, "line 2, column 'better': 'first'; expected 1, 2 or tie"),
            ({"code": "r0000000000"}, "line 2, column 'code': 'r0000000000' stands on no sheet that was drawn for run"),
            ({"code": ""}, "line 2, column 'code': no value"),
        ],
    )
    def test_a_sheet_that_was_changed(
        self, run: Run, graded: Callable[..., list[Row]], serve: Any, change: Mapping[str, str], says: str
    ) -> None:
        sheet = graded()
        write("sheet.csv", [{**sheet[0], **change}, *sheet[1:]])
        _refused(ask(run, serve(model="judge-1")), says)

    def test_a_row_that_is_there_twice(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        sheet = graded()
        write("sheet.csv", [*sheet, sheet[0]])
        _refused(ask(run, serve(model="judge-1")), "line 52: ")

    def test_answers_that_changed_since(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        sheet = graded()
        key = report_of()["provenance"]["trials"]["few_shot/0/0"]
        path = Path("run/trials", key, "predictions.jsonl")
        number = int(sheet[0]["row"][1:])
        lines = path.read_text().splitlines()
        lines[number] = json.dumps({**json.loads(lines[number]), "output": "another"})
        path.write_text("\n".join(lines) + "\n")
        _refused(ask(run, serve(model="judge-1")), "have changed since the sheet was drawn")

    def test_answers_that_are_gone(self, run: Run) -> None:
        shutil.rmtree(Path("run/trials", report_of()["provenance"]["trials"]["few_shot/0/0"]))
        says = "run no longer has the answers of 'few_shot' to the rows of its report; run the comparison again"
        _refused(run("judge", "run", "--sheet", "sheet.csv", "--arms", ",".join(ARMS)), says)

    def test_a_comparison_without_written_answers(self, run: Run) -> None:
        Path("run/trials/tested.json").unlink()
        _refused(run("judge", "run", "--sheet", "sheet.csv"), "run keeps no rows to judge")

    def test_a_folder_without_a_comparison(self, run: Run) -> None:
        _refused(run("judge", "elsewhere", "--sheet", "sheet.csv"), "elsewhere has no report.json")
        assert not Path("elsewhere").exists()

    def test_too_few_rows(self, run: Run) -> None:
        path = Path("run/trials/tested.json")
        kept = json.loads(path.read_text())
        path.write_text(json.dumps({**kept, "rows": kept["rows"][:29]}))
        _refused(run("judge", "run", "--sheet", "sheet.csv"), "run has 29 tested rows; a judge needs at least 30")

    def test_nothing_is_spent_without_consent(self, run: Run, graded: Callable[..., list[Row]], serve: Any) -> None:
        graded()
        server = serve(judges="longer", model="judge-1")
        _refused(ask(run, server, approve_above_calls="10"), "agree with --yes")
        assert server.calls == 0
        _refused(ask(run, server, "--calls", "7"), "The budget allows no further call")
        assert server.calls == 7
        assert report_of()["judged"] is None
        assert ask(run, server, "--yes").exit_code == 0

    def test_no_endpoint_is_set(self, run: Run, graded: Callable[..., list[Row]]) -> None:
        graded()
        _refused(run("judge", "run", "--grades", "sheet.csv", "--criterion", "x"), "No endpoint is set")


def _people(sheet: Sequence[Row], one: Mapping[str, str], other: Mapping[str, str]) -> float:
    """How often they prefer the first arm's answer, over all rows that were drawn, equal answers among them."""
    drawn = json.loads(next(Path("run/judge").iterdir()).read_text())["rows"]
    grades = [0.5 for row in drawn if one[f"t{row}"] == other[f"t{row}"]]
    for row in sheet:
        first = row["answer 1"].removeprefix("'") == one[row["row"]]
        grades.append(0.5 if row["better"] == "tie" else float((row["better"] == "1") == first))
    assert len(grades) == len(drawn)
    return sum(grades) / len(grades)


def _refused(result: Result, says: str) -> None:
    """With one line."""
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("advisor: ")]
    assert len(lines) == 1
    assert says in lines[0]
