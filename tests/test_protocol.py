"""`docs/protocol.md` says what travels: its examples are made here, by running the flows."""

import asyncio
import importlib
import json
import pkgutil
import re
from base64 import b64encode
from contextlib import aclosing
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

import admin
import pairing_server
from clients.oauth_error import AccessDenied, InvalidGrant
from clients.phone import SoftwarePhone
from clients.wire import WireError, b64url_decode
from pairing_server.app import make_app
from pairing_server.errors import Refusal
from pairing_server.keys.flow import PhoneFlow
from pairing_server.phones.unblocking import UnblockingFlow
from pairing_server.registry import offers
from pairing_server.registry.client_metadata import ClientMetadata, GrantType
from pairing_server.registry.offers import MembershipOffer
from pairing_server.registry.people import MembershipKind
from pairing_server.tokens import new_id
from pairing_server.uzi.proof import proof_message
from pairing_server.uzi.session import Purpose, statement
from tests.approvals.desk import Desk
from tests.documents import ROOT, check_blocks, fenced, kinds, read
from tests.exchanges import Exchanges, recording
from tests.house import DATE_OF_BIRTH, WORKSTATION
from tests.oidc.browser import BYE, PAGE, login_page
from tests.oidc.client import BareClient
from tests.oidc.endpoint import listening
from tests.phone_api import served as phone_api
from tests.portal.records import add_person, managed
from tests.signals.story import AUTHORITY, client_calls, listener
from tests.xis.client import Xis

PROTOCOL = "docs/protocol.md"
FORM = "application/x-www-form-urlencoded"
_HEADING = re.compile(r"^### (?P<routes>(?:GET|POST|PUT|PATCH|DELETE) /.*)$", re.MULTILINE)
#: A row of the table of pages.
_PAGE = re.compile(r"^\| `(?P<route>(?:GET|POST) /[^`]*)` \|", re.MULTILINE)
_ROUTE = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[^\s,]*)")


def check_examples(story: str, exchanges: Exchanges) -> None:
    """Compare the story's exchanges with those that the document shows of it, and with OpenAPI."""
    for exchange in exchanges.of("/phone/"):
        phone_api.check(exchange)
    made = {name: fenced("http", text) for name, text in exchanges.written().items()}
    check_blocks(PROTOCOL, story, made)


async def refused(awaitable) -> WireError:
    with pytest.raises(WireError) as caught:
        await awaitable
    return caught.value


async def test_the_story_of_a_card(house):
    page = await house.page()
    agent, card = house.agent(), house.register.card(house.holder)
    with recording(house.base_url) as exchanges:
        session = await page.start_session("register-organisation")
        exchanges.label = "page"
        await page.session_status(session)
        exchanges.label = ""
        await page.prove(session, agent, card)
        await page.register_organisation()
        await page.login(agent, card)
        registration = await page.registration(DATE_OF_BIRTH)
        await page.prove(registration.session, agent, card)
        await page.log_out()
        exchanges.label = "relayed"
        sent = await page.start_session("login")
        return_uri = await agent.prove(sent.agent_uri, card)
        stranger = await house.page()
        await stranger.start_session("login")
        assert (await refused(stranger.complete(return_uri))).status == 403
        await refused(stranger.register_organisation())

    check_examples("card", exchanges)


def byte_sequence(certificate) -> str:
    return f":{b64encode(certificate.public_bytes(Encoding.DER)).decode()}:"


async def test_the_story_of_a_card_in_the_browser(make_house):
    async with make_house(client_cert_proxies=["127.0.0.1/32", "::1/128"]) as house:
        url = house.base_url + "/uzi/mtls"
        shown = house.register.card(house.holder)
        sent = {"Content-Type": FORM, "Origin": house.base_url}
        card = {
            **sent,
            "Client-Cert": byte_sequence(shown.certificate),
            "Client-Cert-Chain": ", ".join(map(byte_sequence, shown.chain)),
        }
        with recording(house.base_url) as exchanges:
            for headers, form in ((card, b""), (sent, b""), (card, b"purpose=sign-registration")):
                async with house.http.post(
                    url, data=form, headers=headers, allow_redirects=False
                ) as answer:
                    assert answer.status in {303, 403, 422}

    check_examples("mtls", exchanges)


