"""A UZI session over HTTP, between the page, the desktop agent and the card."""

import asyncio
import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import aiohttp
import pytest

from clients.card_profile import Holder
from clients.desktop import AgentLink, Card, Session, _proof, session_text
from clients.test_ca import KeyKind
from clients.wire import WireError
from pairing_server.settings import load
from pairing_server.uzi.session import SESSION_LIFETIME
from tests import calls
from tests.house import free_port, opened_house

NOBODYS_CARD = Holder(uzi_number="900007777", card_type="M", role_code="00.000", title=None)


class Link:
    """What an agent knows and may get wrong, one thing at a time."""

    def __init__(self, house, session):
        self.house = house
        self.link = AgentLink.parse(session.agent_uri)
        self.path = f"{house.base_url}/uzi/sessions/{session.id}"

    async def shown(self):
        async with self.house.http.get(self.path, headers={"X-Nonce": self.link.nonce}) as answer:
            return Session(**await answer.json())

    async def post(self, body):
        sent = json.loads(json.dumps(body, default=encoded))
        async with self.house.http.post(f"{self.path}/proof", json=sent) as answer:
            return answer.status, await answer.json()


def encoded(data):
    return base64.b64encode(data).decode()


async def refused(awaitable):
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value.status, caught.value.error


@pytest.fixture
async def page(house):
    return await house.page()


@pytest.fixture
async def session(page):
    return await page.start_session("login")


@pytest.fixture
def card(house):
    return house.register.card(house.holder)


async def test_a_card_logs_its_holder_in(house, page, session, card):
    assert await page.session_status(session) == "waiting"
    return_uri = await house.agent().prove(session.agent_uri, card)
    assert await page.session_status(session) == "proved"

    said = (await page.complete(return_uri))["card"]

    assert await page.session_status(session) == "completed"
    assert said["name"] == "Jan Jansen"
    assert said["uzi_number"] == house.holder.uzi_number
    assert said["organisation"] == house.holder.organisation_name
    assert said["role"] == "arts, huisarts"


async def test_the_role_of_a_card_is_named_in_the_language_of_its_page(house, page, session, card):
    page._http.headers["Accept-Language"] = "en"
    return_uri = await house.agent().prove(session.agent_uri, card)

    said = (await page.complete(return_uri))["card"]

    assert said["role"] == "physician, general practitioner"


async def test_each_purpose_says_its_own_sentence(house):
    said = []
    agent = house.agent()
    agent._accept = lambda _, session: said.append((session.purpose, session.statement)) or True
    house.agent = lambda: agent

    page = await calls.log_in(house, purpose="register-organisation")
    await page.register_organisation()
    await calls.register(house)

    purposes, statements = zip(*said, strict=True)
    assert purposes == ("register-organisation", "login", "sign-registration")
    assert len(set(statements)) == 3
    assert "UZI-nummer 900001234, rolcode 01.015" in statements[2]


@pytest.mark.parametrize("purpose", ["sign-registration", "", "LOGIN", 1, None])
async def test_no_other_purpose_is_started(page, purpose):
    assert await refused(page.start_session(purpose)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda link, shown: (replace(link, server="https://login.example.nl"), shown),
        lambda link, shown: (replace(link, id="another-identifier"), shown),
        lambda link, shown: (replace(link, nonce="another-nonce-of-it"), shown),
        lambda link, shown: (link, Session(shown.id, "register-organisation", shown.statement, 1)),
        lambda link, shown: (link, Session(shown.id, shown.purpose, shown.statement + " ", 1)),
    ],
    ids=["origin", "session", "nonce", "purpose", "statement"],
)
async def test_a_proof_of_something_else_is_refused_and_changes_nothing(
    house, page, session, card, wrong
):
    link = Link(house, session)
    text = session_text(*wrong(link.link, await link.shown()))

    status, body = await link.post(_proof(card, text))

    assert (status, body["error"]) == (422, "bad_signature")
    assert await page.session_status(session) == "waiting"
    await page.prove(session, house.agent(), card)


