"""How fast a form is judged over HTTP: many different forms, one after another; writes the table in docs/results.md.

The server is the real one, in a process of its own with a database of its own that is thrown away afterwards. With
--quick (for CI) fewer forms, nothing written.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from adapters.model_knowledge import find_model
from evaluation.provenance import source_sha256
from rules.assess import assess
from rules.form import Form
from rules.question import Question
from rules.questionnaire import questions_by_path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "assess.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- assess: begin -->", "<!-- assess: end -->"
SEED, FORMS, QUICK_FORMS = 20261120, 1000, 200
READ_AGAIN = 5
"""Every fifth assessment is read by its id and then changed."""
START_SECONDS = 60
URL = "/v1/assessments"

COLUMNS = {"median": 50, "95th percentile": 95, "99th percentile": 99, "longest": 100}
TIMED = {
    "post": f"`POST {URL}`",
    "rules": "the rules alone, in one process",
    "get": f"`GET {URL}/{{id}}`",
    "patch": f"`PATCH {URL}/{{id}}`, one answer changed",
}

MODELS = {
    "provider_api": (
        "gpt-4o-mini", "gpt-4o-mini-2024-07-18", "gpt-4.1-nano", "claude-sonnet-4-5", "claude-haiku-4-5",
        "mistral-small-latest", "gemini-2.5-flash", "our-gateway/default",
    ),
    "self_hosted": ("Qwen2.5-7B-Instruct", "mistral-7b-instruct-v0.3", "our own DistilBERT"),
    "on_device": ("Phi-3.5-mini", "gemma-2-2b"),
}  # fmt: skip
TEXTS = {
    "task.name": ("Ticket routing", "Invoice fields", "Product questions", "Reply drafts", "Spam filter", "Résumés"),
    "success.metric": ("accuracy", "macro F1", "exact match", "share of drafts sent unchanged"),
    "budget.currency": ("EUR", "USD", "GBP"),
}
SENTENCE = "A customer's message goes in; out comes what the desk needs to answer it, in the words of our handbook."
MOSTLY = {"task.kind": "classification", "task.modality": "text", "operations.hosting": "provider_api"}
"""Given by half of those who answer; the others answer at random."""
USUAL = {
    "task.requests_per_month": (30, 3_000_000),
    "examples.count": (5, 20_000),
    "examples.smallest_class": (1, 500),
    "success.held_out_examples": (5, 2_000),
    "operations.latency_ms": (100, 60_000),
    "operations.prompt_tokens": (20, 8_000),
    "budget.cap": (20, 20_000),
    "budget.horizon_months": (3, 60),
    "budget.value_of_correct": (0.01, 50),
    "budget.cost_of_error": (0.05, 500),
    "budget.labelling_cost": (0.05, 20),
    "budget.hourly_rate": (20, 200),
    "budget.weeks_available": (1, 52),
}
"""Smallest and largest of most teams' numbers; each order of magnitude in between is as common as the next."""


