"""The code flow on the wire: pushed or not, once, and taken back when a code is shown twice."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from pairing_server.oidc.authorization import AuthorizationFlow
from pairing_server.oidc.code import AuthorizationCode
from pairing_server.oidc.refusals import AccessDenied, InvalidGrant
from pairing_server.ports import Ports
from pairing_server.registry import RegistryUnavailableError, clients, sessions
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.sessions import EndReason
from pairing_server.store.shelf import Shelf
from pairing_server.tokens import digest
from tests.approvals.desk import Desk, MeddlingRegistry
from tests.oidc.browser import PAGE, answer_in, login_page
from tests.oidc.client import BareClient
from tests.oidc.flows import issuer


@pytest.fixture
async def page(house, phone, program):
    return await login_page(house, program)


async def test_a_browser_logs_in_and_the_program_gets_its_assertion(house, page, phone):
    await page.open()
    await page.approve(phone)
    answer = await page.answer()
    status, tokens = await page.exchange(answer["code"])

    assert (answer["state"], answer["iss"]) == (page.attempt.state, house.base_url)
    assert set(answer) == {"code", "state", "iss"}
    assert (status, tokens["token_type"]) == (200, "Bearer")
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (claims["nonce"], claims["aud"]) == (page.attempt.nonce, page.client.id)
    assert claims["uzi_number"] == house.holder.uzi_number
    assert claims["sid"]
    assert "urn:openid:params:jwt:claim:auth_req_id" not in claims
    status, told = await page.client.userinfo(tokens["access_token"])
    assert (status, told["sub"]) == (200, claims["sub"])


async def test_a_request_is_pushed_and_used_once(page, program):
    form = page.attempt.form(program.id)
    status, pushed = await program.post("/par", form)

    assert (status, pushed["expires_in"]) == (201, 60)
    query = f"/authorize?client_id={program.id}&request_uri={pushed['request_uri']}"
    first = await page.visitor.get(query)
    second = await page.visitor.get(query)
    assert first.location.startswith("/login/")
    assert second.status == 400
    assert "start again in your program" in second.text


async def test_a_pushed_request_is_its_clients_and_over_after_a_minute(house, page, program):
    await house.workstation("Other")
    other = BareClient(house, house.client_id, house.client_key)
    _, pushed = await program.post("/par", page.attempt.form(program.id))
    query = f"/authorize?client_id={other.id}&request_uri={pushed['request_uri']}"

    assert (await page.visitor.get(query)).status == 400
    for uri in ("urn:x", "https://his.example/request", "urn:ietf:params:oauth:request_uri:"):
        assert (
            await page.visitor.get(f"/authorize?client_id={program.id}&request_uri={uri}")
        ).status == 400


async def test_what_is_pushed_is_checked_at_once(page, program):
    for changed, error in (
        ({"redirect_uri": f"{PAGE}/"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"request_uri": "urn:x"}, "request_not_supported"),
        ({"prompt": "none"}, "login_required"),
    ):
        status, body = await program.post("/par", page.attempt.form(program.id, **changed))
        assert (status, body["error"]) == (400, error)


async def test_only_a_client_pushes(page, program):
    status, body = await program.send("/par", page.attempt.form(program.id))
    assert (status, body["error"]) == (401, "invalid_client")


async def test_who_has_to_push_cannot_do_without(house, phone):
    await house.workstation(
        redirect_uris=(PAGE,),
        metadata=ClientMetadata(require_pushed_authorization_requests=True),
    )
    program = BareClient(house, house.client_id, house.client_key)
    page = await login_page(house, program)

    assert answer_in(await page.authorize())["error"] == "invalid_request"
    _, pushed = await program.post("/par", page.attempt.form(program.id))
    query = f"/authorize?client_id={program.id}&request_uri={pushed['request_uri']}"
    assert (await page.visitor.get(query)).location.startswith("/login/")


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": None},
        {"redirect_uri": f"{PAGE}/"},
        {"redirect_uri": "https://evil.example/"},
        {"client_id": "unknown"},
        {"client_id": None},
    ],
)
async def test_where_the_redirect_uri_cannot_be_trusted_nobody_is_sent_there(page, changed):
    shown = await page.authorize(**changed)

    assert shown.status == 400
    assert "Location" not in shown.headers
    assert shown.page.heading


async def test_a_parameter_that_stands_there_twice_is_refused_here(page, program):
    query = "&".join(f"{k}={v}" for k, v in page.attempt.form(program.id).items())
    shown = await page.visitor.get(f"/authorize?{query}&redirect_uri=https://evil.example/")
    assert shown.status == 400


async def test_else_the_program_is_told_what_is_wrong(house, page):
    answer = answer_in(await page.authorize(prompt="none"))

    assert answer["error"] == "login_required"
    assert (answer["state"], answer["iss"]) == (page.attempt.state, house.base_url)
    assert answer_in(await page.authorize(scope="uzi"))["error"] == "invalid_scope"
    assert answer_in(await page.authorize(code_challenge=None))["error"] == "invalid_request"


async def test_a_client_of_another_grant_is_refused(house, phone):
    metadata = ClientMetadata(grant_types=(GrantType.CIBA,))
    await house.workstation(redirect_uris=(PAGE,), metadata=metadata)
    page = await login_page(house, BareClient(house, house.client_id, house.client_key))

    assert answer_in(await page.authorize())["error"] == "unauthorized_client"


async def test_the_request_may_come_as_a_form_from_the_programs_own_site(page, program):
    page.visitor.origin = "https://his.example"
    shown = await page.visitor.post("/authorize", page.attempt.form(program.id))

    assert shown.status == 303
    assert (await page.visitor.get(shown.location)).location.startswith("/login/")


async def approved_code(page, phone):
    await page.open()
    await page.approve(phone)
    return (await page.answer())["code"]


async def test_a_code_is_exchanged_for_what_it_was_given_for_alone(house, page, phone):
    code = await approved_code(page, phone)
    await house.workstation("Other")
    other = BareClient(house, house.client_id, house.client_key)
    for changed in (
        {"redirect_uri": f"{PAGE}/"},
        {"code_verifier": "w" * 43},
        {"code": code[:-1] + ("A" if code[-1] != "A" else "B")},
    ):
        status, body = await page.exchange(code, **changed)
        assert (status, body["error"]) == (400, "invalid_grant")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": PAGE,
        "code_verifier": page.attempt.verifier,
    }
    assert (await other.post("/token", form))[1]["error"] == "invalid_grant"
    # None of it used the code up.
    assert (await page.exchange(code))[0] == 200


async def test_a_code_is_good_for_a_minute(house, page, phone):
    code = await approved_code(page, phone)
    house.ports.clock.advance(timedelta(seconds=60))
    fresh = page.client.assertion(exp=int(time.time()) + 120, iat=None)
    _, body = await page.exchange(code, client_assertion=fresh)
    assert body["error"] == "invalid_grant"


async def test_a_code_that_is_shown_twice_takes_back_what_it_gave(house, page, phone):
    code = await approved_code(page, phone)
    _, tokens = await page.exchange(code)
    sid = jwt.decode(tokens["id_token"], options={"verify_signature": False})["sid"]
    assert (await page.client.userinfo(tokens["access_token"]))[0] == 200

    status, body = await page.exchange(code)

    assert (status, body["error"]) == (400, "invalid_grant")
    assert (await page.client.userinfo(tokens["access_token"]))[0] == 401
    session = await house.registry.read(lambda tx: sessions.get(tx, sid))
    assert session.end_reason is EndReason.CODE_REUSED
    # And however often: one event.
    await page.exchange(code)
    assert [e["action"] for e in await house.events()].count("CodeReused") == 1


async def test_of_many_who_show_a_code_at_once_nobody_keeps_anything(page, phone):
    code = await approved_code(page, phone)
    answers = await asyncio.gather(*(page.exchange(code) for _ in range(5)))

    for _, body in [each for each in answers if each[0] == 200]:
        assert (await page.client.userinfo(body["access_token"]))[0] == 401
    assert sum(status == 200 for status, _ in answers) <= 1


def flow_on(page, stores, registry):
    """The server's own steps, on a registry that does what a test wants."""
    house, ports = page.house, page.house.ports
    desk = Desk(house, None, None, page.client.id)
    ports = Ports(registry, ports.store, ports.clock, ports.random)
    approvals = desk.flow(registry=registry)
    issued_by = issuer(ports, approvals, stores, house.settings)
    return AuthorizationFlow(ports, approvals, issued_by, base_url=house.base_url)


