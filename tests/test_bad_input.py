"""Whatever is thrown at whatever route, the answer is a clear no and never a fault.

The routes are found by asking the application, so that a new one is part of this from its first
day.  `BAD_INPUT_EXAMPLES=2000` throws more at each.
"""

import asyncio
import base64
import json
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from structlog.testing import capture_logs
from yarl import URL

from clients.authenticator import Authenticator
from clients.desktop import AgentLink, Session, _proof, session_text
from clients.phone import SoftwarePhone
from clients.started import GRANT_TYPE
from clients.wire import b64url
from pairing_server.app import Stores, make_app
from pairing_server.settings import load
from tests.house import DATE_OF_BIRTH, WORKSTATION, House

EXAMPLES = int(os.environ.get("BAD_INPUT_EXAMPLES", "20"))

#: What nobody who asks may see of the inside.
INSIDE = re.compile(
    rb"Traceback|File \"|\.py\b|/site-packages/|/pairing_server/\w+/", re.IGNORECASE
)
HEADERS = [
    *("Accept", "Authorization", "Client-Cert", "Client-Cert-Chain", "Content-Type", "Cookie"),
    *("Forwarded", "If-None-Match"),
    *("Origin", "Range", "Sec-Fetch-Site", "X-Forwarded-Host", "X-HTTP-Method-Override"),
    "X-Nonce",
]
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
CONTENT_TYPES = [
    JSON,
    FORM,
    "",
    "text/plain",
    "multipart/form-data",
    "application/json; charset=x",
]

shown = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**40, 1e308, -0.0])
    | st.text(max_size=40)
    | st.sampled_from(["", "\0", "\ud800", "\u202e", "é" * 30, "0" * 200, "x" * 5000, "1" * 40]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
made_up = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
queries = st.just("") | st.dictionaries(shown, shown, max_size=3).map(urlencode)
headers_beside = st.dictionaries(st.sampled_from(HEADERS), shown, max_size=2)
content_types = st.sampled_from(CONTENT_TYPES)
kinds = st.sampled_from(["real", "mutated", "mutated", "any", "bytes", "odd type"])
raw_bodies = st.binary(max_size=200)


def routes() -> dict[str, list[str]]:
    stores = Stores(None, None, None, b"", None, b"", b"")  # type: ignore[arg-type]
    found = defaultdict(set)
    for resource in make_app(load({}), stores).router.resources():
        found[resource.canonical] |= {route.method for route in resource}
    return {path: sorted(methods) for path, methods in sorted(found.items())}


ROUTES = routes()


@dataclass
class Stage:
    """A house in which everything has been used once, so that each route has its real input."""

    house: House
    page: Any
    phone: SoftwarePhone
    workstation: Any
    access_token: str
    identifiers: dict[str, str]
    bodies: dict[tuple[str, str], object]

    def forms(self, path: str) -> dict[str, str]:
        assertion = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.workstation.client_assertion(),
        }
        return {**assertion, **self.bodies["FORM", path]}