def main() -> None:
    """Measure, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer forms, nothing written")
    quick = parser.parse_args().quick
    forms = draw_forms(QUICK_FORMS if quick else FORMS)
    milliseconds = {"rules": _time_rules(forms)}
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder)) as http:
        milliseconds |= _time_calls(http, forms)
    timed = {call: _summary(milliseconds[call]) for call in TIMED}
    print(f"{len(forms)} forms, milliseconds:")
    for call, row in timed.items():
        print(f"{call}: " + ", ".join(f"{name} {row[name]:.2f}" for name in COLUMNS))
    if not quick:
        result = {"forms": len(forms), "seed": SEED, "milliseconds": timed, "source_sha256": source_sha256()}
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        _write_table(timed)


def draw_forms(count: int) -> list[dict[str, Any]]:
    """Different forms, from empty to full, in random order. The rules accept each."""
    rng = random.Random(SEED)
    drawn: dict[str, dict[str, Any]] = {}
    while len(drawn) < count:
        answered = len(drawn) / (count - 1)
        form = _nested(_agreeing(_answers(rng, answered)))
        drawn.setdefault(json.dumps(form), form)
    forms = list(drawn.values())
    rng.shuffle(forms)
    return forms


def _answers(rng: random.Random, answered: float) -> dict[str, Any]:
    """Answers by path; each question is answered with the same chance."""
    flat: dict[str, Any] = {}
    for question in questions_by_path().values():
        if rng.random() < answered:
            flat[question.path] = _answer(rng, question)
    if "operations.model" in flat:
        hosting = flat.get("operations.hosting", MOSTLY["operations.hosting"])
        flat["operations.model"] = rng.choice(MODELS[hosting])
    return flat


def _answer(rng: random.Random, question: Question) -> Any:
    match question.kind:
        case "yes_no":
            return rng.random() < 0.6
        case "choice":
            often = MOSTLY.get(question.path)
            return often if often and rng.random() < 0.5 else rng.choice(question.choices)
        case "choices":
            return rng.sample(question.choices, rng.randint(0, 3))
        case "share":
            little = question.path == "success.worthwhile_gain"
            return round(rng.uniform(0.01, 0.1) if little else rng.betavariate(6, 2), 2)
        case "date":
            day = date(2026, 1, 1) + timedelta(rng.randrange(1200))
            return rng.choice([*question.choices, day.isoformat()])
        case "text":
            return rng.choice(TEXTS.get(question.path, [SENTENCE * times for times in range(1, 9)]))
        case "whole_number" | "number":
            low, high = USUAL.get(question.path, (1, min(question.maximum or 1000, 1000)))
            number = low * (high / low) ** rng.random()
            return round(number) if question.kind == "whole_number" else round(number, 2)


def _agreeing(flat: dict[str, Any]) -> dict[str, Any]:
    """The answers, changed where two of them cannot both be true."""
    for path in [path for path in flat if path.endswith(".score")]:
        if flat.get(path.replace(".score", ".tried")) is False:
            del flat[path]
    for path in ("success.held_out_examples", "examples.smallest_class"):
        if path in flat:
            flat[path] = min(flat[path], flat.get("examples.count", flat[path]))
    if flat.get("governance.data_may_leave_premises") is False:
        flat.pop("governance.data_may_leave_region", None)
    if flat.get("knowledge.facts_needed") == "fixed":
        flat.pop("knowledge.change_interval", None)
    if flat.get("knowledge.facts_needed") == "changing" and flat.get("knowledge.change_interval") == "never":
        flat["knowledge.change_interval"] = "monthly"
    return flat


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {}
    for path, answer in flat.items():
        *sections, name = path.split(".")
        place = form
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = answer
    return form


@contextmanager
def _served(folder: Path) -> Iterator[httpx2.Client]:
    """A client of a server that has just started, with an empty database in the folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ADVISOR_")}
    ours |= {"ADVISOR_DATA_FOLDER": str(folder), "ADVISOR_REQUESTS_PER_MINUTE": "0"}
    log = folder / "server.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", str(port)],
            cwd=ROOT, env=ours, stdout=output, stderr=output,
        ) as server,
    ):  # fmt: skip
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
                _wait(http, server, log)
                yield http
        finally:
            server.terminate()


def _wait(http: httpx2.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            if http.get("/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.05)
    sys.exit(f"The server did not start: {log.read_text().strip()}")


def _time_rules(forms: list[dict[str, Any]]) -> list[float]:
    times = []
    for form in map(Form.parse, forms):
        known = find_model(form.operations.model) if form.operations.model else None
        begun = time.perf_counter()
        assess(form, model=known)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def _time_calls(http: httpx2.Client, forms: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Milliseconds of every call; what was posted is read and changed afterwards."""
    times: dict[str, list[float]] = {"post": [], "get": [], "patch": []}

    def send(call: str, url: str, status: int, body: dict[str, Any] | None = None) -> httpx2.Response:
        content = None if body is None else json.dumps(body)
        begun = time.perf_counter()
        answer = http.request(call.upper(), url, content=content, headers={"content-type": "application/json"})
        times[call].append(1000 * (time.perf_counter() - begun))
        assert answer.status_code == status, f"{call} answered {answer.status_code}: {answer.text}"
        return answer

    places = [send("post", URL, 201, {"form": form}).headers["location"] for form in forms]
    for place in places[::READ_AGAIN]:
        answers = send("get", place, 200).json()["form"]
        more = 1 + answers.get("task", {}).get("requests_per_month", 0)
        send("patch", place, 200, {"task": {"requests_per_month": more}})
    return times


def _summary(milliseconds: list[float]) -> dict[str, float]:
    found = {name: round(float(np.percentile(milliseconds, percent)), 2) for name, percent in COLUMNS.items()}
    return {"times": len(milliseconds), **found}


def _write_table(timed: dict[str, dict[str, float]]) -> None:
    lines = [f"| milliseconds for | times | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for call, row in timed.items():
        lines.append(f"| {TIMED[call]} | {row['times']:,} | {' | '.join(f'{row[name]:.1f}' for name in COLUMNS)} |")
    page = PAGE.read_text()
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}")


if __name__ == "__main__":
    main()
