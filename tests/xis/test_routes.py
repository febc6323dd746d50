"""Who may call, and what no call takes."""

import pytest

from pairing_server.registry.client_metadata import AuthMethod, ClientMetadata
from tests.card_tls import ServerCertificate
from tests.house import free_port
from tests.oidc.client import BareClient
from tests.oidc.client_ca import SUBJECT, ClientCa, client_tls
from tests.oidc.test_redemption import close_client
from tests.oidc.test_showing import session
from tests.uzi.test_mtls_routes import LOOPBACK, fields
from tests.xis.client import HASH

CALLS = [
    ("POST", "/v1/sessions/open"),
    ("POST", "/v1/sessions/close?sessionId=00000000-0000-4000-8000-000000000000"),
    ("POST", "/v1/transactions"),
    ("GET", "/v1/events"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_nobody_calls_without_saying_who(desk, xis, method, path):
    signed = xis.bearer()["Authorization"]
    tampered = {"Authorization": signed[:-8] + "AAAAAAAA"}
    used = dict(xis.bearer())
    await xis.call("GET", "/v1/events", **used)
    phone = {"Authorization": f"Bearer {desk.phone.device_token}"}
    other = BareClient(desk.house, desk.client_id, desk.house.client_key).assertion(aud="x")
    for headers in ({}, tampered, used, phone, {"Authorization": f"Bearer {other}"}):
        url = desk.house.base_url + path
        async with desk.house.http.request(method, url, json={}, headers=headers) as answer:
            assert answer.status == 401
            assert (await answer.json())["error"] in {"invalid_token", "invalid_client"}


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_a_closed_client_calls_nothing(desk, xis, method, path):
    await close_client(desk)
    status, refused = await xis.call(method, path, {})
    assert (status, refused["error"]) == (401, "invalid_client")


async def test_a_session_is_opened_without_a_body_as_its_software_does(desk, xis):
    url = desk.house.base_url + "/v1/sessions/open"
    async with desk.house.http.post(url, headers=xis.bearer()) as answer:
        assert answer.status == 200
        assert set(await answer.json()) == {
            "id", "nonce", "qrEventsUri", "bindingCode", "expiresIn",
        }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"Ura": "90000003"},
        {"Workstation": "\u202e"},
        {"Workstation": "x" * 101},
        {"WorkstationId": 3},
    ],
)
async def test_a_session_is_opened_where_people_can_read_it_is(xis, body):
    status, refused = await xis.call("POST", "/v1/sessions/open", body)
    assert (status, refused["error"]) == (400, "invalid_request")
    assert await xis.events(after=0) == []


@pytest.mark.parametrize("number", ["x", "-1", "01", "1" * 19, "", "1,2", "\u0661"])
async def test_a_number_is_that_of_an_event(xis, number):
    status, refused = await xis.call("GET", "/v1/events", **{"Last-Event-ID": number})
    assert (status, refused["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("body", [[], {"SessionId": "x"}, {"sessionId": "x", "entries": {}}])
async def test_a_transaction_that_cannot_be_read_is_refused(xis, body):
    status, refused = await xis.call("POST", "/v1/transactions", body)
    assert (status, refused["error"]) == (400, "invalid_request")


async def test_nobody_polls_a_session_at_the_token_endpoint(desk, xis):
    opened = await xis.open()
    client = BareClient(desk.house, desk.client_id, desk.house.client_key)
    assert await client.error(opened["nonce"]) == "invalid_grant"
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code"}
    _, refused = await client.post("/token", form | {"device_code": opened["nonce"]})
    assert refused["error"] == "invalid_grant"


async def test_what_was_told_holds_no_hash_of_a_token_but_its_own(desk, xis):
    session = await xis.opened()
    entries = [{"id": "one", "data": "<Assertion/>"}, {"id": "two", "data": "<Other/>"}]
    body = {"sessionId": session, "hashAlgorithm": "SHA-256", "profile": "token-1"}
    status, asked = await xis.call("POST", "/v1/transactions", body | {"entries": entries})
    assert status == 200
    (request,) = await desk.phone.auth_requests()
    assert request.message == "token-1"
    assert len(request.hashes.split(" ")) == 2
    assert HASH not in request.hashes
    await desk.phone.approve(request, asked["bindingCode"])
    (told,) = await xis.events(after=2)
    bag = told.payload["SignedDataBag"]
    assert [each["Hash"] for each in bag.values()] == request.hashes.split(" ")


CA = ClientCa()
OWN, OTHER = CA.issue(), CA.issue("CN=other")
BY_CERTIFICATE = ClientMetadata(
    token_endpoint_auth_method=AuthMethod.TLS_CLIENT_AUTH, tls_client_auth_subject_dn=SUBJECT
)


async def called(house, http, origin, path, headers=None, method="GET"):
    url = f"{origin}{path}?client_id={house.client_id}"
    async with http.request(method, url, headers=headers) as answer:
        return answer.status


async def test_a_xis_calls_with_its_certificate_at_the_own_listener(make_house, tmp_path):
    server, port = ServerCertificate(tmp_path), free_port()
    (tmp_path / "other").mkdir()
    async with (
        make_house(
            tls_certificate_file=server.certificate,
            tls_key_file=server.key,
            mtls_port=port,
            mtls_listen="127.0.0.1",
            client_authorities=(CA.write_root(tmp_path / "clients.pem"),),
        ) as house,
        session(client_tls(server.certificate, OWN, tmp_path)) as own,
        session(client_tls(server.certificate, OTHER, tmp_path / "other")) as other,
    ):
        await house.add_organisation()
        await house.workstation("XIS", metadata=BY_CERTIFICATE)
        origin = f"https://localhost:{port}"
        assert await called(house, own, origin, "/v1/events") == 200
        assert await called(house, own, origin, "/v1/sessions/open", method="POST") == 200
        assert await called(house, other, origin, "/v1/events") == 401
        assert await called(house, house.http, house.base_url, "/v1/events") == 401


async def test_a_xis_calls_with_its_certificate_through_a_proxy(make_house, tmp_path):
    authorities = (CA.write_root(tmp_path / "clients.pem"),)
    port = free_port()
    async with make_house(
        client_cert_proxies=LOOPBACK, client_authorities=authorities, mtls_port=port
    ) as house:
        await house.add_organisation()
        await house.workstation("XIS", metadata=BY_CERTIFICATE)
        there = {"Host": f"localhost:{port}"}
        shown = [fields(OWN), fields(OTHER), fields(ClientCa().issue()), {}]
        sent = [{**each, **there} for each in shown]
        statuses = [
            await called(house, house.http, house.base_url, "/v1/events", headers)
            for headers in sent
        ]
        assert statuses == [200, 401, 401, 401]
