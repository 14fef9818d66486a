"""A real `advisor serve` with its own data, and a real browser that looks at it; one of each for a module."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx2
import pytest

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
ROWS_OF_A_LABEL = 15
START_SECONDS = 90
PATIENCE = 150_000
"""Milliseconds: the machine may be busy, and the first audit loads a model."""
ColourScheme = Literal["light", "dark"]
EXPECTED_ON_THE_CONSOLE = ("status of 4",)
"""A browser reports each answer with a status of 4xx by itself."""


class Site:
    """A running service. `rows` is a file of few tickets, so that a comparison takes a minute."""

    def __init__(self, url: str, rows: Path) -> None:
        self.url, self.rows = url, rows
        self.http = httpx2.Client(base_url=url, trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "ADVISOR_DATA_FOLDER": str(folder / "data"), "ADVISOR_CACHE_FOLDER": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "service", "serve", "--port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    site = Site(f"http://127.0.0.1:{port}", few_tickets(folder / "tickets.jsonl"))
    try:
        _wait_for(site, process, folder / "log")
        yield site
    finally:
        site.http.close()
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(site: Site, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if site.http.get("/healthz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.2)
    pytest.fail(f"the service did not start: {log.read_text()}")


def few_tickets(path: Path) -> Path:
    """The first tickets of each label."""
    taken: dict[str, list[str]] = defaultdict(list)
    for line in (ROOT / "examples" / "tickets" / "tickets.jsonl").read_text().splitlines():
        label = json.loads(line)["output"]
        if len(taken[label]) < ROWS_OF_A_LABEL:
            taken[label].append(line)
    path.write_text("\n".join(line for lines in taken.values() for line in lines) + "\n")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"these tests need a browser at {CHROMIUM}")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def watched(browser: Browser, site: Site, width: int = 1280, scheme: ColourScheme = "light") -> Iterator[Page]:
    """A page that fails its test for an error on the console or a request to anywhere else."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=site.url, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    errors: list[str] = []
    elsewhere: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(told in message.text for told in EXPECTED_ON_THE_CONSOLE):
            errors.append(message.text)

    def see(request: Request) -> None:
        if not request.url.startswith((site.url, "data:", "about:")):
            elsewhere.append(request.url)

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", see)
    try:
        yield page
    finally:
        context.close()
    assert errors == []
    assert elsewhere == []


@pytest.fixture
def watch(browser: Browser, site: Site) -> Callable[..., AbstractContextManager[Page]]:
    """Opens such a page with another width or colour scheme."""
    return partial(watched, browser, site)


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    with watched(browser, site) as page:
        yield page


@dataclass
class Walk:
    """The way from a form to a verdict, as one person walks it; addresses of the pages on the way."""

    assessment: str
    dataset: str
    comparison: str
    before_reload: str
    after_reload: str
    printed: bytes
    """The page on which the report arrived by itself."""

    @property
    def api(self) -> str:
        """The comparison's address in the API."""
        return f"/v1{self.comparison}"


@pytest.fixture(scope="module")
def walk(browser: Browser, site: Site) -> Iterator[Walk]:
    """Without a fine-tune, which the form rules out: it takes minutes."""
    with watched(browser, site) as page:
        page.goto("/")
        page.locator(".steps").get_by_role("link", name="Assess a task").click()
        page.get_by_label("What do you call this task?").fill("Few tickets")
        page.get_by_label("What kind of task is it?").select_option("classification")
        page.locator("#task-business_rules_written-false").check()
        page.locator("#examples-consistent-false").check()
        expect(page.locator("#panel")).to_contain_text("Fine-tuning is ruled out")
        page.get_by_role("button", name="Save this assessment").click()
        assessment = _address(page)
        page.get_by_role("link", name="Compare on your own examples").click()
        page.get_by_label("File with examples").set_input_files(site.rows)
        page.get_by_role("button", name="Upload and audit").click()
        dataset = _address(page)
        page.get_by_role("link", name="Plan a comparison").click()
        page.get_by_label("Also fit on fewer rows").uncheck()
        page.get_by_role("button", name="Make the plan").click()
        comparison = _address(page)
        page.get_by_role("button", name="Approve and start").click()
        status = page.locator("#state [role=status]")
        expect(status).to_contain_text("trials known so far")
        before = status.inner_text()
        page.reload()
        after = status.inner_text()
        expect(page.locator("#verdict")).to_be_visible(timeout=5 * PATIENCE)
        yield Walk(assessment, dataset, comparison, before, after, page.pdf(format="A4"))


def _address(page: Page) -> str:
    return urlsplit(page.url).path