async def test_the_story_of_a_denial(house):
    await house.add_organisation()
    await add_person(house, first_names="Jan", last_name="Jansen", user_name="jansen")
    manager = await managed(house)
    page = await house.logged_in()
    with recording(house.base_url) as exchanges:
        exchanges.label = "existing"
        await page.registration(DATE_OF_BIRTH)
        exchanges.label = ""
        await page.deny_registration()
        await refused(page.deny_registration())
        (notice,) = await manager.notices()
        await manager.read_notice(notice.id)
        exchanges.label = "read"
        await manager.notices()

    check_examples("denial", exchanges)


async def test_the_story_of_a_pairing(house):
    page = await house.registered()
    with recording(house.base_url) as exchanges:
        offered = await page.start_pairing()
        phone = SoftwarePhone(house.http)
        offer = await phone.scan(offered.link)
        await refused(SoftwarePhone(house.http).scan(offered.link))
        await phone.prove(offer, {"service": "fcm", "token": "registration-token"})
        await page.wait_proved(offered.id)
        wrong = f"{(int(offer.check_number) + 1) % 10000:04}"
        await refused(page.confirm(offered.id, wrong))
        await page.confirm(offered.id, offer.check_number)
        await refused(page.confirm(offered.id, offer.check_number))
        await phone.wait_paired(offer)
        await phone.credential()
        await phone.register_push({"service": "fcm", "token": "another-registration-token"})
        await phone.rotate_device_token()
        await phone.recover_device_token()
        exchanges.label = "unbound"
        await phone.unbind()
        await refused(phone.credential())

    check_examples("pairing", exchanges)


async def test_the_story_of_a_phones_life(house):
    page = await house.registered()
    phone = await house.bind(page)
    workstation = await house.workstation()
    await house.approved(phone, workstation)
    other = await house.bind(page)
    await offer_membership(house)
    with recording(house.base_url) as exchanges:
        await phone.credentials()
        await phone.history()
        await phone._call("GET", "/phone/events")
        await phone.notices()
        (workstation_here,) = await phone.workstations()
        await phone.open_workstation(workstation_here.id)
        (membership,) = await phone.membership_offers()
        await phone.accept_membership(membership)
        await phone._call("DELETE", "/phone/push")
        await phone.rename(phone.credential_id, "Dienst 2")
        await phone.renew()
        await house.phone_status().block(phone.credential_id, "operator:test")
        await phone.unblock(await unblocking_code(house, phone))
    assert other.credential_id

    check_examples("life", exchanges)


async def offer_membership(house):
    """Let another organisation ask the holder to be its guest."""
    await house.add_organisation("90000999", "Waarneempost")
    now = house.ports.clock()
    offer = MembershipOffer(
        id=new_id(house.ports.random),
        ura="90000999",
        uzi_number=house.holder.uzi_number,
        first_names=house.holder.first_names,
        last_name=house.holder.last_name,
        kind=MembershipKind.GUEST,
        role_codes=("01.015",),
        valid_until=now + timedelta(days=30),
        offered_by="person:somebody",
        offered_at=now,
        expires_at=now + timedelta(days=30),
    )
    await house.registry.commit(lambda tx: offers.add(tx, offer))


async def test_the_story_of_a_lost_phone(house):
    page = await house.registered()
    phone = await house.bind(page)
    await house.approved(phone, await house.workstation())
    with recording(house.base_url) as exchanges:
        await page.history()
        await page.rename_phone(phone.credential_id, "Dienst 2")
        await page.block_phone(phone.credential_id)
        await page.phones()
        await refused(page.block_phone(phone.credential_id))
        await page.unblock_phone(phone.credential_id)
        await page.revoke_phone(phone.credential_id)
        await refused(page.unblock_phone(phone.credential_id))

    check_examples("lost", exchanges)


