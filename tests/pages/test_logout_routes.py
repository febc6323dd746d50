"""Logging out by way of the browser: what an ID token of ours names, and nothing else."""

import jwt
import pytest

from pairing_server.registry import sessions
from pairing_server.registry.client_metadata import ClientMetadata
from pairing_server.registry.sessions import EndReason
from tests.oidc.browser import BYE, PAGE, login_page
from tests.oidc.client import BareClient


@pytest.fixture
async def phone(house):
    return await house.bind()


@pytest.fixture
async def page(house, phone):
    metadata = ClientMetadata(post_logout_redirect_uris=(BYE,))
    await house.workstation(redirect_uris=(PAGE,), metadata=metadata)
    client = BareClient(house, house.client_id, house.client_key)
    return await (await login_page(house, client)).open()


@pytest.fixture
async def hint(page, phone):
    return (await page.tokens(phone))["id_token"]


async def session_of(house, hint):
    sid = jwt.decode(hint, options={"verify_signature": False})["sid"]
    return await house.registry.read(lambda tx: sessions.get(tx, sid))


def query(**form):
    return "/logout?" + "&".join(f"{name}={value}" for name, value in form.items())


async def test_a_program_logs_out_and_gets_its_browser_back(house, page, hint):
    shown = await page.visitor.get(
        query(id_token_hint=hint, post_logout_redirect_uri=BYE, state="s")
    )

    assert (shown.status, shown.location) == (303, f"{BYE}?state=s")
    session = await session_of(house, hint)
    assert (session.end_reason, session.notice_due_at) == (EndReason.LOGOUT, None)
    (event,) = [e for e in await house.events() if e["action"] == "SessionLoggedOut"]
    assert event["ura"] == house.holder.ura


async def test_it_may_come_as_a_form_from_the_programs_site(house, page, hint):
    page.visitor.origin = "https://his.example"
    form = {"id_token_hint": hint, "client_id": page.client.id}
    shown = await page.visitor.post("/logout", form)

    assert (shown.status, shown.page.heading) == (200, "You have logged out")
    assert "style-src 'sha256-" in shown.headers["Content-Security-Policy"]
    assert not (await session_of(house, hint)).is_open(house.ports.clock())


@pytest.mark.parametrize("uri", ["https://evil.example/", f"{BYE}/", f"{BYE}?x=1"])
async def test_a_browser_is_sent_nowhere_that_was_not_registered(page, hint, uri):
    shown = await page.visitor.get(query(id_token_hint=hint, post_logout_redirect_uri=uri))
    assert (shown.status, "Location" in shown.headers) == (200, False)


async def test_without_an_id_token_of_ours_nothing_ends_and_nobody_is_sent_away(house, page, hint):
    for form in (
        {},
        {"client_id": page.client.id},
        {"id_token_hint": hint[:-4] + "AAAA"},
        {"id_token_hint": hint, "client_id": "other"},
        {"id_token_hint": await house.stores.keys.sign({"sid": "x"})},
    ):
        shown = await page.visitor.get(query(**form, post_logout_redirect_uri=BYE))
        assert shown.status == 200
    assert (await session_of(house, hint)).is_open(house.ports.clock())


async def test_a_session_of_another_client_is_not_ended(house, page, hint, phone):
    """An ID token of one client that names, as nobody can make it, another's session."""
    session = await session_of(house, hint)
    await house.workstation("Other")
    other = house.client_id
    claims = {"iss": house.base_url, "aud": other, "sub": "p", "jti": "j", "auth_time": 1}
    forged = await house.stores.keys.sign(claims | {"sid": session.sid})
    await page.visitor.get(query(id_token_hint=forged))
    assert (await session_of(house, hint)).is_open(house.ports.clock())


async def test_logging_out_twice_is_once(house, page, hint):
    for _ in range(2):
        await page.visitor.get(query(id_token_hint=hint))
    assert [e["action"] for e in await house.events()].count("SessionLoggedOut") == 1
