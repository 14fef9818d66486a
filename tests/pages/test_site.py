"""The pages in a real browser, over a real service: what a person sees and does, from the form to the printed memo."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

SCREENSHOTS = Path(__file__).parent / "screenshots"
COUNT = re.compile(r"(\d+) of (\d+) trials")
CHECKS = (Path(__file__).parent / "checks.js").read_text()
PAGES = ("start", "form", "audit", "options", "report", "documents")


@pytest.fixture(scope="module", autouse=True)
def _where_pictures_are() -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    print(f"Screenshots: {SCREENSHOTS}")


def test_from_form_to_verdict(page: Page, site: Any, walk: Any) -> None:
    told = site.http.get(walk.api).json()
    assert told["status"] == "finished"
    page.goto(walk.comparison)
    expect(page.locator("#verdict")).to_have_text(told["verdict"]["headline"])
    report = site.http.get(f"{walk.api}/report.json").json()
    assert "lora" not in [arm["name"] for arm in report["arms"]]
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=told["verdict"]["title"], exact=True))
    chosen = next(arm for arm in report["arms"] if arm["name"] == told["verdict"]["arm"])
    expect(row.first).to_contain_text(f"{100 * chosen['accuracy']:.1f}%")
    for suffix in ("html", "md", "json"):
        assert page.request.get(f"{walk.api}/report.{suffix}").ok


def test_progress_goes_on_after_a_reload(walk: Any) -> None:
    before, after = (COUNT.search(text) for text in (walk.before_reload, walk.after_reload))
    assert before is not None
    assert after is not None
    assert int(after[1]) >= int(before[1])
    assert after[2] == before[2]


def test_scores_move_as_answers_arrive(page: Page) -> None:
    page.goto("/assessments/new")
    scores = page.locator(".scores")
    before = scores.inner_text()
    page.get_by_label("How many requests a month?").fill("20000")
    page.get_by_label("What kind of task is it?").select_option("classification")
    expect(scores).to_contain_text("2 of 59 questions")
    page.locator("#task-narrow-true").check()
    expect(scores).to_contain_text("3 of 59 questions")
    assert scores.inner_text() != before
    page.get_by_role("button", name="Save this assessment").click()
    expect(scores).to_contain_text("Saved as version 1")
    page.get_by_label("What do you call this task?").fill("Saved by itself")
    page.get_by_label("What do you call this task?").press("Tab")
    expect(scores).to_contain_text("Saved as version 2")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Saved by itself")


def test_a_refused_answer_is_told_beside_its_field_until_it_is_put_right(page: Page, walk: Any) -> None:
    page.goto(walk.assessment)
    field = page.get_by_label("How many examples with the right answer do you have?")
    field.fill("a few")
    field.press("Tab")
    problem = page.locator("#examples-count-problem")
    expect(problem).to_contain_text("expected a whole number")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_attribute("aria-describedby", re.compile("examples-count-problem"))
    expect(field).to_have_value("a few")
    field.fill("60")
    field.press("Tab")
    expect(problem).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_the_audit_shows_the_rows_in_place(page: Page, site: Any, tmp_path: Path) -> None:
    rows = site.rows.read_text().splitlines()
    repeated = tmp_path / "repeated.jsonl"
    repeated.write_text("\n".join([*rows, rows[3].replace('"id": "', '"id": "again-')]) + "\n")
    page.goto("/datasets/new")
    page.get_by_label("File with examples").set_input_files(repeated)
    page.get_by_role("button", name="Upload and audit").click()
    finding = page.locator("article.finding").filter(has_text="AUDIT09")
    expect(finding.get_by_role("row")).to_have_count(3)
    expect(finding.get_by_role("row").nth(2)).to_contain_text(str(len(rows) + 1))
    expect(page.locator(".bars li").first).to_contain_text("16")


def test_a_file_that_is_refused_says_so_beside_the_field(page: Page, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("first,second\na,b\n")
    page.goto("/datasets/new")
    page.get_by_label("File with examples").set_input_files(wrong)
    page.get_by_role("button", name="Upload and audit").click()
    expect(page.locator("#file-problem")).to_contain_text("no column for the input")
    expect(page.get_by_label("File with examples")).to_have_attribute("aria-invalid", "true")


def test_charts_can_be_hovered(page: Page, site: Any, walk: Any) -> None:
    page.goto(walk.comparison)
    chart = page.locator("figure[data-chart=arms]")
    chart.scroll_into_view_if_needed()
    expect(chart.locator("canvas")).to_be_visible()
    expect(chart.locator(".plot")).to_be_hidden()
    arm = site.http.get(f"{walk.api}/report.json").json()["arms"][0]
    x, y = chart.evaluate(
        """(figure, [value, name]) => {
          const box = figure.querySelector(".drawn");
          const [x, y] = echarts.getInstanceByDom(box).convertToPixel({ gridIndex: 0 }, [value, name]);
          const at = box.getBoundingClientRect();
          return [at.x + x, at.y + y];
        }""",
        [100 * arm["accuracy"], arm["title"]],
    )
    page.mouse.move(x - 3, y)
    page.mouse.move(x, y)
    expect(chart.locator(".drawn")).to_contain_text(f"{100 * arm['accuracy']:.1f}%, 95% interval")


def test_rows_on_which_two_ways_disagree(page: Page, site: Any, walk: Any) -> None:
    report = site.http.get(f"{walk.api}/report.json").json()
    first, second = (arm["name"] for arm in report["arms"][:2])
    differing = [row for row in report["disagreements"] if row["answers"][first] != row["answers"][second]]
    ours = [row for row in report["disagreements"] if row["scores"][first] > row["scores"][second]]
    page.goto(walk.comparison)
    told = page.locator("#disagreements [role=status]")
    page.get_by_label("One way").select_option(first)
    page.get_by_label("Another way").select_option(second)
    expect(told).to_contain_text(re.compile(rf"^{len(differing)} row"))
    page.get_by_label("Rows", exact=True).select_option("first")
    expect(told).to_contain_text(re.compile(rf"^{len(ours)} row"))
    page.goto(f"{walk.comparison}?first={first}&second={second}&show=first")
    expect(told).to_contain_text(re.compile(rf"^{len(ours)} row"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_prints_whole(site: Any, walk: Any, watch: Any, scheme: str, tmp_path: Path) -> None:
    headline = site.http.get(walk.api).json()["verdict"]["headline"]
    with watch(scheme=scheme) as page:
        page.goto(walk.comparison)
        expect(page.locator("figure[data-chart=arms] canvas")).to_be_visible()
        page.pdf(path=tmp_path / "memo.pdf", format="A4", print_background=True)
    printed = PdfReader(tmp_path / "memo.pdf")
    # Typesetting joins letters and breaks lines.
    text = " ".join(" ".join(sheet.extract_text() for sheet in printed.pages).split()).replace("ﬁ", "fi")
    assert headline in text
    assert "95% interval" in text
    assert "Seed" in text
    for button in ("Markdown", "Read the report", "Skip to the content"):
        assert button not in text
    assert len(printed.pages) <= 12


def test_a_report_that_arrived_while_somebody_watched_prints_too(site: Any, walk: Any, tmp_path: Path) -> None:
    (tmp_path / "memo.pdf").write_bytes(walk.printed)
    text = " ".join(" ".join(sheet.extract_text() for sheet in PdfReader(tmp_path / "memo.pdf").pages).split())
    assert site.http.get(walk.api).json()["verdict"]["headline"] in text.replace("ﬁ", "fi")


def test_an_answer_that_does_not_arrive_is_told_and_sent_again(browser: Browser, site: Any, walk: Any) -> None:
    context = browser.new_context(base_url=site.url)
    page = context.new_page()
    page.goto(walk.assessment)
    context.set_offline(True)
    page.get_by_label("How many requests a month?").fill("7000")
    page.get_by_label("How many requests a month?").press("Tab")
    expect(page.locator(".unsent")).to_have_count(1)
    context.set_offline(False)
    page.get_by_label("What do you call this task?").fill("Sent again")
    page.get_by_label("What do you call this task?").press("Tab")
    expect(page.locator(".unsent")).to_have_count(0)
    form = site.http.get(f"/v1{walk.assessment}").json()["form"]
    assert (form["task"]["requests_per_month"], form["task"]["name"]) == (7000, "Sent again")
    context.close()


def test_an_answer_that_leaves_no_room_for_others_takes_their_ticks_away(page: Page, site: Any, walk: Any) -> None:
    page.goto(walk.assessment)
    some, none = page.locator("#task-failures-wrong_format"), page.locator("#task-failures-none")
    for ticked, other, answer in ((some, none, ["wrong_format"]), (none, some, []), (some, none, ["wrong_format"])):
        with page.expect_response(re.compile("/assessments/")):
            ticked.check()
        expect(other).not_to_be_checked()
        expect(ticked).to_be_checked()
        assert site.http.get(f"/v1{walk.assessment}").json()["form"]["task"]["failures"] == answer


def test_a_file_that_is_too_large_is_told_before_it_is_sent(page: Page, site: Any) -> None:
    page.goto("/datasets/new")
    page.locator("#file").evaluate("(file) => { file.dataset.most = 100; }")
    page.get_by_label("File with examples").set_input_files(site.rows)
    page.get_by_role("button", name="Upload and audit").click()
    expect(page.locator(".unsent")).to_contain_text("more than is taken")
    assert page.url.endswith("/datasets/new")


def test_cancel_and_go_on(page: Page, walk: Any) -> None:
    page.goto(f"/comparisons/new?dataset={walk.dataset.rpartition('/')[2]}")
    page.get_by_label("Also fit on fewer rows").uncheck()
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Approve and start").click()
    state = page.locator("#state")
    expect(state).to_have_attribute("data-status", re.compile("queued|running"))
    page.get_by_role("button", name="Cancel").click()
    expect(state).to_have_attribute("data-status", "cancelled")
    page.get_by_role("button", name="Go on").click()
    expect(state).to_have_attribute("data-status", re.compile("queued|running"))
    page.get_by_role("button", name="Cancel").click()
    expect(state).to_have_attribute("data-status", "cancelled")


def test_examples_that_block_say_what_to_do(page: Page, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(f'{{"input": "text number {n}", "output": "label {n % 2}"}}\n' for n in range(6)))
    page.goto("/datasets/new")
    page.get_by_label("File with examples").set_input_files(few)
    page.get_by_role("button", name="Upload and audit").click()
    page.get_by_role("link", name="Go on all the same").click()
    expect(page.get_by_role("group", name="The audit blocks this comparison")).to_be_visible()
    page.get_by_role("button", name="Make the plan").click()
    expect(page.locator("#state")).to_have_attribute("data-status", "blocked")
    expect(page.locator("#state")).to_contain_text("AUDIT")


def test_the_reference_of_the_api_is_drawn_without_another_site(page: Page) -> None:
    page.goto("/docs")
    call = page.locator(".opblock").filter(has_text="Queue a comparison")
    expect(call).to_have_count(1)
    call.get_by_role("button").first.click()
    expect(call).to_contain_text("dataset_id")


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/assessments/new")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.locator("#task-narrow-open").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#task-narrow-true")).to_be_checked()
    expect(page.locator(".scores")).to_contain_text("1 of 59 questions")


@pytest.mark.usefixtures("walk")
def test_two_comparisons_side_by_side(page: Page) -> None:
    page.goto("/")
    boxes = page.locator("#history form").first.get_by_role("checkbox")
    boxes.first.check()
    boxes.last.check()
    page.get_by_role("button", name="Show the two that are ticked side by side").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Side by side")
    expect(page.get_by_role("row", name=re.compile("^Status"))).to_contain_text("Finished")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_read_and_used(watch: Any, walk: Any, name: str, width: int, scheme: str) -> None:
    dataset, assessment = (address.rpartition("/")[2] for address in (walk.dataset, walk.assessment))
    address = {
        "start": "/", "form": walk.assessment, "audit": walk.dataset, "report": walk.comparison,
        "documents": "/corpora/new",
        "options": f"/comparisons/new?dataset={dataset}&assessment={assessment}",
    }[name]  # fmt: skip
    with watch(width=width, scheme=scheme) as page:
        page.goto(address)
        if name == "report":
            expect(page.locator("figure[data-chart=arms] canvas")).to_be_visible()
        page.evaluate("document.querySelectorAll('main details').forEach((fold) => { fold.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CHECKS) == []
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        expect(page.get_by_role("main")).to_have_count(1)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
