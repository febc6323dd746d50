"""Who is told in a page, and who in JSON."""

import json
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pairing_server.app import CARDS, make_app
from pairing_server.store import StoreUnavailableError
from tests.pages.visitor import visitor

BROWSER = {"Accept": "text/html,*/*;q=0.8"}
PROGRAM = {"Accept": "*/*"}


async def ask(house, method, path, headers):
    async with house.http.request(method, house.base_url + path, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.text()


@pytest.mark.parametrize(
    ("method", "path", "headers", "content_type"),
    [
        ("GET", "/portal/details", BROWSER, "text/html"),
        ("GET", "/portal/details", PROGRAM, "text/html"),
        ("POST", "/portal/login", PROGRAM, "text/html"),
        ("GET", "/nothing", BROWSER, "text/html"),
        ("GET", "/nothing", PROGRAM, "application/json"),
        ("GET", "/nothing", {"Accept": "application/json"}, "application/json"),
        ("GET", "/uzi/sessions/x", BROWSER, "text/html"),
        ("GET", "/uzi/sessions/x", PROGRAM, "application/json"),
        ("POST", "/portal/pairings", PROGRAM, "application/json"),
        ("POST", "/uzi/mtls", BROWSER, "text/html"),
        ("POST", "/token", BROWSER, "application/json"),
        ("POST", "/bc-authorize", BROWSER, "application/json"),
        ("GET", "/userinfo", BROWSER, "application/json"),
        ("GET", "/phone/credential", BROWSER, "application/json"),
    ],
    ids=str,
)
async def test_people_get_a_page_and_programs_get_json(house, method, path, headers, content_type):
    status, got, _ = await ask(house, method, path, headers)

    assert status >= 400
    assert got == content_type


async def test_json_is_worded_in_the_language_of_who_reads_it(house):
    dutch = {**PROGRAM, "Accept-Language": "nl"}

    for path, english, said in (
        ("/uzi/sessions/x", "There is nothing here", "Hier is niets"),
        ("/portal/pairings/x", "Log in first", "Log eerst in"),
        ("/phone/credential", "Log in first", "Log eerst in"),
    ):
        _, _, text = await ask(house, "GET", path, PROGRAM)
        assert json.loads(text)["error_description"].startswith(english)
        _, _, text = await ask(house, "GET", path, dutch)
        assert json.loads(text)["error_description"].startswith(said)


@pytest.mark.parametrize("path", ["/token", "/bc-authorize"])
async def test_openid_connect_stays_english_and_ascii(house, path):
    """RFC 6749 section 5.2."""
    _, _, text = await ask(house, "POST", path, {**PROGRAM, "Accept-Language": "nl"})
    _, _, english = await ask(house, "POST", path, PROGRAM)

    assert json.loads(text)["error_description"] == json.loads(english)["error_description"]
    assert text.isascii()


async def test_a_store_that_is_away_is_a_page_that_says_so(house, monkeypatch):
    guest = await visitor(house)
    await guest.log_in()

    async def away(*_):
        raise StoreUnavailableError("away")

    monkeypatch.setattr(house.store, "get", away)
    shown = await guest.get("/portal/details")

    assert (shown.status, shown.page.heading) == (503, "The server is busy")
    assert shown.headers["Retry-After"]
    assert shown.page.one("code").text == shown.headers["X-Request-Id"]
    assert shown.page.forms("/portal/ended")


async def test_a_bug_is_a_page_with_a_number_and_nothing_of_the_bug(house, monkeypatch):
    guest = await visitor(house)

    async def broken(*_):
        raise RuntimeError("the secret of the bug")

    await guest.log_in()
    monkeypatch.setattr(house.store, "get", broken)
    shown = await guest.get("/portal/details")

    assert (shown.status, shown.page.heading) == (500, "Something went wrong here")
    assert shown.page.one("code").text == shown.headers["X-Request-Id"]
    assert "secret of the bug" not in shown.text
    assert shown.headers["Cache-Control"] == "no-store"


async def test_what_was_refused_where_there_are_no_pages_is_told_by_its_code(guest):
    shown = await guest.get("/portal/refused?error=card_revoked", **{"Accept-Language": "nl"})

    assert (shown.status, shown.page.heading) == (422, "Uw pas is geweigerd")
    assert "Uw UZI-pas is ingetrokken." in shown.page.text


async def test_a_code_that_is_none_is_no_page(guest):
    for query in ("", "?error=", "?error=none", "?error=card_revoked&error=x"):
        shown = await guest.get(f"/portal/refused{query}")
        assert shown.page.heading in {"This page is not there", "Your card was refused"}


async def test_the_listener_for_cards_sends_people_to_a_page(house, monkeypatch):
    """It serves nothing else, so that a page there would have neither style nor a way on."""
    cards = make_app(house.settings, house.stores)[CARDS]
    async with TestClient(TestServer(cards)) as client:
        # Its own origin is not the base URL's; here both are told apart by the port.
        monkeypatch.setattr(type(house.settings), "host", "elsewhere.example")
        headers = {**BROWSER, "Host": urlsplit(house.base_url).netloc}
        answer = await client.post("/uzi/mtls", headers=headers, allow_redirects=False)

    assert answer.status == 303
    assert answer.headers["Location"] == f"{house.base_url}/portal/refused?error=cross_site"