async def test_the_proof_of_one_session_proves_no_other(house, page, session, card):
    other = await page.start_session("login")
    link = Link(house, session)
    body = _proof(card, session_text(link.link, await link.shown()))

    assert (await Link(house, other).post(body))[0] == 422
    assert (await link.post(body))[0] == 200


async def test_a_signature_by_another_cards_key_changes_nothing(house, page, session, card):
    other = house.register.card(Holder(uzi_number="900005678"))
    mixed = Card(other.key, card.certificate, card.chain)

    assert await refused(house.agent().prove(session.agent_uri, mixed)) == (422, "bad_signature")
    assert await page.session_status(session) == "waiting"


async def test_a_refused_card_hears_which_rule_and_the_page_that_it_was(house, page, session):
    nobodys = house.register.card(NOBODYS_CARD)
    link = Link(house, session)
    proof = _proof(nobodys, session_text(link.link, await link.shown()))

    status, body = await link.post(proof)

    assert (status, body["error"]) == (422, "card_type_not_accepted")
    assert "zorgverlenerpas" in body["error_description"]
    assert await page.session_status(session) == "refused"
    assert (await link.post(proof))[0] == 404


async def test_the_signature_certificate_of_a_card_does_not_log_in(house, page, session):
    issued = house.register.ca.issue(house.holder, datetime.now(UTC), KeyKind.P_256).signature
    other = Card(issued.key, issued.certificate, issued.chain[:-1])

    assert await refused(house.agent().prove(session.agent_uri, other)) == (422, "wrong_policy")
    assert await page.session_status(session) == "refused"


async def test_another_browsers_completion_spends_the_session(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)
    stranger = await house.page()
    await stranger.start_session("login")

    assert await refused(stranger.complete(return_uri)) == (403, "wrong_browser")
    assert await page.session_status(session) == "refused"
    assert await refused(page.complete(return_uri)) == (404, "not_found")
    assert await refused(page.start_pairing()) == (401, "invalid_token")


async def test_a_browser_without_the_cookie_spends_the_session(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)

    assert await refused((await house.page()).complete(return_uri)) == (403, "wrong_browser")
    assert await refused(page.complete(return_uri)) == (404, "not_found")


async def test_a_completion_completes_once(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)
    await page.complete(return_uri)

    assert await refused(page.complete(return_uri)) == (404, "not_found")


async def test_a_guessed_completion_changes_nothing(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)

    assert await refused(page.complete(return_uri + "x")) == (404, "not_found")
    await page.complete(return_uri)


async def test_nothing_is_completed_before_a_card_is_proved(house, page, session):
    return_uri = f"{house.base_url}/uzi/return#{session.id}.guess"

    assert await refused(page.complete(return_uri)) == (409, "conflict")
    assert await page.session_status(session) == "waiting"


async def test_of_64_proofs_at_once_one_wins(house, page, session, card):
    link = Link(house, session)
    body = _proof(card, session_text(link.link, await link.shown()))

    answers = await asyncio.gather(*(link.post(body) for _ in range(64)))

    statuses = [status for status, _ in answers]
    assert (statuses.count(200), statuses.count(404)) == (1, 63)
    (won,) = [said for status, said in answers if status == 200]
    await page.complete(won["return_uri"])


async def test_of_64_completions_at_once_one_wins(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)

    ended = await asyncio.gather(
        *(page.complete(return_uri) for _ in range(64)), return_exceptions=True
    )

    losers = [error for error in ended if isinstance(error, WireError)]
    assert (len(ended) - len(losers), {error.status for error in losers}) == (1, {404})
    proved = [event for event in await house.events() if event["action"] == "CardProved"]
    assert len(proved) == 1


async def test_a_waiting_session_expires(house, page, session, card):
    house.ports.clock.advance(SESSION_LIFETIME)

    assert await page.session_status(session) == "expired"
    assert await refused(house.agent().prove(session.agent_uri, card)) == (410, "expired")


