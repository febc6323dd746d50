"""The ordinary entrance, as documented: who writes a card's certificate there is nobody."""

import aiohttp
import pytest

from tests.card_tls import FORM
from tests.proxies.conftest import BASE_URL
from tests.uzi.test_mtls_routes import fields


@pytest.fixture
def proxy():
    return "nginx"


@pytest.mark.parametrize("host", ["login.example.nl", "login.example.nl:8443"])
async def test_a_card_that_is_written_there_logs_nobody_in(site, card, host):
    url = f"https://localhost:{site.ground.ordinary}/uzi/mtls"
    sent = {**FORM, **fields(card), "Origin": BASE_URL, "Host": host}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=site.tls())) as http,
        http.post(url, data="", headers=sent) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]) == (421, "wrong_host")


@pytest.mark.parametrize("mtls_port", [None])
async def test_the_field_is_taken_out_there(site, card):
    """By itself: this server takes cards at its base URL, so that `Host` is right."""
    url = f"https://localhost:{site.ground.ordinary}/uzi/mtls"
    sent = {**FORM, **fields(card), "Origin": BASE_URL, "Host": "login.example.nl"}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=site.tls())) as http,
        http.post(url, data="", headers=sent) as answer,
    ):
        assert (answer.status, (await answer.json())["error"]) == (403, "no_client_certificate")
