"""Clients hear that a session is over: once, later if they are away, and over guarded ways."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import jwt
import pytest
from aiohttp import web

from pairing_server.destination import EgressError, Reason
from pairing_server.egress import Answer
from pairing_server.oidc.logout import EVENT, GIVEN_UP_AFTER
from pairing_server.oidc.logout_notices import LogoutNotices
from pairing_server.oidc.setup import make_client_egress
from pairing_server.ports import Ports
from pairing_server.registry import people, sessions
from pairing_server.registry.client_metadata import ClientMetadata
from tests.approvals.desk import MeddlingRegistry
from tests.house import free_port
from tests.oidc.browser import PAGE, login_page
from tests.oidc.client import BareClient


@dataclass
class Program:
    """Where a client hears of logouts."""

    port: int = field(default_factory=free_port)
    status: int = 200
    heard: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    has_heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def uri(self) -> str:
        return f"http://localhost:{self.port}/logout"

    async def hear(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.heard.append(str(form["logout_token"]))
        self.types.append(request.content_type)
        self.has_heard.set()
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})

    @asynccontextmanager
    async def listening(self):
        app = web.Application()
        app.add_routes([web.post("/logout", self.hear)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "localhost", self.port).start()
        yield
        await runner.cleanup()


@dataclass
class Calls:
    """What was sent, and what comes of it."""

    outcome: Answer | EgressError = field(default_factory=lambda: Answer(200, "", b""))
    sent: list[tuple[str, bool]] = field(default_factory=list)

    async def send(self, call, registered, *, inside):
        assert call.url in registered
        self.sent.append((call.url, inside))
        if isinstance(self.outcome, EgressError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def listening():
    return Program()


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
async def quiet(monkeypatch):
    """Let a test say when clients are told."""
    monkeypatch.setattr("pairing_server.oidc.logout_notices.EVERY", timedelta(hours=1))


@pytest.fixture
async def logged_in(quiet, house, phone, listening):
    """Somebody who is logged in at a client that hears of logouts; the ID token's claims."""
    metadata = ClientMetadata(backchannel_logout_uri=listening.uri)
    await house.workstation(redirect_uris=(PAGE,), metadata=metadata)
    page = await login_page(house, BareClient(house, house.client_id, house.client_key))
    tokens = await (await page.open()).tokens(phone)
    return jwt.decode(tokens["id_token"], options={"verify_signature": False})


@pytest.fixture
def notices(house, calls):
    return made(house, calls)


def made(house, calls, registry=None):
    ports = house.ports
    ports = Ports(registry or ports.registry, ports.store, ports.clock, ports.random)
    return LogoutNotices(ports, house.stores.keys, calls, issuer=house.base_url)


async def block(house, phone):
    await house.phone_status().block(phone.credential_id, "operator:test")


async def test_a_blocked_phone_ends_what_it_opened_and_the_client_hears_it(
    house, phone, logged_in, listening
):
    calls = make_client_egress(house.settings)
    await block(house, phone)

    async with listening.listening():
        assert await made(house, calls).send() == 1
        assert await made(house, calls).send() == 0
    await calls.close()

    (token,) = listening.heard
    jwks = await house.stores.keys.jwks()
    key = jwt.PyJWK.from_dict(jwks["keys"][0])
    claims = jwt.decode(token, key, ["ES256"], audience=logged_in["aud"])
    assert jwt.get_unverified_header(token)["typ"] == "logout+jwt"
    assert (claims["sid"], claims["sub"]) == (logged_in["sid"], logged_in["sub"])
    assert claims["events"] == {EVENT: {}}
    assert listening.types == ["application/x-www-form-urlencoded"]
    (ended,) = [e for e in await house.events() if e["action"] == "SessionEnded"]
    assert ended["object"] == f"session:{logged_in['sid']}"


async def test_so_does_a_revoked_one_and_one_whose_key_may_be_copied(
    house, phone, logged_in, notices, calls
):
    await house.phone_status().suspect(phone.credential_id)
    assert await notices.send() == 1


async def test_an_unlinked_person_is_logged_out_too(house, logged_in, notices, calls):
    def unlink(tx):
        person = people.by_uzi_number(tx, house.holder.uzi_number)
        return sessions.end_of_member(tx, person.id, house.holder.ura, house.ports.clock())

    assert await house.registry.commit(unlink) == 1
    assert await notices.send() == 1