async def test_a_proved_session_expires(house, page, session, card):
    return_uri = await house.agent().prove(session.agent_uri, card)
    house.ports.clock.advance(SESSION_LIFETIME)

    assert await page.session_status(session) == "expired"
    assert await refused(page.complete(return_uri)) == (410, "expired")


@pytest.mark.parametrize("nonces", [["wrong"], [""], ["{0}", "{0}"], ["{0}", ""], ["\udcff"]])
async def test_an_agent_needs_the_one_nonce(house, session, nonces):
    headers = [("X-Nonce", nonce.format(session.nonce)) for nonce in nonces]

    async with house.http.get(Link(house, session).path, headers=headers) as answer:
        assert answer.status == 404


async def test_an_agent_without_a_nonce_is_a_page_without_the_cookie(house, session):
    async with house.http.get(Link(house, session).path) as answer:
        assert answer.status == 404


async def test_another_browser_hears_no_status(house, session):
    stranger = await house.page()
    await stranger.start_session("login")

    assert await refused(stranger.session_status(session)) == (404, "not_found")


async def test_what_the_agent_is_shown_holds_no_secret_of_the_page(house, session):
    async with house.http.get(
        Link(house, session).path, headers={"X-Nonce": session.nonce}
    ) as answer:
        assert set(await answer.json()) == {"id", "purpose", "statement", "expires_in"}


@pytest.mark.parametrize(
    "holder",
    [
        Holder(uzi_number="900004001", last_name="Jansen\nIk log in bij kwaad.nl"),
        Holder(uzi_number="900004002", first_names="Jan\u202enesnaJ"),
        Holder(uzi_number="900004003", organisation_name="Zorg\u2028en\x00meer"),
    ],
    ids=["line feed", "override", "separator"],
)
async def test_a_card_whose_names_cannot_be_shown_is_refused(house, page, session, holder):
    proved = house.agent().prove(session.agent_uri, house.register.card(holder))

    assert await refused(proved) == (422, "malformed_subject")


async def test_the_longest_names_are_signed_on_one_line(house):
    holder = Holder(uzi_number="900004004", first_names="Jan " * 7, last_name="Ö'Brien-" * 3)
    await house.add_organisation(name="Zorg\n\u202een meer" + "x" * 2000)

    page = await calls.register(house, holder)

    assert (await page.start_pairing()).link


async def cookies_of(http, base_url, headers=None):
    async with http.post(
        f"{base_url}/uzi/sessions", json={"purpose": "login"}, headers=headers
    ) as answer:
        assert answer.status == 201
        return answer.headers.getall("Set-Cookie")


def attributes(cookie):
    name_and_value, *rest = cookie.split("; ")
    return name_and_value.partition("=")[0], set(rest)


async def test_on_localhost_the_cookie_is_plain(house):
    (cookie,) = await cookies_of(house.http, house.base_url)

    assert attributes(cookie) == ("browser", {"HttpOnly", "Path=/", "SameSite=Lax"})


async def test_over_tls_the_cookie_is_pinned_to_the_host(stores, ports, register, tmp_path):
    port = free_port()
    settings = load({}, base_url="https://login.example.nl", port=port, data_dir=tmp_path)
    async with (
        opened_house(settings, stores, ports, register),
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http,
    ):
        (cookie,) = await cookies_of(
            http, f"http://localhost:{port}", {"Host": "login.example.nl"}
        )

    name, said = attributes(cookie)
    assert name == "__Host-browser"
    assert said == {"HttpOnly", "Path=/", "SameSite=Lax", "Secure"}


async def test_one_browser_keeps_its_cookie(house, page, session):
    before = {cookie.key: cookie.value for cookie in page._http.cookie_jar}
    await page.start_session("login")

    assert {cookie.key: cookie.value for cookie in page._http.cookie_jar} == before
