"""Bodies, cookies, bearers and preferences, as routes read them."""

import asyncio
import gzip
import json
import zlib
from datetime import timedelta
from functools import partial
from urllib.parse import parse_qsl

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st

from pairing_server import http
from pairing_server.errors import Unauthenticated
from pairing_server.http import MAX_BODY_BYTES, MAX_FORM_FIELDS, answer, bearer, preferred_wait

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LOGIN = b'{"purpose":"login"}'


@pytest.fixture
def post(house):
    """Send a body to a call that takes JSON, or to one that takes a form."""

    async def post(body, headers=JSON, path="/uzi/sessions"):
        async with house.http.post(house.base_url + path, data=body, headers=headers) as told:
            said = await told.json()
        if told.status >= 400:
            assert said["error"]
            assert said["error_description"].endswith(".")
        return told.status, said

    return post


async def in_pieces(*pieces):
    for piece in pieces:
        yield piece


async def test_unknown_members_are_ignored(post):
    assert (await post(b'{"purpose":"login","extra":[1]}'))[0] == 201


async def test_a_body_in_chunks_is_a_body(post):
    assert (await post(in_pieces(LOGIN[:5], LOGIN[5:])))[0] == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"login"',
        b"{",
        b'{"purpose":"login"',
        b"\xef\xbb\xbf" + LOGIN,
        LOGIN + LOGIN,
        b'{"purpose":1}',
        b'{"purpose":["login"]}',
        b'{"purpose":null}',
        b'{"purpose":1e400}',
        b'{"purpose":' + b"9" * 5000 + b"}",
        b'{"purpose":"\\ud800"}',
        b'{"purpose":"\xed\xa0\x80"}',
        b'{"purpose":"\xff"}',
        b'{"purpose":"login","x":"\\u0000"}',
        b'{"purpose":"a\x00"}',
        b"[" * 60000,
        b'{"x":' + b"[" * 30000 + b"]" * 30000 + b',"purpose":"login"}',
        LOGIN.decode().encode("utf-16"),
        gzip.compress(LOGIN, mtime=0),
    ],
    ids=lambda body: f"{body[:14]!r}",
)
async def test_what_is_not_this_calls_json_is_refused(post, body):
    status, said = await post(body)

    assert (status, said["error"]) == (400, "invalid_request")


async def test_what_was_sent_is_not_said_back(post):
    _, said = await post(b'{"purpose":"geheim - at `$.x` \\"<b>"}')

    assert said["error_description"] == (
        "The body is not what this call takes: Invalid value at `$.purpose`."
    )


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ";;"],
)
async def test_json_comes_under_its_name(post, content_type):
    assert (await post(LOGIN, {"Content-Type": content_type}))[0] == 415


async def test_the_charset_of_json_is_no_choice(post):
    headers = {"Content-Type": "application/json; charset=latin-1"}

    assert (await post(LOGIN, headers))[0] == 201
    assert (await post('{"purpose":"é"}'.encode("latin-1"), headers))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=a&grant_type=b",
        b"grant_type=a&grant_type=",
        b"grant_type=%ff",
        b"grant_type=\xff",
        b"grant_type=%ED%A0%80",
        b"grant_type=a%00b",
        b"&".join(b"p%d=1" % number for number in range(100)),
    ],
    ids=lambda body: f"{body[:24]!r}",
)
async def test_what_is_not_a_form_is_refused(post, body):
    status, said = await post(body, FORM, "/token")

    assert (status, said["error"]) == (400, "invalid_request")


def read(pairs, text):
    try:
        return list(pairs(text))
    except ValueError:
        return None


@given(st.text("ab&=+%0C3é;\ud800", max_size=24) | st.text(max_size=8))
@example("a=%C3%A9&b=%C3&c")
@example("é=%C3%A9+%2B")
@example("=&&a&=b&a=b=c&")
@example("&".join(["a"] * MAX_FORM_FIELDS))
@example("&".join(["a"] * (MAX_FORM_FIELDS + 1)))
def test_a_form_is_read_as_the_standard_library_reads_it(text):
    strictly = partial(
        parse_qsl, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS
    )

    assert read(http._pairs, text) == read(strictly, text)