async def test_what_nobody_ended_where_it_fell_is_found_by_the_sweep(
    house, logged_in, notices, calls
):
    def lapse(tx):
        person = people.by_uzi_number(tx, house.holder.uzi_number)
        membership = people.membership(tx, person.id, house.holder.ura)
        people.put_membership(tx, replace(membership, valid_until=house.ports.clock()))

    await house.registry.commit(lapse)

    assert await notices.sweep() == 1
    assert await notices.send() == 1


@pytest.mark.parametrize(
    "outcome",
    [Answer(500, "", b""), Answer(302, "", b""), EgressError(Reason.TIMEOUT)],
    ids=["fault", "redirect", "away"],
)
async def test_a_client_that_did_not_hear_is_told_again(
    house, phone, logged_in, notices, calls, outcome
):
    heard, calls.outcome = calls.outcome, outcome
    await block(house, phone)
    assert await notices.send() == 0
    assert await notices.send() == 0
    assert len(calls.sent) == 1
    house.ports.clock.advance(timedelta(seconds=10))
    calls.outcome = heard

    assert await notices.send() == 1
    house.ports.clock.advance(timedelta(hours=1))
    assert await notices.send() == 0
    assert [e["action"] for e in await house.events()].count("SessionEnded") == 1


async def test_after_a_day_it_is_given_up_and_written_down(house, phone, logged_in, calls):
    calls.outcome = Answer(404, "", b"")
    await block(house, phone)
    notices = made(house, calls)
    await notices.send()
    house.ports.clock.advance(GIVEN_UP_AFTER)
    await notices.send()
    house.ports.clock.advance(GIVEN_UP_AFTER)

    assert await notices.send() == 0
    assert len(calls.sent) == 2
    (event,) = [e for e in await house.events() if e["action"] == "LogoutNotTold"]
    assert event["outcome"] == "refused"
    assert "status_404" in str(event["evidence"])


async def test_of_two_nodes_one_tells(house, phone, logged_in, calls):
    """The other one comes between what this one has read and what it writes."""
    await block(house, phone)
    registry = MeddlingRegistry(house.registry)
    other = made(house, calls)
    registry.before = other.send

    assert await made(house, calls, registry).send() == 0
    assert len(calls.sent) == 1


async def test_a_client_without_an_address_is_told_nothing(house, phone, quiet, calls):
    await house.workstation(redirect_uris=(PAGE,))
    page = await login_page(house, BareClient(house, house.client_id, house.client_key))
    await (await page.open()).tokens(phone)
    await block(house, phone)
    notices = made(house, calls)

    assert await notices.send() == 0
    assert calls.sent == []
    house.ports.clock.advance(timedelta(days=1))
    assert await house.registry.read(lambda tx: sessions.due(tx, house.ports.clock())) == []


async def test_a_client_leads_inside_only_if_that_was_agreed(house, phone, quiet, calls):
    for agreed in (False, True):
        metadata = ClientMetadata(backchannel_logout_uri="https://his.example/bye")
        await house.workstation(
            redirect_uris=(PAGE,), metadata=metadata, private_notification_hosts=agreed
        )
        page = await login_page(house, BareClient(house, house.client_id, house.client_key))
        await (await page.open()).tokens(phone)
    await block(house, phone)
    await made(house, calls).send()

    assert sorted(calls.sent) == [
        ("https://his.example/bye", False),
        ("https://his.example/bye", True),
    ]


async def test_a_login_that_knows_who_opens_a_session_too(house, phone, quiet, calls, listening):
    metadata = ClientMetadata(backchannel_logout_uri=listening.uri)
    workstation = await house.workstation(metadata=metadata)
    started = await house.approved(phone, workstation)
    assertion = await workstation.poll(started)
    await block(house, phone)

    assert assertion.claims.all["sid"]
    assert await made(house, calls).send() == 1


@pytest.fixture
async def quick(monkeypatch):
    monkeypatch.setattr("pairing_server.oidc.logout_notices.EVERY", timedelta(milliseconds=20))


async def test_a_server_that_runs_tells_by_itself(quick, house, phone, listening):
    metadata = ClientMetadata(backchannel_logout_uri=listening.uri)
    await house.workstation(redirect_uris=(PAGE,), metadata=metadata)
    page = await login_page(house, BareClient(house, house.client_id, house.client_key))
    await (await page.open()).tokens(phone)
    async with listening.listening(), asyncio.timeout(20):
        await block(house, phone)
        await listening.has_heard.wait()

    assert len(listening.heard) == 1
