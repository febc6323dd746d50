"""A client makes, reads, changes and removes its stream by SSF's endpoints, and no other one's."""

import pytest

from pairing_server.signals.refusals import MIN_VERIFICATION_INTERVAL
from tests.oidc.endpoint import listening
from tests.signals.story import AUTHORITY, listener, registered

PUSH = "urn:ietf:rfc:8935"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
ALL = [f"{CAEP}{name}" for name in ("session-revoked", "credential-change", "token-claims-change")]
CALLS = [
    ("POST", "/ssf/streams"),
    ("GET", "/ssf/streams"),
    ("GET", "/ssf/streams?stream_id={id}"),
    ("PATCH", "/ssf/streams"),
    ("PUT", "/ssf/streams"),
    ("DELETE", "/ssf/streams?stream_id={id}"),
    ("GET", "/ssf/status?stream_id={id}"),
    ("POST", "/ssf/status"),
    ("POST", "/ssf/verify"),
]
READING = {CALLS[1], CALLS[2], CALLS[6], CALLS[8]}


@pytest.fixture
async def other(house, heard):
    """Another client, without a stream."""
    async with listening(AUTHORITY.context()) as endpoint:
        yield await listener(house, endpoint, heard.calls)


async def test_the_transmitter_says_what_it_is(house):
    async with house.http.get(f"{house.base_url}/.well-known/ssf-configuration") as answer:
        said = await answer.json()

    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert said == {
        "spec_version": "1_0",
        "issuer": house.base_url,
        "jwks_uri": f"{house.base_url}/jwks.json",
        "delivery_methods_supported": [PUSH],
        "configuration_endpoint": f"{house.base_url}/ssf/streams",
        "status_endpoint": f"{house.base_url}/ssf/status",
        "verification_endpoint": f"{house.base_url}/ssf/verify",
        "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
        "default_subjects": "ALL",
    }


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_nobody_calls_without_a_token(house, method, path):
    url = house.base_url + path.format(id="x")
    async with house.http.request(method, url, json={}) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_who_may_only_read_changes_nothing(heard, method, path):
    body = {"stream_id": heard.stream, "status": "enabled"}
    path = path.format(id=heard.stream)
    status, said = await heard.call(method, path, body, scope="ssf.read")

    is_reading = (method, path.replace(heard.stream, "{id}")) in READING
    assert is_reading is (status != 403)
    assert is_reading or said["error"] == "insufficient_scope"
    assert (await heard.state()) is not None


async def test_a_stream_is_what_its_client_asked_for(house, heard):
    made = {
        "stream_id": heard.stream,
        "iss": house.base_url,
        "aud": heard.id,
        "events_supported": ALL,
        "events_requested": ALL,
        "events_delivered": ALL,
        "delivery": {"method": PUSH, "endpoint_url": heard.endpoint.url},
        "min_verification_interval": 30,
    }

    one = await heard.call("GET", f"/ssf/streams?stream_id={heard.stream}")
    assert one == (200, made)
    assert await heard.call("GET", "/ssf/streams") == (200, [made])
    (event,) = [e for e in await house.events() if e["action"] == "StreamCreated"]
    assert (event["actor"], event["object"]) == (f"client:{heard.id}", f"stream:{heard.stream}")


async def test_a_client_has_one_stream(heard):
    delivery = {"method": PUSH, "endpoint_url": heard.endpoint.url}
    status, said = await heard.call("POST", "/ssf/streams", {"delivery": delivery})

    assert (status, said["error"]) == (409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"delivery": {"method": "urn:ietf:rfc:8936"}},
        {"delivery": {"method": PUSH}},
        {"delivery": {"method": PUSH, "endpoint_url": "https://evil.example/ping"}},
        {"delivery": {"method": PUSH, "endpoint_url": "{url}/"}},
        {"delivery": {"method": PUSH, "endpoint_url": "{url}", "authorization_header": "a\r\nb"}},
        {"delivery": {"method": PUSH, "endpoint_url": "{url}", "authorization_header": ""}},
        {"delivery": {"method": PUSH, "endpoint_url": "{url}"}, "events_requested": []},
        {"delivery": {"method": PUSH, "endpoint_url": "{url}"}, "description": "x" * 201},
    ],
)
async def test_a_stream_goes_where_the_client_is_registered_and_nowhere_else(other, body):
    delivery = dict(body.get("delivery", {}))
    if "endpoint_url" in delivery:
        delivery["endpoint_url"] = delivery["endpoint_url"].format(url=other.endpoint.url)
        body = body | {"delivery": delivery}
    status, said = await other.call("POST", "/ssf/streams", body)

    assert (status, said["error"]) == (400, "invalid_request")
    assert await other.call("GET", "/ssf/streams") == (200, [])


