"""How long a newcomer waits: from the start page over form and upload of an own CSV to the report, in a real browser.

A new data folder, an empty cache, `advisor serve` as in the README, and Chromium that does what a person does, at once:
what is told is how long the machine takes. The file is made of banking77's training rows under columns of other names,
so that the page has to ask for them. Every default is left as it is: all five ways, every training that can change the
decision. Writes docs/results.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
from playwright.sync_api import Page, expect, sync_playwright

from evaluation.provenance import source_sha256

ROOT: Final = Path(__file__).resolve().parent.parent
DATA: Final = Path(os.environ.get("ADVISOR_DATA", ROOT.parent / "shared" / "data"))
RESULTS: Final = ROOT / "benchmarks" / "results" / "first_comparison.json"
PAGE: Final = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- first comparison: begin -->", "<!-- first comparison: end -->"
LABELS, ROWS_OF_A_LABEL = 5, 24
PATIENCE: Final = 1_800_000
"""Milliseconds."""


def main() -> None:
    """Measure once and write it down."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--chromium", default="/usr/bin/chromium")
    chromium = arguments.parse_args().chromium
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        steps, verdict = walk(page, url, own_file(Path(folder)))
        browser.close()
    result = {
        "rows": LABELS * ROWS_OF_A_LABEL, "labels": LABELS, "steps": steps, "verdict": verdict,
        "load": [round(before, 1), round(os.getloadavg()[0], 1)], "source_sha256": source_sha256(),
    }  # fmt: skip
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    write_table(result)


def walk(page: Page, url: str, file: Path) -> tuple[dict[str, float], str]:
    """Seconds from the start page to each step, and the verdict that was read."""
    begun, steps = time.monotonic(), {}

    def reached(step: str) -> None:
        steps[step] = round(time.monotonic() - begun, 1)
        print(f"{steps[step]:7.1f} s  {step}", flush=True)

    page.goto(url)
    page.locator(".steps").get_by_role("link", name="Assess a task").click()
    page.get_by_label("What do you call this task?").fill("Mails")
    page.get_by_label("What kind of task is it?").select_option("classification")
    page.get_by_label("How many requests a month?").fill("20000")
    page.get_by_role("button", name="Save this assessment").click()
    page.get_by_role("link", name="Compare on your own examples").click()
    reached("the form is saved")
    page.get_by_label("File with examples").set_input_files(file)
    page.get_by_role("button", name="Upload and audit").click()
    expect(page.locator("#input_column-problem")).to_be_visible()
    reached("the page asks which columns are meant")
    page.get_by_label("File with examples").set_input_files(file)
    page.get_by_label("Column with the text").fill("mail")
    page.get_by_label("Column with the right answer").fill("team")
    page.get_by_role("button", name="Upload and audit").click()
    page.get_by_role("link", name=re.compile("Plan a comparison|Go on all the same")).click()
    reached("the audit is there")
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Approve and start").click()
    reached("the plan is made and approved")
    verdict = page.locator("#verdict").inner_text()
    reached("the report is there")
    return steps, verdict


def own_file(folder: Path) -> Path:
    """A CSV file with a header that nobody could guess."""
    rows: dict[str, list[str]] = defaultdict(list)
    for line in (DATA / "open" / "banking77" / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["output"]].append(row["input"])
    taken = [label for label in sorted(rows) if len(rows[label]) >= ROWS_OF_A_LABEL][:LABELS]
    with (folder / "mails.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["mail", "team"])
        writer.writerows((rows[label][number], label) for number in range(ROWS_OF_A_LABEL) for label in taken)
    return folder / "mails.csv"


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a service with its worker and nothing in it yet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ, "ADVISOR_DATA_FOLDER": str(folder / "data"), "ADVISOR_CACHE_FOLDER": str(folder / "cache"),
    }  # fmt: skip
    command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            while process.poll() is None and not _answers(port):
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def write_table(result: dict[str, Any]) -> None:
    """Between the markers of the page."""
    lines = [
        "| after | seconds |", "|---|---|", *(f"| {step} | {seconds} |" for step, seconds in result["steps"].items()),
        "", f"{result['rows']} rows of {result['labels']} labels; load of the machine {result['load'][0]} before and "
        f"{result['load'][1]} after. The verdict: {result['verdict']}",
    ]  # fmt: skip
    text = PAGE.read_text()
    PAGE.write_text(f"{text.split(BEGIN)[0]}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{text.split(END)[1]}")


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


if __name__ == "__main__":
    main()
