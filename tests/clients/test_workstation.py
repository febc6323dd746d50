"""The workstation believes one issuer, one algorithm and the answer to its own request."""

import asyncio
import json
import time

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from clients.id_token import UntrustedToken
from clients.oauth_error import AccessDenied, ExpiredToken, InvalidGrant, UnknownUser
from clients.started import Started
from clients.wire import WireError
from clients.workstation import Workstation, connect

HINT = "uzi:900000001"
ASKED = Started("r0", 120)


@pytest.fixture
def workstation(http, stand_in, client_key):
    return Workstation(http, stand_in.base, "test-client", client_key, kid="k")


def answering(stand_in, path, *answers):
    queue = list(answers)

    async def answer(_request):
        status, body = queue.pop(0)
        return web.json_response(body, status=status)

    stand_in.faults["POST", path] = answer
    return queue


def tokens(stand_in, auth_req_id="r0", **claims):
    made = stand_in.id_token(auth_req_id, **claims)
    return 200, {"id_token": made, "access_token": "opaque"}


async def test_a_request_carries_what_it_was_given(workstation, stand_in):
    context = {"workstation_id": "w", "workstation": "Balie", "location": "Hal"}
    started = await workstation.start(HINT, ura="90000001", request_context=context)
    shown = stand_in.requests[started.auth_req_id].shown
    assert (shown["ura"], shown["workstation"], shown["location"]) == ("90000001", "Balie", "Hal")
    assert started.binding_code == stand_in.requests[started.auth_req_id].code


async def test_nobody_by_that_hint(workstation):
    with pytest.raises(UnknownUser):
        await workstation.start("uzi:123456789")


async def test_no_answer_yet(workstation):
    assert await workstation.poll_once(await workstation.start(HINT), wait=0) is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", AccessDenied),
        ("expired_token", ExpiredToken),
        ("invalid_grant", InvalidGrant),
        ("server_error", WireError),
    ],
)
async def test_every_end_has_its_own_class(workstation, stand_in, error, kind):
    answering(stand_in, "/token", (400, {"error": error, "reason": "superseded"}))
    with pytest.raises(WireError) as refused:
        await workstation.poll(ASKED)
    assert type(refused.value) is kind
    assert refused.value.body["reason"] == "superseded"


async def test_a_denial_tells_why(workstation, stand_in):
    answering(stand_in, "/token", (400, {"error": "access_denied", "reason": "not_me"}))
    with pytest.raises(AccessDenied) as denied:
        await workstation.poll(ASKED)
    assert denied.value.reason == "not_me"


async def test_polls_keep_the_interval(workstation, stand_in):
    pending = (400, {"error": "authorization_pending"})
    answering(stand_in, "/token", pending, tokens(stand_in))
    began = time.monotonic()
    await workstation.poll(Started("r0", 120, interval=1))
    assert 0.95 < time.monotonic() - began < 4


async def test_slow_down_holds_the_next_poll_back(workstation, stand_in):
    pending = (400, {"error": "authorization_pending"})
    slow = (400, {"error": "slow_down"})
    left = answering(stand_in, "/token", pending, pending, slow, tokens(stand_in))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(workstation.poll(Started("r0", 120, interval=0)), 0.5)
    assert len(left) == 1


async def test_userinfo_opens_with_the_access_token(workstation, stand_in):
    answering(stand_in, "/token", tokens(stand_in))
    assertion = await workstation.poll(ASKED)
    assert (await workstation.userinfo(assertion.access_token))["sub"] == "s"


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["test-client", "another-client"]},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"sub": None},
        {"acr": 7},
        {"urn:openid:params:jwt:claim:auth_req_id": "another"},
    ],
    ids=str,
)
async def test_one_wrong_claim_is_not_believed(workstation, stand_in, changed):
    answering(stand_in, "/token", tokens(stand_in, **changed))
    with pytest.raises(UntrustedToken):
        await workstation.poll(ASKED)