async def test_a_form_comes_under_its_name(post):
    assert (await post(b"grant_type=a", JSON, "/token"))[0] == 415


@pytest.mark.parametrize("path", ["/uzi/sessions", "/portal/organisations"])
async def test_a_body_over_64_kib_is_refused_by_its_length(post, path):
    assert (await post(b"x" * (MAX_BODY_BYTES + 1), path=path))[0] == 413


async def test_a_body_over_64_kib_is_refused_in_chunks_too(post):
    assert (await post(in_pieces(*[b"x" * 16384] * 5)))[0] == 413


async def test_a_body_of_64_kib_is_taken(post):
    body = LOGIN[:-1] + b',"x":"' + b"x" * (MAX_BODY_BYTES - len(LOGIN) - 7) + b'"}'

    assert len(body) == MAX_BODY_BYTES
    assert (await post(body))[0] == 201


@pytest.mark.parametrize("path", ["/uzi/sessions", "/portal/organisations", "/nowhere"])
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b" " * 50_000_000, mtime=0)),
        ("deflate", zlib.compress(LOGIN)),
        ("gzip", b"no gzip"),
        ("br", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(LOGIN, mtime=0), mtime=0)),
        ("identity", LOGIN),
    ],
)
async def test_a_compressed_body_is_refused_unread(post, path, encoding, body):
    status, _ = await post(body, JSON | {"Content-Encoding": encoding}, path)

    assert status == 415


async def test_a_body_that_does_not_come_is_not_waited_for(post, monkeypatch):
    monkeypatch.setattr(http, "BODY_PATIENCE", timedelta(seconds=0.05))

    async def never():
        yield LOGIN[:5]
        await asyncio.sleep(0.5)

    assert (await post(never()))[0] == 408


async def test_who_hangs_up_halfway_is_no_bug(house, capsys):
    _, writer = await asyncio.open_connection("localhost", house.settings.listen_port)
    head = f"POST /uzi/sessions HTTP/1.1\r\nHost: {house.settings.host}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 99\r\n\r\n{{".encode())
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)

    said = capsys.readouterr().out
    assert "refused" in said
    assert "bug" not in said


def request(*headers):
    return make_mocked_request("GET", "/", headers=dict(headers))


@pytest.mark.parametrize("value", ["Bearer abc", "Bearer a-._~+/Z9=="])
def test_a_bearer_is_read(value):
    assert bearer(request(("Authorization", value))) == value.removeprefix("Bearer ")


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "bearer abc", "Basic abc", "Bearer a b", "Bearer é", "Bearer a=b"],
)
def test_what_is_not_one_bearer_is_none(value):
    with pytest.raises(Unauthenticated):
        bearer(request(("Authorization", value)))


async def test_two_bearers_are_none(house):
    token = f"Bearer {(await house.bind()).device_token}"
    headers = [("Authorization", token), ("Authorization", token)]

    async with house.http.get(f"{house.base_url}/phone/credential", headers=headers) as told:
        assert told.status == 401
        assert told.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=5", 5),
        ("respond-async, wait=5", 5),
        ("respond-async,wait = 5 ; x", 5),
        ("wait=9999", 25),
        ("wait=99999", 0),
        ("wait=-1", 0),
        ("wait=٣", 0),
        ("await=5", 0),
        ("wait", 0),
        ("", 0),
    ],
)
def test_how_long_the_caller_would_wait(prefer, seconds):
    assert preferred_wait(request(("Prefer", prefer))) == timedelta(seconds=seconds)


def test_an_answer_is_not_for_caches():
    told = answer({"a": 1}, 201)

    assert (told.status, told.headers["Cache-Control"]) == (201, "no-store")
    assert json.loads(told.body) == {"a": 1}


def test_an_answer_may_be_empty():
    assert answer(status=204).body is None
