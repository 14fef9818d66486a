"""Browser sessions: a cookie for a key, and calls that only our own pages may make with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from service.access.caller import Role
from service.access.credentials import form_token
from service.access.entrance import COOKIE
from service.access.issuing import IssuedKey
from service.access.signing_in import local
from service.app import create_app
from service.settings import Settings
from service.storage.database import Database
from service.storage.tables import sessions

URL = "/v1/assessments"
FORM = {"form": {}}
OWN = {"Origin": "http://localhost"}
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def key(issue: Callable[..., IssuedKey]) -> str:
    return issue("somebody", Role.EDITOR).secret


@pytest.fixture
def browser(settings: Settings, key: str) -> Iterator[TestClient]:
    """Of a service with keys; not signed in yet."""
    assert key
    with TestClient(create_app(settings), follow_redirects=False) as client:
        yield client


def sign_in(browser: TestClient, key: str, **fields: str) -> httpx2.Response:
    return browser.post("/sign-in", data={"key": key, **fields}, headers=OWN)


def test_a_key_begins_a_session(browser: TestClient, key: str, database: Database) -> None:
    answer = sign_in(browser, key, next="/comparisons?page=2")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/comparisons?page=2")
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert browser.get(URL).status_code == 200
    with database.reading() as connection:
        kept = connection.execute(select(sessions)).one()
    assert browser.cookies[COOKIE] not in str(kept)
    assert timedelta(hours=11, minutes=59) < kept.expires_at - datetime.now(UTC) <= timedelta(hours=12)


def test_over_https_the_cookie_stays_there(settings: Settings, key: str) -> None:
    with TestClient(create_app(settings), base_url="https://localhost", follow_redirects=False) as browser:
        answer = browser.post("/sign-in", data={"key": key}, headers={"Origin": "https://localhost"})
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("wrong", ["", "wrong", "adv_" + "A" * 43, "<script>alert(1)</script>"])
def test_a_wrong_key_asks_again_and_is_not_repeated(browser: TestClient, wrong: str) -> None:
    answer = sign_in(browser, wrong)
    assert answer.status_code == 401
    assert "unknown or was revoked" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert not wrong or wrong not in answer.text


def test_a_part_of_a_page_without_a_session_leads_the_whole_page_to_the_sign_in(browser: TestClient) -> None:
    shown = {"HX-Request": "true", "HX-Current-URL": "http://localhost/assessments/7?a=%26b"}
    answer = browser.get("/datasets/7/audit", headers={**PAGE, **OWN, **shown})
    assert answer.status_code == 401
    leads = urlsplit(answer.headers["HX-Redirect"])
    assert (leads.path, parse_qs(leads.query)["next"]) == ("/sign-in", ["/assessments/7?a=%26b"])


def test_what_is_sent_without_a_session_is_not_lost(browser: TestClient) -> None:
    sent = {"task.name": 'A "quoted" <name>', "task.narrow": "true", "form_token": "of the old session"}
    answer = browser.post("/assessments", data=sent, headers={**PAGE, **OWN})
    assert answer.status_code == 401
    assert 'name="task.name" value="A &#34;quoted&#34; &lt;name&gt;"' in answer.text
    assert '<form method="post" action="/assessments">' in answer.text
    assert "of the old session" not in answer.text
    part = browser.post("/assessments/7", data=sent, headers={**PAGE, **OWN, "HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Retarget"]) == (401, "#messages")
    assert "HX-Redirect" not in part.headers


def test_what_another_site_sends_without_a_session_is_not_shown_to_be_sent_again(browser: TestClient) -> None:
    foreign = {**PAGE, "Origin": "http://elsewhere.example"}
    answer = browser.post("/assessments", data={"task.name": "Foreign"}, headers=foreign)
    assert answer.status_code == 403
    assert "Foreign" not in answer.text


def test_a_page_without_a_session_leads_to_the_sign_in(browser: TestClient) -> None:
    answer = browser.get("/comparisons?status=a%26b&c=d", headers=PAGE)
    assert answer.status_code == 303
    leads = urlsplit(answer.headers["Location"])
    assert (leads.path, parse_qs(leads.query)["next"]) == ("/sign-in", ["/comparisons?status=a%26b&c=d"])
    asked = browser.get(answer.headers["Location"])
    assert asked.status_code == 200
    assert re.search(r'name="next" value="([^"]*)"', asked.text)[1] == "/comparisons?status=a%26b&amp;c=d"  # type: ignore[index]
    assert browser.get(URL, headers=PAGE).status_code == 401  # a call of the API is never led astray


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil", "",
     "javascript:alert(1)", "/\n/evil.example", "///evil.example"],
)  # fmt: skip
def test_nobody_is_led_to_another_site(browser: TestClient, key: str, elsewhere: str) -> None:
    assert local(elsewhere) == "/"
    assert sign_in(browser, key, next=elsewhere).headers["Location"] == "/"


def test_other_sites_sign_nobody_in(browser: TestClient, key: str) -> None:
    """Else a victim would go on working in the attacker's workspace."""
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert browser.post("/sign-in", data={"key": key}, headers=headers).status_code == 403
    assert not browser.cookies


