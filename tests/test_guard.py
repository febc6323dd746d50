"""Who is let in, and how each "no" is worded."""

import asyncio
import json

import pytest

from pairing_server import guard
from pairing_server.app import CARDS, make_app
from pairing_server.errors import Refusal
from pairing_server.guard import CARD_PATH, CLIENT_PATHS, CLIENT_PREFIX, refuse
from pairing_server.oidc.metadata import CERTIFICATE_PATHS
from pairing_server.settings import load
from tests.house import free_port, opened_house

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
#: Calls that ride on a cookie, with the body of each.
UNSAFE = [
    ("/uzi/sessions", {"purpose": "login"}),
    ("/uzi/sessions/x/complete", {"completion": "x"}),
    ("/portal/organisations", {}),
    ("/portal/registration", {"date_of_birth": "1980-01-31"}),
    ("/portal/pairings", {}),
    ("/portal/pairings/x/confirm", {"check_number": "1234"}),
]


@pytest.fixture
async def page(house):
    """A browser with both cookies."""
    return await house.registered()


async def post(page, house, path, body, headers):
    async with page._http.post(house.base_url + path, json=body, headers=headers) as told:
        return told.status, (await told.json()).get("error")


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "null")],
        [("Origin", "")],
        [("Origin", "{origin}/")],
        [("Origin", "https://{host}")],
        [("Origin", "http://sub.{host}")],
        [("Origin", "http://localhost:1")],
        [("Origin", "http://localhost")],
        [("Origin", "http://127.0.0.1:{port}")],
        [("Origin", "{origin}.kwaad.example")],
        [("Origin", "{origin}"), ("Origin", "{origin}")],
        [("Origin", "{origin}"), ("Origin", "null")],
        [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        [("Sec-Fetch-Site", "same-site")],
        [("Sec-Fetch-Site", "none")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
        [("Referer", "{origin}/")],
    ],
    ids=str,
)
async def test_what_rides_on_a_cookie_comes_from_our_own_pages(house, page, headers):
    origin, host = house.base_url, house.settings.host
    said = {"origin": origin, "host": host, "port": house.settings.listen_port}
    sent = [(name, value.format(**said)) for name, value in headers]

    answers = [await post(page, house, path, body, sent) for path, body in UNSAFE]

    assert answers == [(403, "cross_site")] * len(UNSAFE)


@pytest.mark.parametrize(
    "headers", [{"Origin": "{0}"}, {"Sec-Fetch-Site": "same-origin"}], ids=["origin", "fetch"]
)
async def test_our_own_pages_get_through(house, page, headers):
    sent = {name: value.format(house.base_url) for name, value in headers.items()}

    assert (await post(page, house, "/portal/pairings", {}, sent))[0] == 201


async def test_a_cross_site_completion_does_not_spend_the_session(house, page):
    session = await page.start_session("login")
    card = house.register.card(house.holder)
    return_uri = await house.agent().prove(session.agent_uri, card)
    path = f"/uzi/sessions/{session.id}/complete"

    status, _ = await post(page, house, path, {"completion": "x"}, {"Origin": "null"})

    assert status == 403
    await page.complete(return_uri)


@pytest.mark.parametrize("origin", [None, "null", "https://kwaad.example"])
async def test_what_rides_on_a_bearer_may_come_from_anywhere(house, origin):
    phone = await house.bind()
    headers = {"Authorization": f"Bearer {phone.device_token}"}
    headers |= {} if origin is None else {"Origin": origin}
    body = {"service": "fcm", "token": "t"}

    async with house.http.put(f"{house.base_url}/phone/push", json=body, headers=headers) as told:
        assert told.status == 204