async def test_a_client_without_an_endpoint_has_no_stream(other):
    await other.change(metadata=registered(""))
    delivery = {"method": PUSH, "endpoint_url": ""}

    assert (await other.call("POST", "/ssf/streams", {"delivery": delivery}))[0] == 400


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS[2:] if call != CALLS[1]])
async def test_another_ones_stream_is_unknown(heard, other, method, path):
    body = {
        "stream_id": heard.stream,
        "status": "disabled",
        "delivery": {"method": PUSH, "endpoint_url": other.endpoint.url},
    }
    status, said = await other.call(method, path.format(id=heard.stream), body)
    unknown = await other.call(method, path.format(id="x"), body | {"stream_id": "x"})

    assert (status, said["error"]) == (404, "not_found")
    assert unknown[0] == 404
    assert (await heard.state()).status == "enabled"


async def test_a_patch_changes_what_it_names_and_a_put_all_of_it(heard):
    named = {"description": "SIEM", "events_requested": [ALL[0], "https://unknown.example"]}
    _, patched = await heard.call("PATCH", "/ssf/streams", {"stream_id": heard.stream, **named})
    kept = {name: patched[name] for name in ("stream_id", "delivery", "iss", "events_delivered")}
    _, again = await heard.call("PATCH", "/ssf/streams", {"stream_id": heard.stream})
    _, put = await heard.call("PUT", "/ssf/streams", kept)

    assert patched["events_requested"] == named["events_requested"]
    assert patched["events_delivered"] == [ALL[0]]
    assert patched["description"] == "SIEM"
    assert again == patched
    assert "description" not in put
    assert put["events_requested"] == ALL
    assert (await heard.call("PUT", "/ssf/streams", {"stream_id": heard.stream}))[0] == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "somebody"},
        {"events_supported": []},
        {"events_delivered": ALL[:1]},
        {"min_verification_interval": 1},
    ],
)
async def test_what_is_the_servers_to_say_may_be_repeated_and_not_changed(heard, wrong):
    body = {"stream_id": heard.stream, **wrong}
    status, said = await heard.call("PATCH", "/ssf/streams", body)

    assert (status, said["error"]) == (400, "invalid_request")


async def test_a_stream_that_is_removed_is_gone_with_all_it_had_to_tell(house, phone, heard):
    await house.phone_status().block(phone.credential_id, "operator:test")
    gone = heard.stream

    assert await heard.call("DELETE", f"/ssf/streams?stream_id={gone}") == (204, None)
    assert (await heard.call("GET", f"/ssf/streams?stream_id={gone}"))[0] == 404
    assert await heard.send() == 0
    assert "StreamDeleted" in [e["action"] for e in await house.events()]
    assert (await heard.listen())["stream_id"] != gone
    assert await heard.send() == 0


async def test_a_status_is_told_as_it_was_set(house, heard):
    sent = {"stream_id": heard.stream, "status": "paused", "reason": "Maintenance."}
    assert await heard.call("POST", "/ssf/status", sent) == (200, sent)
    assert await heard.call("GET", f"/ssf/status?stream_id={heard.stream}") == (200, sent)
    assert "StreamChanged" in [e["action"] for e in await house.events()]


@pytest.mark.parametrize("path", ["/ssf/status", "/ssf/streams"])
async def test_the_stream_has_to_be_named(heard, path):
    method = "GET" if path == "/ssf/status" else "DELETE"

    assert (await heard.call(method, path))[0] == 400


async def test_a_stream_is_verified_with_the_clients_own_state(heard):
    body = {"stream_id": heard.stream, "state": "VGhpcyBpcw"}
    assert await heard.call("POST", "/ssf/verify", body) == (204, None)

    assert await heard.send() == 1
    assert await heard.send() == 0
    assert heard.told() == [("verification", {"state": "VGhpcyBpcw"})]
    assert heard.sets()[0]["sub_id"] == {"format": "opaque", "id": heard.stream}


async def test_it_is_not_verified_more_often_than_it_says(house, heard):
    body = {"stream_id": heard.stream}
    await heard.call("POST", "/ssf/verify", body)
    status, said = await heard.call("POST", "/ssf/verify", body)
    assert (status, said["error"]) == (429, "too_many_requests")
    house.ports.clock.advance(MIN_VERIFICATION_INTERVAL)

    assert (await heard.call("POST", "/ssf/verify", body))[0] == 204


async def test_a_stream_that_is_not_enabled_is_not_verified(heard):
    await heard.call("POST", "/ssf/status", {"stream_id": heard.stream, "status": "paused"})
    status, said = await heard.call("POST", "/ssf/verify", {"stream_id": heard.stream})

    assert (status, said["error"]) == (409, "conflict")
