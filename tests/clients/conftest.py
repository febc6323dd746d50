"""A stand-in for the server, after the wire alone, on a real socket; and a test card."""

import asyncio
import base64
import hashlib
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import aiohttp
import jwt
import pytest
import qrcode
import rfc8785
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from qrcode.image.svg import SvgPathImage
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers.exceptions import InvalidAuthenticationResponse

from clients.portal import PortalPage
from tests.software_phone import Command

URA, UZI_NUMBER = "90000001", "900000001"
IDENTITY = {"name": "A. Voorbeeld", "uzi_number": UZI_NUMBER, "ura": URA, "role": "Arts"}
SHOWN = ("client", "organisation", "ura", "role_code", "workstation", "location", "message")
CIBA = "urn:openid:params:jwt:claim:auth_req_id"


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def refuse(code, error, **members):
    body = json.dumps({"error": error, **members})
    kind = {400: web.HTTPBadRequest, 401: web.HTTPUnauthorized, 403: web.HTTPForbidden}
    kind |= {404: web.HTTPNotFound, 409: web.HTTPConflict, 422: web.HTTPUnprocessableEntity}
    return kind[code](text=body, content_type="application/json")


class StandIn:
    """One person, one phone, one client; whatever a client sends is checked independently."""

    def __init__(self):
        self.base = ""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.kid = "first"
        self.sessions, self.pairings, self.requests = {}, {}, {}
        self.bound = None
        self.blocked = False
        self.unblocking_code = "246810"
        self.honours_blocking = True
        self.wakeups = asyncio.Queue()
        self.changed = asyncio.Event()
        self.seen = []
        self.faults = {}

    def app(self):
        @web.middleware
        async def note(request, handler):
            self.seen.append((request.method, request.path, dict(request.headers)))
            fault = self.faults.get((request.method, request.path))
            return await (fault or handler)(request)

        app = web.Application(middlewares=[note])
        app.add_routes(
            [
                web.post("/uzi/sessions", self.new_session),
                web.get("/uzi/sessions/{id}", self.show_session),
                web.post("/uzi/sessions/{id}/proof", self.proof),
                web.post("/uzi/sessions/{id}/complete", self.complete),
                web.post("/portal/organisations", self.organisation),
                web.post("/portal/registration", self.registration),
                web.post("/portal/pairings", self.new_pairing),
                web.get("/portal/pairings/{id}", self.show_pairing),
                web.post("/portal/pairings/{id}/confirm", self.confirm),
                web.post("/phone/pairings/{id}/scan", self.scan),
                web.post("/phone/pairings/{id}/credential", self.prove),
                web.get("/phone/pairings/{id}", self.poll_pairing),
                web.put("/phone/push", self.push),
                web.get("/phone/credential", self.show_phone),
                web.delete("/phone/credential", self.unbind),
                web.post("/phone/device-token", self.rotate),
                web.post("/phone/token/challenge", self.token_challenge),
                web.post("/phone/token", self.recover),
                web.post("/phone/unblocking", self.unblock),
                web.get("/phone/auth-requests", self.inbox),
                web.get("/phone/auth-requests/{id}", self.show_request),
                web.put("/phone/auth-requests/{id}/answer", self.answer),
                web.post("/phone/qr", self.login_qr),
                web.get("/.well-known/openid-configuration", self.metadata),
                web.get("/jwks.json", self.jwks),
                web.post("/bc-authorize", self.authorize),
                web.post("/token", self.token),
                web.get("/userinfo", self.userinfo),
            ]
        )
        return app

    # The page and the agent.

    def browser(self, request):
        if request.headers.get("Origin") != self.base:
            raise refuse(403, "forbidden")
        return request.cookies.get("browser")

    def session(self, purpose, cookie):
        session_id, nonce = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        self.sessions[session_id] = SimpleNamespace(
            nonce=nonce, purpose=purpose, cookie=cookie, status="waiting", completion=None
        )
        uri = f"zorgid://session?server={self.base}&id={session_id}&nonce={nonce}"
        return {"id": session_id, "nonce": nonce, "agent_uri": uri, "expires_in": 300}

    async def new_session(self, request):
        self.browser(request)
        cookie = secrets.token_urlsafe(16)
        purpose = (await request.json())["purpose"]
        response = web.json_response(self.session(purpose, cookie), status=201)
        response.set_cookie("browser", cookie, httponly=True, samesite="Lax")
        return response

    async def show_session(self, request):
        session = self.sessions[request.match_info["id"]]
        if "X-Nonce" not in request.headers:
            return web.json_response({"status": session.status})
        if request.headers["X-Nonce"] != session.nonce:
            raise refuse(404, "not_found")
        body = {"id": request.match_info["id"], "purpose": session.purpose}
        return web.json_response(body | {"statement": "Ik log in.", "expires_in": 300})

    async def proof(self, request):
        session_id, body = request.match_info["id"], await request.json()
        session = self.sessions[session_id]
        fields = (self.base, session_id, session.nonce, session.purpose, "Ik log in.")
        signed = "\n".join(("pairing_server/uzi-session/v1", *fields)).encode()
        der = base64.b64decode(body["certificate"], validate=True)
        key = x509.load_der_x509_certificate(der).public_key()
        signature = base64.b64decode(body["signature"], validate=True)
        assert body["algorithm"] == "RS256"
        key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        session.completion, session.status = secrets.token_urlsafe(32), "proved"
        uri = f"{self.base}/uzi/return#{session_id}.{session.completion}"
        return web.json_response({"return_uri": uri})

    async def complete(self, request):
        session = self.sessions[request.match_info["id"]]
        right = (await request.json())["completion"] == session.completion
        if self.browser(request) != session.cookie or not right:
            raise refuse(403, "forbidden")
        session.status = "completed"
        return web.json_response({"card": {"uzi_number": UZI_NUMBER}})

    async def organisation(self, request):
        self.browser(request)
        return web.json_response({"ura": URA}, status=201)

    async def registration(self, request):
        session = self.session("sign-registration", self.browser(request))
        assert (await request.json())["date_of_birth"] == "1980-01-31"
        return web.json_response({"outcome": "new", "person": IDENTITY, "session": session})

    async def new_pairing(self, request):
        self.browser(request)
        pairing_id, secret = secrets.token_urlsafe(16), secrets.token_urlsafe(32)
        self.pairings[pairing_id] = SimpleNamespace(status="offered", secret=secret)
        link = f"{self.base}/app/#p.{pairing_id}.{secret}"
        svg = qrcode.make(link, image_factory=SvgPathImage).to_string().decode()
        body = {"id": pairing_id, "link": link, "qr_svg": svg, "expires_in": 300}
        return web.json_response(body, status=201)

    async def show_pairing(self, request):
        return web.json_response({"status": self.pairings[request.match_info["id"]].status})

    async def confirm(self, request):
        self.browser(request)
        pairing = self.pairings[request.match_info["id"]]
        if (await request.json())["check_number"] != "1234":
            raise refuse(422, "wrong_check_number", attempts_left=2)
        pairing.status, self.bound = "paired", pairing
        return web.Response(status=204)

    # The phone.

    async def scan(self, request):
        pairing, body = self.pairings[request.match_info["id"]], await request.json()
        if body["secret"] != pairing.secret:
            raise refuse(404, "not_found")
        pairing.status, pairing.secret = "scanned", None
        pairing.token = request.headers["Authorization"].removeprefix("Bearer ")
        pairing.challenge = secrets.token_urlsafe(32)
        options = {
            "rp": {"id": "localhost", "name": "Stand-in"},
            "user": {"id": secrets.token_urlsafe(16), "name": "a", "displayName": "a"},
            "challenge": pairing.challenge,
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
        }
        body = {"identity": IDENTITY, "check_number": "1234", "public_key": options}
        return web.json_response(body | {"expires_in": 300})

    async def prove(self, request):
        pairing = self.pairings[request.match_info["id"]]
        verified = verify_registration_response(
            credential=(await request.json())["credential"],
            expected_challenge=unb64url(pairing.challenge),
            expected_rp_id="localhost",
            expected_origin=self.base,
            require_user_verification=True,
        )
        pairing.status = "proved"
        pairing.public_key = verified.credential_public_key
        pairing.credential_id, pairing.count = b64url(verified.credential_id), 0
        return web.json_response({}, status=202)

    async def poll_pairing(self, request):
        pairing = self.pairings[request.match_info["id"]]
        body = {"status": pairing.status}
        if pairing.status == "paired":
            body["credential_id"] = pairing.credential_id
        return web.json_response(body)

    def phone(self, request):
        known = self.bound and request.headers.get("Authorization") == f"Bearer {self.bound.token}"
        if not known:
            raise refuse(401, "unauthorized")
        if self.blocked and self.honours_blocking:
            raise refuse(403, "blocked")

    def check(self, assertion, challenge):
        try:
            verified = verify_authentication_response(
                credential=assertion,
                expected_challenge=challenge,
                expected_rp_id="localhost",
                expected_origin=self.base,
                credential_public_key=self.bound.public_key,
                credential_current_sign_count=self.bound.count,
                require_user_verification=True,
            )
        except InvalidAuthenticationResponse as error:
            raise refuse(400, "invalid_assertion") from error
        self.bound.count = verified.new_sign_count

    async def push(self, request):
        self.phone(request)
        self.bound.push = await request.json()
        return web.Response(status=204)

    async def show_phone(self, request):
        self.phone(request)
        return web.json_response({"credential_id": self.bound.credential_id})

    async def unbind(self, request):
        self.phone(request)
        text = f"pairing_server/unbind/v1\n{self.bound.credential_id}".encode()
        self.check((await request.json())["assertion"], hashlib.sha256(text).digest())
        self.bound = None
        return web.Response(status=204)

    async def rotate(self, request):
        self.phone(request)
        self.bound.token = (await request.json())["device_token"]
        return web.Response(status=204)

    async def unblock(self, request):
        body = await request.json()
        details = {
            "challenge": self.challenge,
            "credential": self.bound.credential_id,
            "code": body["code"],
        }
        signed = b"pairing_server/unblock/v1\n" + rfc8785.dumps(details)
        self.check(body["assertion"], hashlib.sha256(signed).digest())
        if body["code"] != self.unblocking_code:
            raise refuse(422, "wrong_code", attempts_left=2)
        self.blocked = False
        return web.Response(status=204)

    async def token_challenge(self, _request):
        self.challenge = secrets.token_urlsafe(32)
        return web.json_response({"id": "c", "challenge": self.challenge})

    async def recover(self, request):
        body = await request.json()
        self.check(body["assertion"], unb64url(self.challenge))
        self.bound.token = secrets.token_urlsafe(32)
        return web.json_response({"device_token": self.bound.token})

    def open(self):
        return [r.shown for r in reversed(self.requests.values()) if r.status == "pending"]

    async def inbox(self, request):
        self.phone(request)
        tag = f'"{hashlib.sha256(json.dumps(self.open()).encode()).hexdigest()[:16]}"'
        held = int(request.headers.get("Prefer", "wait=0").removeprefix("wait="))
        if held and request.headers.get("If-None-Match") == tag:
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(held, 0.3))
            except TimeoutError:
                return web.Response(status=304, headers={"ETag": tag})
        tag = f'"{hashlib.sha256(json.dumps(self.open()).encode()).hexdigest()[:16]}"'
        return web.json_response({"auth_requests": self.open()}, headers={"ETag": tag})

    async def show_request(self, request):
        self.phone(request)
        return web.json_response(self.requests[request.match_info["id"]].shown)

    async def answer(self, request):
        self.phone(request)
        asked, body = self.requests[request.match_info["id"]], await request.json()
        if asked.status != "pending":
            raise refuse(409, "closed", status=asked.status)
        if body["decision"] == "deny":
            asked.status = {"not_me": "not_me", "other": "denied"}[body["reason"]]
            asked.ended.set()
            return web.Response(status=204)
        details = {name: asked.shown[name] for name in (*SHOWN, "nonce", "requested_at")}
        details |= {"auth_request": asked.shown["id"], "decision": "approve", "code": body["code"]}
        text = b"pairing_server/approval/v1\n" + rfc8785.dumps(details)
        self.check(body["assertion"], hashlib.sha256(text).digest())
        if body["code"] != asked.code:
            raise refuse(422, "wrong_code", attempts_left=2)
        asked.status = "approved"
        asked.ended.set()
        return web.Response(status=204)

    async def login_qr(self, request):
        self.phone(request)
        assert (await request.json())["via"] == "camera"
        return web.json_response({"id": "from-qr"})

    # The workstation.

    async def metadata(self, _request):
        names = {"token_endpoint": "/token", "jwks_uri": "/jwks.json"}
        names |= {"backchannel_authentication_endpoint": "/bc-authorize"}
        names |= {"userinfo_endpoint": "/userinfo"}
        urls = {name: self.base + path for name, path in names.items()}
        return web.json_response({"issuer": self.base, **urls})

    async def jwks(self, _request):
        key = jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [key | {"kid": self.kid, "use": "sig"}]})

    async def client(self, request):
        form = await request.post()
        jwt.decode(
            form["client_assertion"],
            self.client_key.public_key(),
            algorithms=["ES256"],
            audience=self.base,
            issuer="test-client",
            options={"require": ["jti", "exp", "iat", "sub"]},
        )
        return form

    async def authorize(self, request):
        form = await self.client(request)
        if form["login_hint"] != f"uzi:{UZI_NUMBER}" or self.blocked:
            raise refuse(400, "unknown_user_id")
        context = json.loads(form.get("request_context", "{}"))
        number = f"r{len(self.requests)}"
        shown = dict.fromkeys(SHOWN, "") | {"client": "Test", "ura": form.get("ura", "")}
        shown |= {"id": number, "nonce": secrets.token_urlsafe(16), "code_length": 6}
        shown |= {"workstation": context.get("workstation", "")}
        shown |= {"location": context.get("location", "")}
        now = datetime.now(UTC)
        shown |= {"requested_at": now.isoformat()}
        shown |= {"expires_at": (now + timedelta(minutes=2)).isoformat()}
        ended = asyncio.Event()
        code = f"{secrets.randbelow(10**6):06}"
        self.requests[number] = SimpleNamespace(
            shown=shown, code=code, status="pending", ended=ended
        )
        self.changed.set()
        self.wakeups.put_nowait(number)
        body = {"auth_req_id": number, "expires_in": 120, "interval": 5, "binding_code": code}
        return web.json_response(body)

    def id_token(self, auth_req_id, **changed):
        now = int(time.time())
        claims = {"iss": self.base, "sub": "s", "aud": "test-client", "iat": now, "exp": now + 300}
        claims |= {"uzi_number": UZI_NUMBER, "ura": URA, CIBA: auth_req_id}
        headers = {"kid": self.kid}
        return jwt.encode(claims | changed, self.key, algorithm="ES256", headers=headers)

    async def token(self, request):
        form = await self.client(request)
        asked = self.requests.get(form["auth_req_id"])
        if asked is None or asked.status == "redeemed":
            raise refuse(400, "invalid_grant")
        held = int(request.headers.get("Prefer", "wait=0").removeprefix("wait="))
        if held and asked.status == "pending":
            await asyncio.wait_for(asked.ended.wait(), held)
        if asked.status == "pending":
            raise refuse(400, "authorization_pending")
        if asked.status == "approved" and self.blocked and self.honours_blocking:
            asked.status = "revoked"
        if asked.status != "approved":
            raise refuse(400, "access_denied", reason=asked.status)
        asked.status = "redeemed"
        tokens = {"id_token": self.id_token(form["auth_req_id"]), "access_token": "opaque"}
        return web.json_response(tokens | {"token_type": "Bearer", "expires_in": 300})

    async def userinfo(self, request):
        if request.headers["Authorization"] != "Bearer opaque":
            raise refuse(401, "invalid_token")
        return web.json_response({"sub": "s", "uzi_number": UZI_NUMBER})


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def serve():
    runners = []

    async def start(app):
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://localhost:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def stand_in(serve, client_key):
    server = StandIn()
    server.client_key = client_key
    server.base = await serve(server.app())
    return server