async def unblocking_code(house, phone):
    """Draw a code as an administrator does."""
    statuses = house.phone_status()
    phones = PhoneFlow(house.ports, house.rp(), statuses)
    flow = UnblockingFlow(house.ports, phones, statuses)
    return (await flow.offer(phone.credential_id, "operator:test")).code


async def test_the_story_of_a_transfer(house):
    old, new = await house.bind(), SoftwarePhone(house.http)
    with recording(house.base_url) as exchanges:
        offered = await new.offer_transfer(house.base_url)
        claimed = await old.claim_transfer(offered.link)
        exchanges.label = "new phone"
        seen = await new.wait_claimed(offered.id)
        exchanges.label = ""
        await new.prove_transfer(offered.id, seen)
        exchanges.label = "old phone"
        proved = await old.wait_proved(offered.id)
        exchanges.label = ""
        wrong = f"{(int(offered.code) + 1) % 1000000:06}"
        await refused(old.approve_transfer(claimed, proved, wrong))
        await old.approve_transfer(claimed, proved, offered.code, revoke=True)
        await new.wait_transferred(offered.id)

    check_examples("transfer", exchanges)


async def test_the_story_of_a_login(house):
    phone, workstation = await house.bind(), await house.workstation()
    with recording(house.base_url) as exchanges:
        await workstation.metadata()
        started = await house.ask(workstation)
        assert await workstation.poll_once(started, wait=0) is None
        await refused(workstation.poll_once(started, wait=0))
        (request,) = await phone.auth_requests()
        await phone.auth_requests(wait=1)
        await phone.get(request.id)
        wrong = f"{(int(started.binding_code) + 1) % 1000000:06}"
        await refused(phone.approve(request, wrong))
        await phone.approve(request, started.binding_code)
        await refused(phone.deny(request))
        assertion = await workstation.poll(started)
        with pytest.raises(InvalidGrant):
            await workstation.poll_once(started)
        await workstation.userinfo(assertion.access_token)
        for token in (assertion.access_token, "somebody else's"):
            form = {
                "token": token,
                "client_assertion_type": (
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
                ),
                "client_assertion": workstation.client_assertion(),
            }
            await house.http.post(f"{house.base_url}/introspect", data=form)

    check_examples("login", exchanges)
    claims = json.dumps(_stable(assertion.claims.all), indent=2, ensure_ascii=False)
    check_blocks(PROTOCOL, "claims", {"id_token": fenced("json", claims)})


async def test_the_story_of_a_client_by_itself(house):
    await house.add_organisation()
    metadata = ClientMetadata(grant_types=(GrantType.CLIENT_CREDENTIALS,))
    await house.workstation("SIEM", metadata=metadata, machine_scopes=["ssf.manage"])
    client = BareClient(house, house.client_id, house.client_key)
    with recording(house.base_url) as exchanges:
        form = {"grant_type": "client_credentials", "scope": "ssf.manage"}
        _, body = await client.post("/token", form)
        await client.post("/introspect", {"token": body["access_token"]})

    check_examples("machine", exchanges)


@pytest.fixture
def untold(monkeypatch):
    """Let a test say when security events are sent."""
    monkeypatch.setattr("pairing_server.signals.transmitter.EVERY", timedelta(hours=1))