async def test_an_audience_of_one_may_stand_in_a_list(workstation, stand_in):
    token = stand_in.id_token("r0", aud=["test-client"], nonce="n")
    claims = await workstation.verify(token, "r0", nonce="n")
    assert claims.all["nonce"] == "n"
    with pytest.raises(UntrustedToken):
        await workstation.verify(token, "r0", nonce="other")


async def test_another_key_under_the_same_name_is_not_believed(workstation, stand_in):
    await workstation.verify(stand_in.id_token("r0"))
    honest, stand_in.key = stand_in.key, ec.generate_private_key(ec.SECP256R1())
    forged = stand_in.id_token("r0")
    stand_in.key = honest
    with pytest.raises(UntrustedToken):
        await workstation.verify(forged)


async def test_the_public_key_is_no_shared_secret(workstation, stand_in):
    forged = jwt.encode(
        {"iss": stand_in.base, "aud": "test-client", "sub": "s"},
        "x" * 64,
        algorithm="HS256",
        headers={"kid": stand_in.kid},
    )
    with pytest.raises(UntrustedToken):
        await workstation.verify(forged)


@pytest.mark.parametrize("algorithm", ["RS256", "none", "ES384"])
async def test_no_other_algorithm_is_believed(workstation, stand_in, algorithm):
    keys = {
        "RS256": rsa.generate_private_key(65537, 2048),
        "none": None,
        "ES384": ec.generate_private_key(ec.SECP384R1()),
    }
    now = int(time.time())
    claims = {"iss": stand_in.base, "sub": "s", "aud": "test-client", "iat": now, "exp": now + 60}
    forged = jwt.encode(claims, keys[algorithm], algorithm, headers={"kid": stand_in.kid})
    with pytest.raises(UntrustedToken):
        await workstation.verify(forged)


@pytest.mark.parametrize("members", [{"kty": "oct", "k": "AAAA"}, {"crv": "P-384"}, {"x": "AA"}])
async def test_a_key_of_another_kind_is_not_taken(workstation, stand_in, members):
    key = jwt.algorithms.ECAlgorithm.to_jwk(stand_in.key.public_key(), as_dict=True)

    async def strange(_request):
        return web.json_response({"keys": [key | {"kid": stand_in.kid} | members]})

    stand_in.faults["GET", "/jwks.json"] = strange
    with pytest.raises(UntrustedToken):
        await workstation.verify(stand_in.id_token("r0"))


@pytest.mark.parametrize("token", ["", "a.b.c", "é"])
async def test_what_is_no_token_is_not_believed(workstation, token):
    with pytest.raises(UntrustedToken):
        await workstation.verify(token)


async def test_a_new_key_is_fetched_once(workstation, stand_in):
    await workstation.verify(stand_in.id_token("r0"))
    stand_in.kid, stand_in.key = "second", ec.generate_private_key(ec.SECP256R1())
    await workstation.verify(stand_in.id_token("r0"))
    assert [seen[1] for seen in stand_in.seen].count("/jwks.json") == 2


async def test_an_unknown_key_is_looked_up_once_more_and_no_further(workstation, stand_in):
    await workstation.verify(stand_in.id_token("r0"))
    honest, stand_in.kid = stand_in.kid, "unknown"
    token = stand_in.id_token("r0")
    stand_in.kid = honest
    with pytest.raises(UntrustedToken):
        await workstation.verify(token)
    assert [seen[1] for seen in stand_in.seen].count("/jwks.json") == 2


@pytest.mark.parametrize(
    "changed", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://evil.example/t"}]
)
async def test_a_foreign_discovery_document_is_not_believed(workstation, stand_in, changed):
    honest = stand_in.metadata

    async def foreign(request):
        answer = await honest(request)
        return web.json_response(json.loads(answer.text) | changed)

    stand_in.faults["GET", "/.well-known/openid-configuration"] = foreign
    with pytest.raises(UntrustedToken):
        await workstation.start(HINT)