def form_of(page, code):
    return {"code": code, "redirect_uri": PAGE, "code_verifier": page.attempt.verifier}


async def exchange_in(page, flow, code):
    client = await page.house.registry.read(lambda tx: clients.get(tx, page.client.id))
    return await flow.token(form_of(page, code), client, timedelta(0))


async def test_a_code_shown_again_while_it_is_exchanged_gives_nothing(house, page, phone, stores):
    """The second one comes after the first has been taken and before it was answered."""
    code = await approved_code(page, phone)
    registry = MeddlingRegistry(house.registry)
    second = []

    async def meanwhile():
        second.append(await page.exchange(code))

    registry.before = meanwhile
    with pytest.raises(InvalidGrant):
        await exchange_in(page, flow_on(page, stores, registry), code)

    ((status, body),) = second
    assert (status, body["error"]) == (400, "invalid_grant")
    (issued,) = [e for e in await house.events() if e["action"] == "AssertionIssued"]
    assert issued
    (taken_back,) = [e for e in await house.events() if e["action"] == "CodeReused"]
    assert taken_back


async def test_a_block_between_the_approval_and_the_code_is_told_to_the_program(
    house, page, phone
):
    await page.open()
    await page.approve(phone)
    await house.phone_status().block(phone.credential_id, "operator:test")

    assert await page.progress() == "revoked"