async def test_the_story_of_a_stream(untold, house):
    phone = await house.bind()
    async with listening(AUTHORITY.context()) as endpoint, client_calls() as calls:
        endpoint.answers[:] = [202]
        heard = await listener(house, endpoint, calls)
        token = f"Bearer {await heard.token()}"
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": endpoint.url}

        async def call(method, path, **members):
            url, data = house.base_url + path, json.dumps(members).encode() if members else None
            sent = {"Content-Type": "application/json"} if members else {}
            sent |= {"Authorization": token} if path.startswith("/ssf") else {}
            async with house.http.request(method, url, data=data, headers=sent) as answer:
                return answer.status, await answer.text()

        with recording(house.base_url) as exchanges:
            await call("GET", "/.well-known/ssf-configuration")
            _, made = await call("POST", "/ssf/streams", delivery=delivery, description="SIEM")
            heard.stream = json.loads(made)["stream_id"]
            named = f"?stream_id={heard.stream}"
            await call("POST", "/ssf/streams", delivery=delivery)
            await call("GET", f"/ssf/streams{named}")
            await call("PATCH", "/ssf/streams", stream_id=heard.stream, description="SIEM 2")
            await call("POST", "/ssf/verify", stream_id=heard.stream, state="VGhpcyBpcw")
            await call("POST", "/ssf/status", stream_id=heard.stream, status="paused")
            await call("POST", "/ssf/status", stream_id=heard.stream, status="enabled")
            await call("GET", f"/ssf/status{named}")
            await house.phone_status().block(phone.credential_id, "operator:test")
            await heard.send()
            await endpoint.calls(2)
            await call("DELETE", f"/ssf/streams{named}")
        exchanges.known(endpoint.origin, "https://siem.example")

    check_examples("ssf", exchanges)
    told = {
        next(iter(each["events"])).rpartition("/")[2]: fenced(
            "json", json.dumps(_stable_set(each), indent=2, ensure_ascii=False)
        )
        for each in heard.sets()
    }
    check_blocks(PROTOCOL, "set", told)


async def test_the_story_of_a_browser(house):
    phone = await house.bind()
    metadata = ClientMetadata(post_logout_redirect_uris=(BYE,))
    await house.workstation("HIS", redirect_uris=(PAGE,), metadata=metadata)
    client = BareClient(house, house.client_id, house.client_key)
    page = await login_page(house, client)
    with recording(house.base_url) as exchanges:
        _, pushed = await client.post("/par", page.attempt.form(client.id))
        await client.post("/par", page.attempt.form(client.id, code_challenge_method="plain"))
    query = urlencode({"client_id": client.id, "request_uri": pushed["request_uri"]})
    page.path = (await page.visitor.get(f"/authorize?{query}")).location
    await page.approve(phone)
    code = (await page.answer())["code"]
    with recording(house.base_url) as exchanged:
        await page.exchange(code)
        await page.exchange(code)
    exchanges.label = "code"
    for each in exchanged.of("/token"):
        exchanges.add(each)

    check_examples("browser", exchanges)


async def test_the_story_of_a_login_qr(house):
    phone, workstation = await house.bind(), await house.workstation()
    started = await house.ask(workstation)
    async with aclosing(workstation.frames(started)) as frames:
        link = (await anext(frames)).link
    bearer = {"Authorization": f"Bearer {started.auth_req_id}"}
    with recording(house.base_url) as exchanges:
        looking = asyncio.create_task(house.http.get(started.qr_events_uri, headers=bearer))
        await asyncio.sleep(0.1)
        request = await phone.get(await phone.scan_login(link))
        await phone.approve(request)
        await looking
        house.ports.clock.advance(timedelta(seconds=4))
        await refused(phone.scan_login(link))
        await refused(phone.scan_login(f"{link[:-22]}{'A' * 22}"))

    check_examples("qr", exchanges)


