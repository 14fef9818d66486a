"""As a user: a form judged in a terminal, a blank form, and the questions asked one by one."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.cells import cell_len
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rules.assess import assess
from rules.form import Form
from rules.questionnaire import questions_by_path
from service.__main__ import app
from service.commands.documents import read_form
from service.form_document import to_yaml

ROOT = Path(__file__).resolve().parents[2]
TICKETS = ROOT / "examples" / "tickets" / "form.yaml"
CASES = ROOT / "tests" / "rules" / "cases"
ADVISOR = str(Path(sys.executable).parent / "advisor")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*3\d[;m]")
QUESTION = re.compile(r"^ (\d) of (\d)  ", re.MULTILINE)
ASKS = (" > ", "q to stop: ")
"""What stands last on the screen when the dialogue waits."""
QUIET = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR", "FORCE_COLOR")}


def advisor(folder: Path, *arguments: str, lines: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose input and output are pipes."""
    return subprocess.run(
        [ADVISOR, *arguments], cwd=folder, env={**QUIET, **environment}, input=lines, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def in_a_terminal(
    folder: Path, *arguments: str, keys: tuple[str, ...] = (), columns: int = 80, **environment: str
) -> tuple[str, int]:
    """Run a command on a terminal of its own and type whenever it waits; what was on the screen, and the exit code."""
    screen, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))

    def own_it() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # A test run started in the background ignores Ctrl-C, and would hand that down.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        [ADVISOR, *arguments], cwd=folder, env={**QUIET, "TERM": "xterm", **environment},
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, preexec_fn=own_it,
    ) as process:  # fmt: skip
        os.close(terminal)
        shown = _typed(screen, list(keys))
        os.close(screen)
        return shown.replace("\r\n", "\n"), process.wait(timeout=60)


def _typed(screen: int, keys: list[str]) -> str:
    shown, deadline = b"", time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, shown.decode()
        if select.select([screen], [], [], 0.05)[0]:
            try:
                new = os.read(screen, 65536)
            except OSError:
                # Linux reports the end of a terminal as an error.
                return shown.decode()
            shown += new
        elif keys and ESCAPES.sub("", shown.decode(errors="ignore")).endswith(ASKS):
            os.write(screen, keys.pop(0).encode())
            # The same question must not be taken for the next one.
            shown += b" "


@pytest.fixture
def form(tmp_path: Path) -> Callable[..., Path]:
    """Writes a form of these answers, or one of the cases of the rules."""

    def write(case: str = "", **sections: object) -> Path:
        answers = json.loads((CASES / f"{case}.json").read_text())["form"] if case else sections
        path = tmp_path / "given.yaml"
        path.write_text(json.dumps(answers))
        return path

    return write


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs a command that must fail; gives its one line on standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, lines: str = "") -> str:
        result = CliRunner().invoke(app, ["assess", *arguments], input=lines)
        assert result.exit_code == 2, (result.output, result.exception)
        (line,) = result.stderr.strip().splitlines()
        assert "Traceback" not in line
        return line

    return run


Answer = Callable[..., str]


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """Runs the dialogue in this process, with lines as from a pipe; gives what it said."""
    monkeypatch.chdir(tmp_path)

    def run(*lines: str) -> str:
        result = CliRunner().invoke(app, ["assess"], input="".join(f"{line}\n" for line in lines))
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return run


WORST = {
    "task": {"kind": "classification", "narrow": False, "business_rules_written": False, "change_interval": "daily",
             "requests_per_month": 3, "failures": ["missing_facts", "wrong_format", "varies_between_runs"]},
    "examples": {"count": 60, "reviewed": "no", "consistent": False, "representative": False, "smallest_class": 1,
                 "personal_data": "yes"},
    "success": {"check": "opinion"},
    "operations": {"versioned": False, "rollback": "none", "retraining_owner": False, "monitoring": False,
                   "low_confidence_fallback": False, "same_preprocessing": False, "hosting": "provider_api",
                   "model": "a-model-with-" + "a-very-" * 15 + "long-name", "model_pinned": False},
    "governance": {"regions": ["uk_europe", "us", "asia_pacific", "other"], "data_may_leave_premises": False,
                   "provider_trains_on_data": "yes"},
}  # fmt: skip
FORMS = ["case_nothing_answered", "case_prices_are_wrong", "case_ticket_routing", "case_product_photos", "worst"]


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("case", FORMS)
def test_the_page_fits_every_terminal(form: Callable[..., Path], tmp_path: Path, case: str, columns: int) -> None:
    path = form(**WORST) if case == "worst" else form(case)
    shown, code = in_a_terminal(tmp_path, "assess", str(path), columns=columns)
    assert code == 0
    lines = ESCAPES.sub("", shown).splitlines()
    assert max(map(cell_len, lines)) <= min(columns, 100)
    assert not [line for line in lines if line.endswith(("…", " "))]
    for label in ("Prompting", "Retrieval", "Fine-tuning", "Ready: ", "Plan", "Do next"):
        assert any(line.startswith(f" {label}") for line in lines), label