async def test_a_block_between_the_code_and_its_exchange_leaves_nothing(house, page, phone):
    code = await approved_code(page, phone)
    await house.phone_status().block(phone.credential_id, "operator:test")

    status, body = await page.exchange(code)
    assert (status, body["error"]) in {(400, "invalid_grant"), (400, "access_denied")}


async def test_a_block_while_it_is_exchanged_leaves_nothing(house, page, phone, stores):
    code = await approved_code(page, phone)
    registry = MeddlingRegistry(house.registry)

    async def meanwhile():
        await house.phone_status().block(phone.credential_id, "operator:test")

    registry.before = meanwhile
    with pytest.raises(AccessDenied):
        await exchange_in(page, flow_on(page, stores, registry), code)


async def test_a_code_outlives_a_registry_that_was_away(house, page, phone, stores):
    code = await approved_code(page, phone)
    registry = MeddlingRegistry(house.registry)
    registry.away = 1
    flow = flow_on(page, stores, registry)

    with pytest.raises(RegistryUnavailableError):
        await exchange_in(page, flow, code)

    assert "id_token" in await exchange_in(page, flow, code)


async def test_what_was_committed_all_the_same_is_not_issued_twice(house, page, phone, stores):
    code = await approved_code(page, phone)
    registry = MeddlingRegistry(house.registry)
    registry.away, registry.keeps = 1, True
    flow = flow_on(page, stores, registry)

    with pytest.raises(RegistryUnavailableError):
        await exchange_in(page, flow, code)

    with pytest.raises(InvalidGrant):
        await exchange_in(page, flow, code)


async def test_the_store_keeps_no_code(house, page, phone):
    code = await approved_code(page, phone)
    stored = await Shelf(house.store, "authorization-code", AuthorizationCode).get(digest(code))

    assert stored is not None
    assert code.encode() not in stored.raw
    assert replace(stored.value, is_used=True) != stored.value
