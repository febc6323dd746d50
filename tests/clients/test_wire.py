"""What the clients share: origins in one spelling, base64url, errors of any form."""

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from clients.wire import MalformedAnswer, Wire, WireError, b64url, b64url_decode, origin_of


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://zorg.example", "https://zorg.example"),
        ("https://zorg.example/a/b?c#d", "https://zorg.example"),
        ("https://zorg.example:8443/", "https://zorg.example:8443"),
        ("https://[2001:db8::1]/", "https://[2001:db8::1]"),
        ("http://localhost:8000/app", "http://localhost:8000"),
    ],
)
def test_an_origin_has_one_spelling(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "host",
    [
        "portaal.ziekenhuis.nl%2f.kwaad.example",
        "portaal.ziekenhuis.nl(veilig).kwaad.example",
        "portaal.ziekenhuis.nl,kwaad.example",
        "a;id",
        "$(id).example",
        "`id`.example",
        "a'b",
        'a"b',
        "a<b>",
        "a..b",
        "a.",
        "[fe80::1%25eth0]",
    ],
)
def test_what_is_no_name_of_a_host_is_no_origin(host):
    with pytest.raises(ValueError, match="no canonical origin"):
        origin_of(f"https://{host}")


@given(st.binary())
def test_base64url_comes_back(data):
    assert b64url_decode(b64url(data)) == data


@pytest.mark.parametrize("text", ["a", "+/", "a b", "é"])
def test_other_text_is_no_base64url(text):
    with pytest.raises(ValueError, match=r"base64url|ASCII"):
        b64url_decode(text)


@pytest.mark.parametrize("body", ["<html>", "[]", "", '{"error"'])
async def test_an_error_of_a_gateway_is_an_error_too(http, serve, body):
    async def bad_gateway(_request):
        return web.Response(status=502, text=body)

    app = web.Application()
    app.add_routes([web.get("/x", bad_gateway)])
    with pytest.raises(WireError, match="502") as refused:
        await Wire(http, await serve(app)).call("GET", "/x")
    assert (refused.value.error, refused.value.body) == ("", {})


async def test_an_answer_of_another_form_is_malformed(http, serve):
    async def listed(_request):
        return web.json_response([])

    app = web.Application()
    app.add_routes([web.get("/x", listed)])
    answer = await Wire(http, await serve(app)).call("GET", "/x")
    with pytest.raises(MalformedAnswer):
        answer.read(dict[str, object])