async def test_the_story_of_a_login_of_whoever_scans(house):
    phone, workstation = await house.bind(), await house.workstation("EPD", user_code=True)
    await workstation.metadata()
    with recording(house.base_url) as exchanges:
        started = await workstation.start_for_whoever_scans(request_context=WORKSTATION)
        assert await workstation.poll_once(started, wait=1) is None
        await refused(phone.enter_user_code("BBBB-BBBB"))
        request = await phone.get(await phone.enter_user_code(started.user_code))
        exchanges.label = "taken"
        assert await workstation.poll_once(started, wait=0) is None
        exchanges.label = ""
        await phone.approve(request, started.binding_code)
        await workstation.poll_once(started)

    check_examples("device", exchanges)


async def test_the_story_of_a_xis(house):
    phone, workstation = await house.bind(), await house.workstation()
    desk = Desk(house, phone, workstation, house.client_id)
    xis = Xis(desk, house.client_id, house.client_key)
    with recording(house.base_url) as exchanges:
        opened = await xis.open()
        await phone.approve(await xis.scan(opened), "")
        await xis.events(after=0, wait=25)
        _, asked = await xis.sign(opened["id"], Text="Verwijzing cardiologie")
        (request,) = await phone.auth_requests()
        exchanges.label = "transaction"
        await phone.get(request.id)
        await phone.approve(request, asked["bindingCode"])
        exchanges.label = "signed"
        await xis.events(after=2)
        exchanges.label = ""
        await xis.close(opened["id"])
        exchanges.label = "without a number"
        await xis.events()
        exchanges.label = ""
        await xis.sign(opened["id"])

    check_examples("xis", exchanges)


async def test_the_story_of_refusals(house):
    phone, workstation = await house.bind(), await house.workstation()
    with recording(house.base_url) as exchanges:
        exchanges.label = "not me"
        started = await house.ask(workstation)
        (request,) = await phone.auth_requests()
        await phone.deny(request, "not_me")
        with pytest.raises(AccessDenied):
            await workstation.poll_once(started)
        exchanges.label = "blocked"
        started = await house.approved(phone, workstation)
        await house.phone_status().block(phone.credential_id, "operator:test")
        with pytest.raises(AccessDenied):
            await workstation.poll_once(started)
        await refused(phone.auth_requests())
        await refused(house.ask(workstation))
        exchanges.label = "signed with another code"
        await house.phone_status().unblock(phone.credential_id, "operator:test")
        started = await house.ask(workstation)
        (request,) = await phone.auth_requests()
        assertion = phone.assertion(b64url_decode("A" * 43))
        answer = {"decision": "approve", "code": started.binding_code, "assertion": assertion}
        await refused(phone.answer(request.id, answer))
        exchanges.label = ""
        async with house.http.post(house.base_url + "/uzi/sessions", data=b"{}") as response:
            assert response.status == 415
        async with house.http.get(house.base_url + "/token") as response:
            assert response.status == 405
        cookies = {"Cookie": "session=stolen"}
        url = house.base_url + "/portal/pairings"
        async with house.http.post(url, headers=cookies) as response:
            assert response.status == 403
        async with house.http.get(house.base_url + "/readyz") as response:
            assert response.status == 200
        async with house.http.get(house.base_url + "/healthz") as response:
            assert response.status == 200
        async with house.http.get(house.base_url + "/jwks.json") as response:
            assert response.status == 200

    check_examples("refused", exchanges)


async def test_a_held_list_answers_when_a_request_comes(house):
    phone, workstation = await house.bind(), await house.workstation()
    with recording(house.base_url) as exchanges:
        exchanges.label = "held"
        waiting = asyncio.create_task(phone.auth_requests(wait=20))
        await asyncio.sleep(0.2)
        await house.ask(workstation)
        assert len(await waiting) == 1

    check_examples("held", exchanges)


async def test_every_route_has_a_section_and_every_section_a_route(house):
    app = make_app(house.settings, house.stores)
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        # What administrators do `tests/admin/test_gate.py` compares with the access table.
        if route.method != "HEAD" and not route.resource.canonical.startswith("/admin/")
    }

    sections = [match["routes"] for match in _HEADING.finditer(read(PROTOCOL))]
    sections += [match["route"] for match in _PAGE.finditer(read(PROTOCOL))]
    assert sorted(pair for section in sections for pair in _ROUTE.findall(section)) == sorted(
        routes
    )


