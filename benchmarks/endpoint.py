"""How quickly an endpoint is asked, against a bare loop over the same client; writes the table in docs/results.md.

The server is tests/servers/chat_server.py in a process of its own on loopback: 50 ms for an answer, 32 calls at once.
Both sides ask it in turns, in this process, with the cache, the ledger, the pace and the progress of a real comparison
switched on for ours. The faulty server refuses 5% of the calls (429, Retry-After: 1) and fails 2% (500). With --quick
(for CI) fewer calls, once, nothing written.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx2

from adapters.generative.budget import Budget
from adapters.generative.chat import ChatClient, Progress
from adapters.generative.endpoint import Endpoint
from adapters.generative.exchange import ChatRequest, Message
from evaluation.provenance import source_sha256
from rules.known_model import TokenPrices

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "tests" / "servers" / "chat_server.py"
RESULTS = ROOT / "benchmarks" / "results" / "endpoint.json"
PAGE = ROOT / "docs" / "results.md"
BEGIN, END = "<!-- endpoint: begin -->", "<!-- endpoint: end -->"
CALLS, QUICK_CALLS, PLACES, LATENCY, ROUNDS = 2000, 300, 32, 0.05, 5
FAULTS: dict[str, dict[str, Any]] = {
    "well": {},
    "faulty": {"limited_share": 0.05, "retry_after": "1", "status_share": {"500": 0.02}},
}
AT_MOST = {"well": 1.15, "faulty": 0.65}
"""Of the bare loop's time."""
RETRIES = 5
"""Of the bare loop: with the client's own two it loses answers."""
PRICES = TokenPrices(input=0.15, output=0.6, source="a benchmark", seen_on=None)


def main() -> None:
    """Measure, then renew the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, nothing written")
    quick = parser.parse_args().quick
    calls, rounds = (QUICK_CALLS, 1) if quick else (CALLS, ROUNDS)
    _warm_up()
    measured = {name: _measure(name, faults, calls, rounds) for name, faults in FAULTS.items()}
    if not quick:
        result = {"calls": calls, "places": PLACES, "latency": LATENCY, "measured": measured}
        RESULTS.write_text(json.dumps(result | {"source_sha256": source_sha256()}, indent=1) + "\n")
        _write_table(measured, calls)


def _measure(name: str, faults: dict[str, Any], calls: int, rounds: int) -> dict[str, Any]:
    """Both sides in turns, each against a server that has just started."""
    found: dict[str, list[Any]] = {"bare": [], "ours": [], "load": []}
    for _ in range(rounds):
        found["load"].append(round(os.getloadavg()[0], 1))
        found["bare"].append(_time_bare(faults, calls))
        found["ours"].append(_time_ours(faults, calls))
    bare, ours = (median(run["seconds"] for run in found[side]) for side in ("bare", "ours"))
    ratio = median(o["seconds"] / b["seconds"] for o, b in zip(found["ours"], found["bare"], strict=True))
    ideal = calls * LATENCY / PLACES
    print(
        f"{name}: bare {bare:.2f} s, ours {ours:.2f} s, ratio {ratio:.2f} (at most {AT_MOST[name]}), "
        f"ideal {ideal:.2f} s, load {min(found['load'])} to {max(found['load'])}"
    )
    print(f"{name}, ours: " + "; ".join(str(run) for run in found["ours"]))
    return {"ideal": ideal, "ratio": round(ratio, 3), **found}


def _time_bare(faults: dict[str, Any], calls: int) -> dict[str, Any]:
    with _served(faults) as http:
        seconds, _ = _timed(lambda: asyncio.run(_bare(_url_of(http), calls)))
        return {"seconds": seconds, **_seen(http, calls)}


async def _bare(url: str, calls: int) -> None:
    """What anybody would write: a semaphore, a gather, and the client's own retries."""
    import openai

    places = asyncio.Semaphore(PLACES)
    async with openai.AsyncOpenAI(api_key="none", base_url=url, max_retries=RETRIES) as client:

        async def ask(number: int) -> str | None:
            async with places:
                said = await client.chat.completions.create(
                    model="small-1", messages=[{"role": "user", "content": f"question {number}"}],
                    temperature=0, seed=0, max_tokens=16,
                )  # fmt: skip
                return said.choices[0].message.content

        answers = await asyncio.gather(*map(ask, range(calls)))
    assert all(answers)