def test_signing_out_ends_the_session_for_good(browser: TestClient, key: str) -> None:
    sign_in(browser, key)
    token = browser.cookies[COOKIE]
    assert browser.get(URL).status_code == 200
    assert browser.post("/sign-out", headers=OWN).headers["Location"] == "/sign-in"
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, token)
    assert browser.get(URL).status_code == 401


def test_signing_in_anew_ends_the_session_before(browser: TestClient, key: str) -> None:
    sign_in(browser, key)
    before = browser.cookies[COOKIE]
    sign_in(browser, key)
    assert browser.cookies[COOKIE] != before
    browser.cookies.clear()
    browser.cookies.set(COOKIE, before)
    assert browser.get(URL).status_code == 401


def test_a_session_is_over_when_its_time_is(browser: TestClient, key: str, database: Database) -> None:
    sign_in(browser, key)
    with database.writing() as connection:
        connection.execute(update(sessions).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert browser.get(URL).status_code == 401


def test_a_session_ends_with_its_key(browser: TestClient, issue: Callable[..., IssuedKey]) -> None:
    admin = issue("admin", Role.ADMIN)
    sign_in(browser, admin.secret)
    assert browser.get(URL).status_code == 200
    own = {"Sec-Fetch-Site": "same-origin"}
    assert browser.delete(f"/v1/keys/{admin.key.id}", headers=own).status_code == 200
    assert browser.get(URL).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "http://localhost"}, 201),
        ({"X-Form-Token": "right"}, 201),
        ({}, 403),
        ({"X-Form-Token": "wrong"}, 403),
        ({"X-Form-Token": ""}, 403),
        ({"X-Form-Token": "right", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-Form-Token": "right", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
    ],
    ids=str,
)
def test_with_a_cookie_a_call_must_show_where_it_comes_from(
    browser: TestClient, key: str, headers: dict[str, str], status: int
) -> None:
    sign_in(browser, key)
    if headers.get("X-Form-Token") == "right":
        headers = {**headers, "X-Form-Token": form_token(browser.cookies[COOKIE])}
    assert browser.post(URL, json=FORM, headers=headers).status_code == status


def test_with_a_key_it_need_not(browser: TestClient, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert browser.post(URL, json=FORM, headers=headers).status_code == 201


def test_a_session_opens_what_its_key_opens(browser: TestClient, key: str) -> None:
    sign_in(browser, key)
    assert browser.get("/v1/keys").status_code == 403


def test_the_sign_in_page_loads_nothing_from_anywhere(browser: TestClient) -> None:
    page = browser.get("/sign-in")
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"  # with no-referrer browsers would send `Origin: null`
    assert not re.findall(r"(?:src|href)=\"(?!/|#|data:,)|https?://|@import|url\(|<script>", page.text)


def test_an_open_service_asks_for_no_key(client: TestClient) -> None:
    assert "No key is needed" in client.get("/sign-in").text