def test_client_assertions_are_never_the_same(workstation, client_key, stand_in):
    def read():
        token = workstation.client_assertion()
        assert jwt.get_unverified_header(token) == {"alg": "ES256", "typ": "JWT", "kid": "k"}
        return jwt.decode(token, client_key.public_key(), ["ES256"], audience=stand_in.base)

    first, second = read(), read()
    assert first["jti"] != second["jti"]
    assert first["exp"] - first["iat"] == 60


FRAME = b'event: frame\ndata: {"link":"%s"}\n\n'
END = b'event: end\ndata: {"status":"approved"}\n\n'


def streaming(stand_in, *bodies):
    """Answer each time with the next of these streams; who asked is kept."""
    queue, asked = list(bodies), []

    async def answer(request):
        asked.append(request.headers["Authorization"])
        return web.Response(body=queue.pop(0), content_type="text/event-stream")

    stand_in.faults["GET", "/qr/events"] = answer
    return asked


def showing(stand_in, base=None):
    return Started("r0", 120, qr_events_uri=f"{base or stand_in.base}/qr/events")


async def links(workstation, started):
    return [frame.link async for frame in workstation.frames(started)]


async def test_frames_are_shown_until_the_end(workstation, stand_in):
    asked = streaming(stand_in, FRAME % b"a" + FRAME % b"b" + END + FRAME % b"c")

    assert await links(workstation, showing(stand_in)) == ["a", "b"]
    assert asked == ["Bearer r0"]


TOLD = b'event: hint\ndata: {"hint":"%s"}\n\n'
LATER = b'event: later\ndata: {"made up":"later"}\n\n'


async def test_hints_among_the_frames_are_told_and_what_is_unknown_is_passed_over(
    workstation, stand_in
):
    streaming(stand_in, FRAME % b"a" + TOLD % b"open_the_app" + LATER + TOLD % b"" + END)
    told = []

    started = showing(stand_in)
    shown = [frame.link async for frame in workstation.frames(started, told=told.append)]

    assert (shown, told) == (["a"], ["open_the_app", ""])
    streaming(stand_in, TOLD % b"open_the_app" + END)
    assert await links(workstation, started) == []


async def test_frames_that_break_off_are_asked_for_again(workstation, stand_in):
    asked = streaming(stand_in, FRAME % b"a" + b"event: frame\ndata: {", FRAME % b"b" + END)

    assert await links(workstation, showing(stand_in)) == ["a", "b"]
    assert len(asked) == 2


@pytest.mark.parametrize("base", ["https://evil.example", "http://localhost:1", "http://10.0.0.1"])
async def test_no_other_server_is_asked_for_frames(workstation, stand_in, base):
    with pytest.raises((UntrustedToken, ValueError)):
        await links(workstation, showing(stand_in, base))


async def test_frames_that_are_refused_are_none(workstation, stand_in):
    async def refuse(_request):
        return web.json_response({"error": "invalid_token"}, status=401)

    stand_in.faults["GET", "/qr/events"] = refuse
    with pytest.raises(WireError) as refused:
        await links(workstation, showing(stand_in))
    assert refused.value.error == "invalid_token"


@pytest.fixture
def bound(http, stand_in, client_key):
    """A workstation whose tokens are bound to a key of its own."""
    return Workstation(http, stand_in.base, "test-client", client_key, dpop=True)


def proof_of(stand_in, path):
    (headers,) = [headers for _, seen, headers in stand_in.seen if seen == path]
    return jwt.decode(headers["DPoP"], options={"verify_signature": False}), headers