def test_a_typical_page_fits_a_tall_terminal(tmp_path: Path) -> None:
    shown, _ = in_a_terminal(tmp_path, "assess", str(TICKETS))
    assert len(shown.splitlines()) <= 50


def test_the_answer_comes_first_and_everything_is_there(tmp_path: Path) -> None:
    page = advisor(tmp_path, "assess", str(TICKETS)).stdout
    assert page.strip().startswith("Start with prompting\n It costs least")
    flat = " ".join(page.split())
    places = [
        flat.index(words)
        for words in (
            "Start with prompting", "50 to 75", "Warning TRIED01", "Support TASK03", "Ready: no", "Plan Arms zero_shot",
            "Rows 120 to test", "Can see gains from", "Takes no calls", "Do next 1.",
            "Regions the UK and Europe: Check", "Open: 5 1.", "--format md",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert json.loads(advisor(tmp_path, "assess", str(TICKETS), "--json").stdout)["ruleset"]["sha256"][:12] in flat


def test_a_bar_shows_what_is_certain_and_what_is_open(tmp_path: Path) -> None:
    page = advisor(tmp_path, "assess", str(TICKETS)).stdout
    (retrieval,) = [line for line in page.splitlines() if line.startswith(" Retrieval")]
    assert retrieval.split()[1:] == ["█" * 20 + "▒" * 10 + "·" * 10, "50", "to", "75"]
    (prompting,) = [line for line in page.splitlines() if line.startswith(" Prompting")]
    assert prompting.split()[1:] == ["█" * 30 + "·" * 10, "75"]


def test_vetoes_are_told_in_words_and_in_red(form: Callable[..., Path], tmp_path: Path) -> None:
    shown, _ = in_a_terminal(tmp_path, "assess", str(form("case_prices_are_wrong")))
    plain = " ".join(ESCAPES.sub("", shown).split())
    assert "Veto DATA01 30 examples" in plain
    assert "KNOW01 Answers fail" in plain
    assert "0 to 10 ruled out" in plain
    assert re.search(r"\x1b\[1;31mDATA01", shown)


def test_no_warning_is_lost_where_there_are_many(form: Callable[..., Path], tmp_path: Path) -> None:
    path = form(**WORST)
    said = json.loads(advisor(tmp_path, "assess", str(path), "--json").stdout)["findings"]
    page = advisor(tmp_path, "assess", str(path)).stdout
    assert len([finding for finding in said if finding["severity"] == "warning"]) > 5
    for finding in said:
        if finding["severity"] != "unanswered":
            assert finding["code"] in page


def test_colours_are_for_terminals_that_want_them(tmp_path: Path) -> None:
    assert COLOUR.search(in_a_terminal(tmp_path, "assess", str(TICKETS))[0])
    assert not COLOUR.search(in_a_terminal(tmp_path, "assess", str(TICKETS), NO_COLOR="1")[0])
    assert "\x1b" not in advisor(tmp_path, "assess", str(TICKETS)).stdout


def test_a_terminal_without_block_characters_gets_plain_ones(tmp_path: Path) -> None:
    done = advisor(tmp_path, "assess", str(TICKETS), PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "#" * 20 + "=" * 10 + "." * 10 in done.stdout


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(
        '[[model]]\nname = "m"\nretires_on = 2031-05-06\nsource = "see\\u001b[2Jhere"\n'
    )
    (tmp_path / "form.yaml").write_text("operations: {model: m}")
    page = advisor(tmp_path, "assess", "form.yaml", "--models", "models.toml").stdout
    assert "Filled in    operations.model_retires_on: 2031-05-06 (see[2Jhere)" in page
    assert "\x1b" not in page


def test_json_is_what_the_api_answers(tmp_path: Path, client: TestClient) -> None:
    done = advisor(tmp_path, "assess", str(TICKETS), "--json")
    answer = client.post("/v1/assessments", json={"form": yaml.safe_load(TICKETS.read_text())})
    assert answer.status_code == 201
    assert json.loads(done.stdout) == answer.json()["assessment"]


def test_markdown_on_request(tmp_path: Path) -> None:
    done = advisor(tmp_path, "assess", str(TICKETS), "--format", "md")
    assert done.returncode == 0
    assert done.stdout.startswith("# Assessment: Support ticket routing\n")


def test_the_blank_form_is_yaml_without_colours(tmp_path: Path) -> None:
    shown, code = in_a_terminal(tmp_path, "assess", "--blank")
    assert code == 0
    assert shown == to_yaml(Form())
    piped = advisor(tmp_path, "assess", "--blank", FORCE_COLOR="1").stdout
    (tmp_path / "form.yaml").write_text(piped)
    assert read_form(tmp_path / "form.yaml") == Form()


def test_a_policy_changes_the_hash_and_what_is_vetoed(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text("minimum_examples = 500\ncomfortable_examples = 900\n")
    usual = json.loads(advisor(tmp_path, "assess", str(TICKETS), "--json").stdout)
    own = json.loads(advisor(tmp_path, "assess", str(TICKETS), "--policy", "own.toml", "--json").stdout)
    assert own["ruleset"]["sha256"] != usual["ruleset"]["sha256"]
    assert usual["methods"]["fine_tuning"]["vetoes"] == []
    assert own["methods"]["fine_tuning"]["vetoes"] == ["DATA01"]
    assert "400 examples; below 500" in advisor(tmp_path, "assess", str(TICKETS), "--policy", "own.toml").stdout


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("minimum_examples = 500", "own.toml: minimum_examples (500) is above comfortable_examples (100)"),
        ("minimum_exampels = 60", "own.toml: minimum_exampels is no threshold; did you mean minimum_examples?"),
    ],
)
def test_a_wrong_policy_is_refused_in_one_line(
    refuse: Callable[..., str], tmp_path: Path, toml: str, says: str
) -> None:
    (tmp_path / "own.toml").write_text(toml)
    assert says in refuse(str(TICKETS), "--policy", "own.toml")
    # Nobody should answer seven questions first.
    assert says in refuse("--policy", "own.toml", lines="1\n")
    assert not (tmp_path / "form.yaml").exists()


def test_a_wrong_model_file_is_refused_in_one_line(refuse: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text('[[model]]\nname = "m"\nretires_on = "soon"\n')
    line = refuse(str(TICKETS), "--models", "models.toml")
    assert "models.toml, line 1" in line
    assert "expected a date" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["FORM", "--format", "html"], "--format html: expected one of text, md"),
        (["FORM", "--format", "md", "--json"], "two things at once"),
        (["FORM", "--blank"], "--blank prints an empty form"),
        (["FORM", "--out", "other.yaml"], "--out names the file for answers given here"),
        (["--json"], "need an answered FORM"),
        (["--format", "md"], "need an answered FORM"),
        (["--out", "form.json"], "answers are kept as YAML"),
        (["--out", "file/form.yaml"], "file/form.yaml cannot be written"),
        ([], "No answers came in"),
    ],
)
def test_arguments_that_do_not_go_together(
    refuse: Callable[..., str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "file").write_text("")
    given = [str(TICKETS) if argument == "FORM" else argument for argument in arguments]
    assert says in refuse(*given, lines="1\n" if "file/form.yaml" in given else "")


def test_seven_questions_at_most_before_the_first_answer(tmp_path: Path) -> None:
    done = advisor(tmp_path, "assess", lines="\n" * 9 + "q\n")
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split("Start with prompting", maxsplit=1)
    assert [match[1] for match in QUESTION.finditer(before)] == list("1234567")
    assert "Enter for more questions" in after
    assert [match[1] for match in QUESTION.finditer(after)] == ["1", "2"]
    assert "Nothing answered, nothing kept." in done.stdout
    assert not (tmp_path / "form.yaml").exists()


def test_the_most_telling_question_comes_first(answer: Answer, tmp_path: Path) -> None:
    path = tmp_path / "form.yaml"
    assert titles(answer("q")) == ["What kind of task is it?"]
    answer("question_answering")
    for _ in range(12):
        field = assess(read_form(path)).next_questions[0].field
        question = questions_by_path()[field]
        given = {"yes_no": "yes", "whole_number": "60", "share": "0.5"}.get(question.kind, "1")
        assert titles(answer(given, "q"))[0] == question.title


def test_answers_by_number_by_word_and_in_percent(answer: Answer, tmp_path: Path) -> None:
    path = tmp_path / "form.yaml"
    path.write_text(all_but("task.kind"))
    answer("2")
    assert read_form(path).task.kind == "extraction"
    path.write_text(all_but("task.failures"))
    assert "= wrong_format, confused_labels" in answer("3, Confused labels")
    assert read_form(path).task.failures == ("wrong_format", "confused_labels")
    path.write_text(all_but("success.target"))
    assert "= 0.81" in answer("81 %")
    assert read_form(path).success.target == 0.81
    path.write_text(all_but("operations.model_retires_on"))
    answer("not announced")
    assert read_form(path).operations.model_retires_on == "not_announced"


def test_none_is_an_empty_list_or_the_word_where_that_is_an_answer(answer: Answer, tmp_path: Path) -> None:
    path = tmp_path / "form.yaml"
    path.write_text(all_but("task.failures"))
    assert "',' is not an answer to this" in answer(",", "none")
    assert read_form(path).task.failures == ()
    path.write_text(all_but("operations.rollback"))
    answer("None")
    assert read_form(path).operations.rollback == "none"


@pytest.mark.parametrize(("line", "count"), [("1200", 1200), ("1,200", 1200), ("1 200", 1200), ("12,00", None)])
def test_thousands_may_be_marked(answer: Answer, tmp_path: Path, line: str, count: int | None) -> None:
    (tmp_path / "form.yaml").write_text(all_but("task.requests_per_month"))
    answer(line)
    assert read_form(tmp_path / "form.yaml").task.requests_per_month == count


def titles(shown: str) -> list[str]:
    """Of the questions in a transcript, in order."""
    return [part.split("\n")[0] for part in QUESTION.split(shown)[3::3]]


def all_but(*paths: str) -> str:
    """A form in which nothing but these answers can still change the result."""
    answers = json.loads((CASES / "case_ticket_routing.json").read_text())["form"]
    for path in paths:
        section, name = path.split(".")
        del answers[section][name]
    return to_yaml(Form.parse(answers))


def test_a_wrong_answer_is_explained_and_asked_again(answer: Answer, tmp_path: Path) -> None:
    flat = " ".join(answer("clasification", "9", "1", "q").split())
    assert "'clasification' is not an answer to this; expected one of: classification, extraction" in flat
    assert "(did you mean classification?)" in flat
    assert "'9' is not an answer to this" in flat
    assert read_form(tmp_path / "form.yaml").task.kind == "classification"


def test_a_contradiction_is_explained_and_nothing_of_it_kept(answer: Answer, tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text(all_but("examples.count"))
    flat = " ".join(answer("100", "1,200").split())
    assert "success.held_out_examples: 300 is more than examples.count (100)" in flat
    assert read_form(tmp_path / "form.yaml").examples.count == 1200


def test_why_a_question_is_asked(answer: Answer) -> None:
    shown = " ".join(answer("1", "?", "q").split())
    assert "What goes wrong today?" in shown
    assert "It settles, or helps to settle, KNOW01" in shown
    assert "Source: 000, 001, 002." in shown


def test_back_to_the_question_before(answer: Answer, tmp_path: Path) -> None:
    shown = answer("b", "1", "b", "2", "b", "-", "q")
    assert "This is the first question." in shown
    assert [match[1] for match in QUESTION.finditer(shown)] == list("121212")
    assert "Now: classification (Enter keeps it, - takes it back)" in " ".join(shown.split())
    assert "Now: extraction" in shown
    assert read_form(tmp_path / "form.yaml") == Form()


def test_taking_back_what_was_never_answered_writes_nothing(answer: Answer, tmp_path: Path) -> None:
    assert "Nothing answered, nothing kept." in answer("-", "q")
    assert not list(tmp_path.iterdir())


def test_back_from_the_answer_to_the_last_question(answer: Answer) -> None:
    shown = answer(*[""] * 7, "what?", "b", "q")
    assert "Enter, b or q." in shown
    asked = titles(shown)
    assert len(asked) == 8
    assert asked[6] == asked[7]


def test_answers_are_taken_up_where_they_were_left(tmp_path: Path) -> None:
    advisor(tmp_path, "assess", "--out", "mine.yaml", lines="1\n5\n")
    done = advisor(tmp_path, "assess", "--out", "mine.yaml", lines="yearly\n")
    assert "Going on with mine.yaml: 2 answered." in done.stdout
    assert "3 answered, kept in mine.yaml." in done.stdout
    assert "advisor assess mine.yaml" in done.stdout
    form = read_form(tmp_path / "mine.yaml")
    assert (form.task.kind, form.task.change_interval) == ("classification", "yearly")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_comments_of_ones_own_are_not_lost(tmp_path: Path) -> None:
    by_hand = "task: {kind: classification}  # ask Ada about the others\n"
    (tmp_path / "form.yaml").write_text(by_hand)
    (tmp_path / "form.yaml.1").write_text("an older one")
    done = advisor(tmp_path, "assess", lines="none\nyearly\n")
    assert "is now form.yaml.2" in " ".join(done.stdout.split())
    assert (tmp_path / "form.yaml.2").read_text() == by_hand
    assert (tmp_path / "form.yaml.1").read_text() == "an older one"
    assert read_form(tmp_path / "form.yaml").task.kind == "classification"


def test_a_form_with_nothing_left_to_ask_is_judged_at_once(tmp_path: Path) -> None:
    (tmp_path / "form.yaml").write_text(all_but())
    done = advisor(tmp_path, "assess")
    assert done.returncode == 0, done.stderr
    assert "Fine-tuning leads" in done.stdout
    assert "Nothing more to ask." in done.stdout
    assert not QUESTION.search(done.stdout)


def test_the_dialogue_in_a_terminal(tmp_path: Path) -> None:
    shown, code = in_a_terminal(tmp_path, "assess", keys=("1\r", "?\r", "5\r", "b\r", "\r", "yearly\r", "q\r"))
    plain = ESCAPES.sub("", shown)
    assert code == 0, plain
    assert max(map(cell_len, plain.splitlines())) <= 80
    assert "3 answered, kept in form.yaml." in plain
    assert "advisor assess form.yaml" in plain
    form = read_form(tmp_path / "form.yaml")
    assert (form.task.kind, form.task.failures, form.task.change_interval) == (
        "classification", ("confused_labels",), "yearly",
    )  # fmt: skip


def test_the_whole_first_round_in_a_terminal(tmp_path: Path) -> None:
    shown, code = in_a_terminal(tmp_path, "assess", "--out", "mine.yaml", keys=("\r",) * 7 + ("\r", "q\r"))
    plain = ESCAPES.sub("", shown)
    assert code == 0, plain
    assert plain.index("7 of 7") < plain.index("Start with prompting") < plain.rindex("1 of 7")


@pytest.mark.parametrize(("key", "exit_code"), [("\x03", 130), ("\x04", 0)], ids=["Ctrl-C", "Ctrl-D"])
def test_stopping_in_the_middle_keeps_the_answers(tmp_path: Path, key: str, exit_code: int) -> None:
    shown, code = in_a_terminal(tmp_path, "assess", keys=("1\r", "none\r", key))
    assert code == exit_code
    assert "2 answered, kept in form.yaml. The same command goes on from here." in ESCAPES.sub("", shown)
    assert "Traceback" not in shown
    form = read_form(tmp_path / "form.yaml")
    assert (form.task.kind, form.task.failures) == ("classification", ())
    assert [path.name for path in tmp_path.iterdir()] == ["form.yaml"]