@pytest.fixture
async def stage(house):
    page = await house.registered()
    phone = await house.bind(page)
    workstation = await house.workstation()
    access_token = (await workstation.poll(await house.approved(phone, workstation))).access_token
    started = await house.ask(workstation)
    (request,) = await phone.auth_requests()
    session = await page.start_session("login")
    offered = await page.start_pairing()
    new = SoftwarePhone(house.http)
    offer = await new.scan(offered.link)
    link = AgentLink.parse(session.agent_uri)
    asked = Session(session.id, "login", f"Ik log in bij {house.settings.host}.", 300)
    proof = _proof(house.register.card(house.holder), session_text(link, asked))
    assertion = phone.assertion(b"x" * 32)
    keys = {
        "p256dh": (
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    }
    web = {"endpoint": "https://fcm.googleapis.com/wp/x", "keys": keys}
    challenge = b64url(b"c" * 32)
    token = b64url(b"t" * 32)
    secret = offered.link.rpartition(".")[2]
    device = {"platform": "ios", "model": "iPhone", "app_version": "1"}
    credential = Authenticator().create(offer.public_key, house.base_url)
    return Stage(
        house,
        page,
        phone,
        workstation,
        access_token,
        {
            "/uzi/": session.id,
            "/portal/pairings": offered.id,
            "/phone/pairings": offered.id,
            "/phone/auth-requests": request.id,
        },
        {
            ("POST", "/uzi/sessions"): {"purpose": "login"},
            ("POST", "/uzi/sessions/{id}/proof"): proof,
            ("POST", "/uzi/sessions/{id}/complete"): {"completion": token},
            ("POST", "/portal/registration"): {"date_of_birth": DATE_OF_BIRTH},
            ("POST", "/portal/pairings/{id}/confirm"): {"check_number": "0000"},
            ("POST", "/phone/pairings/{id}/scan"): {"secret": secret, "device": device},
            ("POST", "/phone/pairings/{id}/credential"): {
                "credential": credential,
                "push": {"service": "webpush", "subscription": web},
            },
            ("DELETE", "/phone/credential"): {"assertion": assertion},
            ("PUT", "/phone/push"): {"service": "webpush", "subscription": web},
            ("POST", "/phone/device-token"): {"device_token": token},
            ("POST", "/phone/token"): {
                "id": challenge,
                "assertion": assertion,
                "device_token": token,
            },
            ("PUT", "/phone/auth-requests/{id}/answer"): {
                "decision": "approve",
                "code": started.binding_code,
                "assertion": assertion,
            },
            ("FORM", "/bc-authorize"): {
                "scope": "openid uzi",
                "login_hint": f"uzi:{house.holder.uzi_number}",
                "binding_message": "1234567",
                "requested_expiry": "60",
                "ura": house.holder.ura,
                "request_context": json.dumps(WORKSTATION),
                "acr_values": "http://eidas.europa.eu/LoA/low",
            },
            ("FORM", "/uzi/mtls"): {"purpose": "login"},
            ("FORM", "/token"): {"grant_type": GRANT_TYPE, "auth_req_id": started.auth_req_id},
        },
    )


def strict_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None


@st.composite
def mutated(draw, value):
    """Change a real value in one place, as deep as it goes: into the bytes of base64, too."""
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    if draw(st.integers(0, 5)) == 0:
        return draw(anything)
    match value:
        case dict() if value:
            name = draw(st.sampled_from(sorted(value)))
            changed = {**value, name: draw(mutated(value[name]))}
            if draw(st.integers(0, 7)) == 0:
                del changed[name]
            return changed
        case list() | tuple() if value:
            place = draw(st.integers(0, len(value) - 1))
            return [*value[:place], draw(mutated(value[place])), *value[place + 1 :]]
        case str() if len(value) > 40 and (data := strict_base64(value)) is not None:
            place = draw(st.integers(0, len(data)))
            cut = draw(st.integers(0, 3))
            data = data[:place] + draw(st.binary(max_size=4)) + data[place + cut :]
            return base64.b64encode(data).decode() if "=" in value else b64url(data)
        case str():
            place = draw(st.integers(0, len(value)))
            return value[:place] + draw(shown) + value[place + draw(st.integers(0, 2)) :]
        case _:
            return draw(anything)


def encode(body: object) -> bytes:
    plain = json.dumps(body, default=lambda data: base64.b64encode(data).decode())
    return plain.encode()


@st.composite
def bodies(draw, stage, method, path):
    """Draw a body and its content type."""
    kind = draw(kinds)
    if kind == "bytes":
        return draw(raw_bodies), draw(content_types)
    if kind == "any":
        return encode(draw(anything)), JSON
    if ("FORM", path) in stage.bodies:
        form = stage.forms(path)
        form = form if kind == "real" else draw(mutated(form))
        fields = form.items() if isinstance(form, dict) else [("grant_type", form)]
        sent = urlencode([(name, str(value)) for name, value in fields], errors="replace")
        return sent.encode(), FORM
    real = stage.bodies.get((method, path), {})
    body = encode(real if kind == "real" else draw(mutated(real)))
    return body, draw(content_types) if kind == "odd type" else JSON


@st.composite
def credentials(draw, stage, path):
    """Draw who asks: mostly whoever the route is for."""
    cookies = {cookie.key: cookie.value for cookie in stage.page._http.cookie_jar}
    usual = "phone" if path.startswith("/phone/") else "page"
    who = draw(st.sampled_from([usual] * 5 + ["phone", "page", "nobody", "garbage"]))
    if path == "/userinfo" and who == usual:
        return {"Authorization": f"Bearer {stage.access_token}"}
    if who == "phone":
        return {"Authorization": f"Bearer {stage.phone.device_token}"}
    if who == "garbage":
        cookies = draw(st.fixed_dictionaries(dict.fromkeys(cookies, shown)))
    if who == "nobody":
        return {}
    pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {"Cookie": pairs, "Origin": stage.house.base_url}


@st.composite
def urls(draw, stage, path):
    """Draw what stands in the path and behind it."""
    real = next((known for part, known in stage.identifiers.items() if path.startswith(part)), "x")
    identifier = quote(draw(st.just(real) | made_up), safe="")
    filled = re.sub(r"\{\w+\}", lambda _: identifier, path)
    query = draw(queries)
    return URL(f"{stage.house.base_url}{filled}?{query}".rstrip("?"), encoded=True)


#: Where nobody waits for a page, whatever they say they accept.
OF_PROGRAMS = ("/phone/", "/token", "/bc-authorize", "/userinfo", "/jwks.json", "/.well-known/")


async def throw(stage, method, url, headers, body):
    with capture_logs() as logged:
        async with stage.house.http.request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as told:
            raw = await told.read()
    check(method, told.status, told.content_type, raw)
    assert told.content_type != "text/html" or not url.path.startswith(OF_PROGRAMS)
    assert [line for line in logged if line["event"] == "bug"] == []


def check(method: str, status: int, content_type: str, raw: bytes) -> None:
    """Make sure of a refusal: JSON for programs, a page where a person waits."""
    assert status < 500, raw
    assert not INSIDE.search(raw)
    if status >= 400 and method != "HEAD" and content_type != "text/html":
        said = json.loads(raw)
        assert content_type == "application/json"
        assert isinstance(said["error"], str)
        assert isinstance(said["error_description"], str)


@pytest.mark.parametrize(("path", "methods"), ROUTES.items(), ids=ROUTES)
@examples(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
async def test_no_input_is_answered_by_a_fault(stage, path, methods, data):
    method = data.draw(st.sampled_from(methods))
    url = data.draw(urls(stage, path))
    headers = data.draw(headers_beside)
    headers |= data.draw(credentials(stage, path))
    body, content_type = data.draw(bodies(stage, method, path))
    if method in {"GET", "HEAD"} and data.draw(st.booleans()):
        body = b""

    await throw(stage, method, url, {"Content-Type": content_type, **headers}, body)


@examples(
    max_examples=EXAMPLES * 5,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    line=st.sampled_from([b"GET /jwks.json HTTP/1.1", b"POST /uzi/sessions HTTP/1.1", b"GET /"])
    | st.binary(max_size=60),
    rest=st.lists(
        st.binary(max_size=40)
        | st.sampled_from(
            [
                *(b"Host: {host}", b"Content-Type: application/json", b"Content-Length: 2"),
                *(b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Cookie: session=\xff"),
                *(b"X-Nonce: \xff", b"Content-Encoding: gzip", b"Upgrade: websocket", b"", b"{}"),
                *(b"2\r\n{}\r\n0\r\n", b"Connection: close", b"Content-Length: 99999999999"),
            ]
        ),
        max_size=8,
    ),
)
async def test_no_bytes_are_answered_by_a_fault(house, line, rest):
    host = house.settings.host.encode()
    lines = [part.replace(b"{host}", host) for part in (line, *rest)]
    with capture_logs() as logged:
        reader, writer = await asyncio.open_connection("localhost", house.settings.listen_port)
        writer.write(b"\r\n".join([*lines, b"", b""]))
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()

    assert [logged_line for logged_line in logged if logged_line["event"] == "bug"] == []
    assert not INSIDE.search(answer)
    assert [
        status for status in re.findall(rb"^HTTP/\S+ (\d)", answer, re.MULTILINE) if status == b"5"
    ] == []


def test_every_route_is_found():
    assert "PUT" in ROUTES["/phone/auth-requests/{id}/answer"]
    assert "GET" in ROUTES["/metrics"]
    assert len(ROUTES) > 30