async def test_a_bound_token_is_shown_with_its_key(bound, stand_in):
    cnf = {"jkt": bound._proof.thumbprint}
    answering(stand_in, "/token", tokens(stand_in, cnf=cnf))
    stand_in.faults["GET", "/userinfo"] = opened

    assertion = await bound.poll(ASKED)
    await bound.userinfo(assertion.access_token)

    at_token, _ = proof_of(stand_in, "/token")
    assert (at_token["htm"], at_token["htu"]) == ("POST", f"{stand_in.base}/token")
    at_userinfo, headers = proof_of(stand_in, "/userinfo")
    assert headers["Authorization"] == "DPoP opaque"
    assert (at_userinfo["htu"], "ath" in at_userinfo) == (f"{stand_in.base}/userinfo", True)


async def test_a_bound_token_opens_userinfo_at_a_real_server(house):
    phone = await house.bind()
    await house.workstation(sender_constraint="dpop")
    bound = Workstation(house.http, house.base_url, house.client_id, house.client_key, dpop=True)
    assertion = await bound.poll(await house.approved(phone, bound))
    assert (await bound.userinfo(assertion.access_token))["ura"] == house.holder.ura
    bare = Workstation(house.http, house.base_url, house.client_id, house.client_key)
    with pytest.raises(WireError):
        await bare.userinfo(assertion.access_token)


async def test_a_nonce_that_is_asked_for_is_sent(house):
    phone = await house.bind()
    await house.workstation(sender_constraint="dpop", dpop_nonce=True)
    bound = Workstation(house.http, house.base_url, house.client_id, house.client_key, dpop=True)
    assertion = await bound.poll(await house.approved(phone, bound))
    assert (await bound.userinfo(assertion.access_token))["ura"] == house.holder.ura


async def test_a_server_that_asks_for_a_nonce_again_and_again_is_refused(bound, stand_in):
    async def asking(_request):
        body, headers = {"error": "use_dpop_nonce"}, {"DPoP-Nonce": "n"}
        return web.json_response(body, status=400, headers=headers)

    stand_in.faults["POST", "/token"] = asking
    with pytest.raises(WireError) as refused:
        await bound.poll_once(ASKED)
    assert refused.value.error == "use_dpop_nonce"
    assert [seen for _, seen, _ in stand_in.seen].count("/token") == 2


async def opened(_request):
    return web.json_response({"sub": "s"})


@pytest.mark.parametrize("cnf", [None, {}, {"jkt": "another"}], ids=str)
async def test_a_token_that_is_not_bound_to_our_key_is_not_believed(bound, stand_in, cnf):
    answering(stand_in, "/token", tokens(stand_in, cnf=cnf))
    with pytest.raises(UntrustedToken, match="not bound"):
        await bound.poll(ASKED)


async def test_nothing_is_proved_where_nothing_is_bound(workstation, stand_in):
    answering(stand_in, "/token", tokens(stand_in))
    await workstation.poll(ASKED)
    assert all("DPoP" not in headers for _, _, headers in stand_in.seen)


async def test_a_poll_that_is_cut_off_is_asked_again(workstation, stand_in):
    async def cut(request):
        answering(stand_in, "/token", tokens(stand_in))
        request.transport.abort()
        return web.Response()

    stand_in.faults["POST", "/token"] = cut
    assert (await workstation.poll(Started("r0", 120, interval=0))).claims.sub == "s"


async def test_a_server_that_stops_is_asked_again_and_one_that_fails_is_not(
    workstation, stand_in, monkeypatch
):
    monkeypatch.setattr("clients.workstation.SLOW_DOWN", 0)
    answering(stand_in, "/token", (503, {"error": "temporarily_unavailable"}), tokens(stand_in))
    assert (await workstation.poll(Started("r0", 120, interval=0))).claims.sub == "s"
    answering(stand_in, "/token", (500, {"error": "server_error"}))
    with pytest.raises(WireError):
        await workstation.poll(Started("r0", 120, interval=0))


async def test_a_workstation_is_opened_with_a_key_from_a_file(stand_in, client_key_file):
    async with connect(stand_in.base, "test-client", client_key_file) as workstation:
        assert (await workstation.start(HINT)).auth_req_id == "r0"