@pytest.fixture
def phone(tmp_path, monkeypatch):
    """`zorgid-phone` with a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return Command(tmp_path / "home")


@pytest.fixture
async def paired(phone, house):
    """`zorgid-phone`, bound to the house's card holder."""
    page = await house.registered()
    assert (await phone.pairs(page)).status == 0
    return phone


@pytest.fixture
async def stand_in_phone(phone, stand_in):
    """`zorgid-phone`, bound at the stand-in, which answers as a test wants."""
    async with PortalPage(stand_in.base) as page:
        await page.start_session("login")
        assert (await phone.pairs(page)).status == 0
    return phone


@pytest.fixture(scope="session")
def client_key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def client_key_file(client_key, tmp_path_factory):
    file = tmp_path_factory.mktemp("client") / "client.pem"
    pem = client_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(pem)
    return file


@pytest.fixture(scope="session")
def certify():
    """Issue a certificate: `certify(subject, key, issuer_certificate=None, issuer_key=None)`."""

    def issue(subject, key, issuer=None, issuer_key=None):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name if issuer is None else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .sign(issuer_key or key, hashes.SHA256())
        )

    return issue


@pytest.fixture(scope="session")
def card_file(certify, tmp_path_factory):
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    card_key = rsa.generate_private_key(65537, 2048)
    root = certify("Root", root_key)
    middle = certify("Middle", middle_key, root, root_key)
    leaf = certify("Card", card_key, middle, middle_key)
    file = tmp_path_factory.mktemp("card") / "card.p12"
    encryption = serialization.BestAvailableEncryption(b"1234")
    file.write_bytes(
        pkcs12.serialize_key_and_certificates(b"card", card_key, leaf, [root, middle], encryption)
    )
    return file