def _time_ours(faults: dict[str, Any], calls: int) -> dict[str, Any]:
    memory: dict[int, float] = {}

    def note(progress: Progress) -> None:
        if progress.done in (calls // 4, calls):
            memory[progress.done] = _megabytes()

    with _served(faults) as http, tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint(_url_of(http), "small-1", max_concurrency=PLACES)
        budget = Budget(calls=2 * calls, money=100.0, prices=PRICES)
        client = ChatClient(endpoint, Path(folder), "benchmark", budget)
        requests = [ChatRequest((Message("user", f"question {number}"),), max_tokens=16) for number in range(calls)]
        seconds, answers = _timed(lambda: client.ask_all(requests, note))
        lost = sum(answer.error is not None for answer in answers)
        seen = _seen(http, calls)
        again, _ = _timed(lambda: client.ask_all(requests))
        assert _seen(http, calls) == seen, "a rerun asked the server"
    grown = round(memory[calls] - memory[calls // 4], 1)
    return {"seconds": seconds, "lost": lost, **seen, "rerun_seconds": again, "megabytes_grown": grown}


def _url_of(http: httpx2.Client) -> str:
    return f"{str(http.base_url).rstrip('/')}/v1"


def _warm_up() -> None:
    """Imports and first connections, for both sides."""
    _time_bare({}, PLACES)
    _time_ours({}, PLACES)


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    begun = time.perf_counter()
    result = run()
    return round(time.perf_counter() - begun, 3), result


def _seen(http: httpx2.Client, calls: int) -> dict[str, int]:
    """What the server counted: refusals, questions answered more than once, and questions never answered."""
    seen = http.get("/calls").json()
    answered = seen["answered"].values()
    statuses = seen["statuses"]
    return {
        "refused": statuses.get("429", 0),
        "failed": statuses.get("500", 0),
        "repeated": sum(times - 1 for times in answered),
        "unanswered": max(0, calls - len(answered)),
    }


def _megabytes() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def _served(faults: dict[str, Any]) -> Iterator[httpx2.Client]:
    """A client of a chat server that has just started."""
    with subprocess.Popen(
        [sys.executable, str(SERVER), json.dumps({"latency": LATENCY, **faults})],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stdout is not None
        root = f"http://127.0.0.1:{int(server.stdout.readline())}"
        try:
            with httpx2.Client(base_url=root, trust_env=False) as http:
                yield http
        finally:
            server.kill()


def _write_table(measured: dict[str, dict[str, Any]], calls: int) -> None:
    lines = [
        "| server | ideal, s | bare loop, s | ours, s | ours to bare | at most | lost | called again | rerun, s | MB |",
        "|---" * 10 + "|",
    ]
    for name, found in measured.items():
        ours = found["ours"]
        lines.append(
            f"| {name} | {found['ideal']:.1f} | {_range(found['bare'], 'seconds')} | {_range(ours, 'seconds')} "
            f"| {found['ratio']:.2f} | {AT_MOST[name]} | {sum(run['lost'] + run['unanswered'] for run in ours)} "
            f"of {calls * len(ours):,} | {sum(run['repeated'] for run in ours)} | {_range(ours, 'rerun_seconds')} "
            f"| {max(run['megabytes_grown'] for run in ours):.1f} |"
        )
    table = "\n".join(lines)
    page = PAGE.read_text()
    if BEGIN not in page:
        print(table)
        return
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")


def _range(runs: list[dict[str, Any]], name: str) -> str:
    values = [run[name] for run in runs]
    return f"{median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
