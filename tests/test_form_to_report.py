"""As a user: from a form and a file of examples to a report, with the real encoder; stopped and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
TICKETS = ROOT / "examples" / "tickets"
PLANTED = {62, 327, 90, 234, 119, 392, 188, 245, 302, 314, 153, 323, 310, 341}
"""Lines that the sample repeats on purpose."""
ARMS = ["zero_shot", "few_shot", "nearest", "head", "lora"]


def command(train: Path, test: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "service", "compare", str(train), "--test", str(test), "--out", str(out),
        "--form", str(TICKETS / "form.yaml"), "--labels", str(TICKETS / "labels.yaml"), *more,
    ]  # fmt: skip


def without_times(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    del report["times"]
    return report


def signalled_after(
    trials: int, number: signal.Signals, arguments: list[str], out: Path, environment: dict[str, str]
) -> tuple[list[Path], int, str]:
    """Send a signal once so many trials are saved; gives their records, the exit code and what was said."""
    with subprocess.Popen(
        arguments, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A test run started in the background ignores Ctrl-C, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 240
        while len(kept := list(out.glob("trials/*/trial.json"))) < trials and process.poll() is None:
            assert time.monotonic() < deadline, "the comparison did not get this far"
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=120)
        return kept, process.returncode, said


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """48 short tickets to learn from and 40 to test on, no two alike."""
    folder = tmp_path_factory.mktemp("data")
    lines = [
        line
        for number, line in enumerate((TICKETS / "tickets.jsonl").read_text().splitlines(keepends=True), start=1)
        if len(line) < 120 and number not in PLANTED
    ]
    (folder / "train.jsonl").write_text("".join(lines[:48]))
    (folder / "test.jsonl").write_text("".join(lines[50:90]))
    return folder / "train.jsonl", folder / "test.jsonl"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def finished(
    files: tuple[Path, Path], environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """An uninterrupted run: its folder and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = subprocess.run(command(*files, out), env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "quiet when the output is not a terminal"
    return out, done.stdout


def test_the_terminal_shows_verdict_and_every_arm(finished: tuple[Path, str]) -> None:
    folder, printed = finished
    verdict = without_times(folder)["verdict"]
    assert verdict["headline"] in " ".join(printed.split())
    for arm in ARMS:
        assert arm in printed
    for name in ("report.html", "report.md", "report.json"):
        assert str(folder / name) in "".join(printed.split("\n"))
        assert (folder / name).stat().st_size > 1000


def test_the_report_holds_what_was_measured(finished: tuple[Path, str]) -> None:
    report = without_times(finished[0])
    assert [arm["name"] for arm in report["arms"]] == ARMS
    assert {arm["name"]: arm["fits"] for arm in report["arms"]} == {
        "zero_shot": 1, "few_shot": 3, "nearest": 1, "head": 1, "lora": 5,
    }  # fmt: skip
    assert len(report["contrasts"]) == 10
    for arm in report["arms"]:
        assert 0 <= arm["low"] <= arm["accuracy"] <= arm["high"] <= 1
    assert report["arms"][3]["accuracy"] > 0.5, "a real encoder knows billing from shipping"
    assert abs(sum(report["verdict"]["probability_best"].values()) - 1) < 1e-9
    assert report["policy"]["worthwhile_gain"] == 0.03
    assert len(report["provenance"]["trials"]) == 11


class _References(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def test_the_page_is_one_file_that_asks_for_nothing(finished: tuple[Path, str]) -> None:
    page = (finished[0] / "report.html").read_text()
    references = _References()
    references.feed(page)
    assert references.found == ["data:,"]
    assert references.scripts == 0
    assert "@import" not in page
    assert "url(" not in page
    headline = without_times(finished[0])["verdict"]["headline"]
    assert page.index(headline) < page.index("Why") < page.index("How often each way was right")


def test_killed_and_started_again_it_repeats_nothing_and_reports_the_same(
    finished: tuple[Path, str], files: tuple[Path, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    # Seven trials are the cheap arms and one fine-tune: the kill comes in the middle of a training.
    kept = signalled_after(7, signal.SIGKILL, command(*files, out), out, environment)[0]
    assert not (out / "report.json").exists()
    written = {path: path.stat().st_mtime_ns for path in kept}

    again = subprocess.run(command(*files, out), env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in kept} == written
    assert len(list(out.glob("trials/*/trial.json"))) == 11
    assert not list(out.glob("trials/.*")), "nothing half-done is left"
    assert without_times(out) == without_times(finished[0])


def test_a_finished_comparison_is_reported_again_without_a_model(
    finished: tuple[Path, str], files: tuple[Path, Path], environment: dict[str, str]
) -> None:
    folder = finished[0]
    code = (
        "import sys\nfrom pathlib import Path\nfrom service.commands.compare import Request, run_compare\n"
        f"run_compare(Request(Path({str(files[0])!r}), Path({str(files[1])!r}), Path({str(TICKETS / 'form.yaml')!r}), "
        f"Path({str(TICKETS / 'labels.yaml')!r}), Path({str(folder)!r})))\n"
        "assert not {'torch', 'sentence_transformers', 'faiss'} & set(sys.modules), 'a model was loaded'"
    )
    before = without_times(folder)
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True)
    assert without_times(folder) == before
    for format in ("text", "md", "html", "json"):
        shown = subprocess.run(
            [sys.executable, "-m", "service", "report", str(folder), "--format", format],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert before["verdict"]["headline"] in " ".join(shown.stdout.split())


def test_a_requirement_that_is_not_met_exits_with_4(
    finished: tuple[Path, str], files: tuple[Path, Path], environment: dict[str, str]
) -> None:
    verdict = without_times(finished[0])["verdict"]
    codes = {}
    for required in (f"{verdict['kind']}:{verdict['arm']}", "fine_tune"):
        done = subprocess.run(
            command(*files, finished[0], "--require", required, "--json", "-"),
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        codes[required] = done.returncode
        assert json.loads(done.stdout)["verdict"] == verdict
    assert codes.pop(f"{verdict['kind']}:{verdict['arm']}") == 0
    assert set(codes.values()) <= {4}


def test_ctrl_c_says_how_to_go_on(files: tuple[Path, Path], environment: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "stopped"
    _, code, printed = signalled_after(6, signal.SIGINT, command(*files, out), out, environment)
    assert code == 130
    assert printed.strip() == "Stopped. Finished trials are kept: the same command goes on from here."


def test_two_runs_in_one_folder_do_not_mix(
    files: tuple[Path, Path], environment: dict[str, str], finished: tuple[Path, str]
) -> None:
    import fcntl

    with (finished[0] / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            command(*files, finished[0]), env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert "Another comparison is running" in done.stderr