@pytest.mark.parametrize(
    "host", ["kwaad.example", "localhost", "localhost:1", "127.0.0.1:{0}", "LOCALHOST:{0}", ""]
)
async def test_another_hosts_requests_are_not_ours(house, host):
    headers = {"Host": host.format(house.settings.listen_port)}

    async with house.http.get(f"{house.base_url}/jwks.json", headers=headers) as told:
        assert (told.status, (await told.json())["error"]) == (421, "wrong_host")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_monitor_may_use_whatever_name_it_knows(house, path):
    async with house.http.get(house.base_url + path, headers={"Host": "10.0.0.7"}) as told:
        assert told.status == 200


async def test_behind_tls_the_host_is_the_base_urls(stores, ports, register, tmp_path):
    port = free_port()
    settings = load({}, base_url="https://login.example.nl", port=port, data_dir=tmp_path)
    async with opened_house(settings, stores, ports, register) as house:
        for host, status in (("login.example.nl", 200), (f"localhost:{port}", 421)):
            async with house.http.get(
                f"http://localhost:{port}/jwks.json", headers={"Host": host}
            ) as told:
                assert told.status == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("POST", "/phone/token/challenge", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/healthz", 405),
        ("OPTIONS", "/uzi/sessions", 405),
        ("GET", "/phone/credential", 401),
        ("POST", "/uzi/sessions", 415),
        ("HEAD", "/healthz", 200),
    ],
)
async def test_every_answer_is_hardened_and_numbered(house, method, path, status):
    async with house.http.request(method, house.base_url + path) as told:
        assert told.status == status
        assert {name: told.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert len(told.headers["X-Request-Id"]) == 22


async def test_what_may_be_kept_says_so(house):
    async with house.http.get(f"{house.base_url}/jwks.json") as told:
        assert told.headers["Cache-Control"].startswith("public, max-age=")


async def test_a_path_that_takes_other_methods_names_them(house):
    async with house.http.put(f"{house.base_url}/uzi/sessions") as told:
        assert (told.status, (await told.json())["error"]) == (405, "method_not_allowed")
        assert told.headers["Allow"] == "POST"


async def test_no_identifier_has_a_nul(house, capsys):
    phone = await house.bind()
    headers = {"Authorization": f"Bearer {phone.device_token}"}

    async with house.http.get(
        f"{house.base_url}/phone/auth-requests/a%00b", headers=headers
    ) as told:
        assert told.status == 404
    # SQLite would look for it in vain; PostgreSQL would not look.
    assert "NUL in the path" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        (b"/portal/pairings/x", b"Cookie: session=\xff", b"401"),
        (b"/uzi/sessions/{id}", b"Cookie: browser=\xff", b"404"),
        (b"/uzi/sessions/{id}", b"X-Nonce: \xff", b"404"),
        (b"/phone/credential", b"Authorization: Bearer \xff", b"401"),
        (b"/jwks.json", b"If-None-Match: \xff", b"200"),
    ],
)
async def test_bytes_that_are_no_text_open_nothing(house, path, header, status):
    session = await (await house.page()).start_session("login")
    host = house.settings.host.encode()
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: " + host, b"Connection: close", header]
    request = b"\r\n".join([*lines, b"", b""]).replace(b"{id}", session.id.encode())
    reader, writer = await asyncio.open_connection("localhost", house.settings.listen_port)
    writer.write(request)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()

    assert answer.split(b" ")[1] == status


async def test_a_bug_is_told_by_its_number_alone(house, capsys, monkeypatch):
    def broken(*_):
        raise LookupError("geheim in a variable")

    monkeypatch.setattr(house.stores.keys, "jwks", broken)

    async with house.http.get(f"{house.base_url}/jwks.json") as told:
        body = await told.json()

    assert told.status == 500
    assert body == {
        "error": "server_error",
        "error_description": "This is our fault; tell us the request_id.",
        "request_id": told.headers["X-Request-Id"],
    }
    assert body["request_id"] in capsys.readouterr().out


async def test_a_bug_of_the_guard_itself_is_told_alike(house, capsys, monkeypatch):
    monkeypatch.setattr(guard, "_timer", None)

    async with house.http.get(f"{house.base_url}/healthz") as told:
        body = await told.json()

    assert (told.status, body["error"]) == (500, "server_error")
    assert body["request_id"] == told.headers["X-Request-Id"]
    assert body["request_id"] in capsys.readouterr().out