def test_the_phone_signs_what_the_vectors_say():
    shown = {
        vector["name"]: fenced(
            "text",
            "details (RFC 8785):\n"
            + vector["jcs"]
            + f'\n\nSHA-256("pairing_server/{kind}/v1\\n" + details), in hex:\n'
            + vector["challenge"],
        )
        for kind in ("approval", "transaction")
        for vector in json.loads((ROOT / f"tests/vectors/{kind}_challenge.json").read_text())[
            "vectors"
        ]
    }

    check_blocks(PROTOCOL, "vector", shown)


def test_the_card_signs_what_the_document_says():
    message = proof_message(
        "https://login.example.nl",
        "uQ0J1dCkT0S8aZ1mEo3xYg",
        "q7mJz3o0d1cJ2yq9b1m0mAq7mJz3o0d1cJ2yq9b1m0mA",
        Purpose.LOGIN,
        statement(Purpose.LOGIN, "login.example.nl"),
    )

    check_blocks(PROTOCOL, "bytes", {"card": fenced("text", message.decode())})


def test_every_error_is_in_the_table():
    rows = [
        f"| `{refusal.code}` | {refusal.status} | {_cause(refusal)} | {refusal.description} |\n"
        for refusal in sorted(
            refusals(),
            key=lambda each: (each.__module__, each.status, each.code, each.__name__),
        )
    ]
    table = "| `error` | status | cause | what the caller is told |\n|---|---|---|---|\n"

    check_blocks(PROTOCOL, "table", {"errors": table + "".join(rows)})


def test_every_made_block_is_made_by_a_test_above():
    stories = {
        *("card", "denial", "mtls", "pairing", "lost", "life", "transfer", "login", "qr"),
        *("browser", "device", "xis", "refused", "held", "machine", "ssf"),
    }

    assert kinds(PROTOCOL) == {*stories, "claims", "set", "vector", "bytes", "table"}


def refusals() -> set[type[Refusal]]:
    """Return every refusal that can be sent: all but those that only group others."""
    for package in (pairing_server, admin):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__") and ".migrations." not in module.name:
                importlib.import_module(module.name)
    found: set[type[Refusal]] = set()
    waiting = [Refusal]
    while waiting:
        heirs = waiting.pop().__subclasses__()
        waiting += heirs
        found |= {heir for heir in heirs if hasattr(heir, "code") and hasattr(heir, "description")}
    return {heir for heir in found if heir.__module__.startswith(("pairing_server.", "admin."))}


def _cause(refusal: type[Refusal]) -> str:
    return " ".join((refusal.__doc__ or "").partition("\n\n")[0].split())


def _stable_set(claims: dict[str, Any]) -> dict[str, Any]:
    stable = _stable(claims) | {"txn": "<txn>"} if "txn" in claims else _stable(claims)
    subject = {"iss": "http://localhost:8080", "sub": "<sub>", "id": "<stream_id>"}
    told = {name: subject.get(name, value) for name, value in claims["sub_id"].items()}
    ((name, body),) = claims["events"].items()
    timed = {"event_timestamp": 1795348800} if "event_timestamp" in body else {}
    return stable | {"sub_id": told, "events": {name: body | timed}}


def _stable(claims: dict[str, object]) -> dict[str, object]:
    drawn = {"sub": "<sub>", "aud": "<client_id>", "jti": "<jti>", "iss": "http://localhost:8080"}
    drawn["urn:openid:params:jwt:claim:auth_req_id"] = "<auth_req_id>"
    times = {"exp": 1795349100, "iat": 1795348800, "nbf": 1795348800, "auth_time": 1795348795}
    return {name: drawn.get(name, times.get(name, value)) for name, value in claims.items()}