async def test_methods_that_callers_make_up_are_not_counted_by_name(house):
    async with house.http.request("PROPFIND", f"{house.base_url}/made-up-path"):
        pass
    async with house.http.get(f"{house.base_url}/metrics") as told:
        said = await told.text()

    assert 'method="other",route="unknown",status="404"' in said
    assert "PROPFIND" not in said
    assert "made-up-path" not in said


def test_a_refusal_says_what_its_class_says_and_no_more():
    class Teapot(Refusal):
        code, status, description = "teapot", 418, "No coffee."

    told = refuse(Teapot("private", pot=1), "id")

    assert told.status == 418
    assert json.loads(told.body) == {
        "error": "teapot",
        "error_description": "No coffee.",
        "pot": 1,
    }


REQUEST_LINE = b"GET /jwks.json HTTP/1.1\r\n"
BODY = b"POST /uzi/sessions HTTP/1.1\r\n{host}Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03geheim\r\n\r\n",
        b"geheim\r\n\r\n",
        b"G@HEIM / HTTP/1.1\r\n{host}\r\n",
        b"GET /geheim\xff HTTP/1.1\r\n{host}\r\n",
        b"GET /" + b"geheim" * 3000 + b" HTTP/1.1\r\n{host}\r\n",
        REQUEST_LINE + b"\r\n",
        REQUEST_LINE + b"{host}{host}\r\n",
        REQUEST_LINE + b"{host}Authorization: Bearer geheim\x01\r\n\r\n",
        REQUEST_LINE + b"{host}Authorization : Bearer geheim\r\n\r\n",
        REQUEST_LINE + b"{host}X: " + b"geheim" * 3000 + b"\r\n\r\n",
        REQUEST_LINE + b"{host}" + b"X: geheim\r\n" * 500 + b"\r\n",
        BODY + b"Content-Length: -2\r\n\r\n{}",
        BODY + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        BODY + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        BODY + b"Transfer-Encoding: geheim\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        BODY + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        BODY + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        BODY + b"Transfer-Encoding: chunked\r\n\r\ngeheim\r\n{}\r\n0\r\n\r\n",
        BODY + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 30 + b"\r\n{}\r\n0\r\n\r\n",
        BODY + b"Expect: geheim\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=lambda sent: f"{sent[:20]!r}-{len(sent)}",
)
async def test_what_is_no_http_is_refused_in_json_and_not_quoted(house, capsys, request_bytes):
    capsys.readouterr()
    host = f"Host: {house.settings.host}\r\nConnection: close\r\n".encode()
    reader, writer = await asyncio.open_connection("localhost", house.settings.listen_port)
    writer.write(request_bytes.replace(b"{host}", host))
    head, _, body = (await asyncio.wait_for(reader.read(), 10)).partition(b"\r\n\r\n")
    writer.close()

    said = json.loads(body)
    logged = capsys.readouterr()
    assert head.split(b" ")[1] == b"400"
    assert set(said) == {"error", "error_description"}
    assert b"X-Request-Id: " in head
    assert b"nosniff" in head
    assert "geheim" not in (said["error_description"] + logged.out + logged.err).lower()
    assert "Traceback" not in logged.out + logged.err


async def test_certificates_are_shown_where_they_are_served_and_discovery_says_so(house, stores):
    served = make_app(house.settings, stores)[CARDS].router.routes()

    paths = {route.resource.canonical for route in served}
    api = {path for path in paths if path.startswith(CLIENT_PREFIX)}
    assert paths - api == CLIENT_PATHS | {CARD_PATH}
    assert len(api) > 5
    assert set(CERTIFICATE_PATHS.values()) == {
        path for path in CLIENT_PATHS if not path.startswith(("/v1/", "/ssf/"))
    }
