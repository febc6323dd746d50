"""Calls to clients: to the registered URL alone, over TLS, and inside only where it is agreed."""

import contextlib
import ssl
from datetime import timedelta
from ipaddress import ip_network

import pytest
from aiohttp import web

from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.destination import EgressError, Reason
from pairing_server.egress import Call, Egress
from pairing_server.oidc.client_egress import ClientEgress, make_client_egress
from pairing_server.settings import SettingsError, load
from tests.oidc.endpoint import listening

AUTHORITY = LoopbackAuthority.create()
INSIDE = (ip_network("127.0.0.0/8"),)


def call(url):
    return Call(url, 1000, timedelta(seconds=5), "POST", b"{}")


@contextlib.asynccontextmanager
async def egress(*, is_demo=False, inside=INSIDE, addresses=("127.0.0.1",), trusted=AUTHORITY):
    async def resolve(_):
        return addresses

    def trust():
        return ssl.create_default_context(cadata=trusted.pem.decode())

    made = ClientEgress(
        Egress((), resolve=resolve, tls=trust()),
        Egress(inside, resolve=resolve, tls=trust()),
        is_demo=is_demo,
    )
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def endpoint():
    async with listening(AUTHORITY.context()) as opened:
        yield opened


async def refusal(made, url, registered=None, *, inside=True):
    with pytest.raises(EgressError) as refused:
        await made.send(call(url), {url} if registered is None else registered, inside=inside)
    return refused.value.reason


async def test_a_registered_url_is_called(endpoint):
    async with egress() as made:
        answer = await made.send(call(endpoint.url), {endpoint.url}, inside=True)
    assert answer.status == 204
    assert endpoint.heard[0].path == "/ping"


async def test_no_other_url_is_called_be_it_at_the_same_host(endpoint):
    async with egress() as made:
        for url in (endpoint.url + "/", endpoint.url + "?x", endpoint.origin + "/admin"):
            assert await refusal(made, url, {endpoint.url}) is Reason.HOST
        assert await refusal(made, endpoint.url, ()) is Reason.HOST
    assert endpoint.heard == []


async def test_a_private_address_is_called_only_where_it_is_agreed(endpoint):
    async with egress() as made:
        assert await refusal(made, endpoint.url, inside=False) is Reason.ADDRESS
    assert endpoint.heard == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse(endpoint):
    async with egress(addresses=("93.184.215.14", "127.0.0.1")) as made:
        assert await refusal(made, endpoint.url, inside=False) is Reason.ADDRESS


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1", "::1", "fd00::1"])
async def test_what_is_agreed_leads_to_networks_that_the_operator_named_alone(endpoint, address):
    own = (ip_network("10.1.0.0/16"),)
    async with egress(inside=own, addresses=(address,)) as made:
        assert await refusal(made, endpoint.url) is Reason.ADDRESS
    assert endpoint.heard == []


async def test_a_redirect_is_an_answer_and_is_not_followed(endpoint):
    endpoint.answers = [lambda: web.Response(status=307, headers={"Location": "/elsewhere"})]
    async with egress() as made:
        answer = await made.send(call(endpoint.url), {endpoint.url}, inside=True)
    assert answer.status == 307
    assert [each.path for each in endpoint.heard] == ["/ping"]


async def test_a_server_that_nobody_vouches_for_hears_nothing(endpoint):
    async with egress(trusted=LoopbackAuthority.create("Another")) as made:
        assert await refusal(made, endpoint.url) is Reason.TLS
    assert endpoint.heard == []


async def test_without_tls_nobody_is_called_but_localhost_from_localhost():
    async with listening() as plain:
        async with egress() as made:
            assert await refusal(made, plain.url) is Reason.PLAIN_HTTP
        async with egress(is_demo=True) as made:
            other = plain.url.replace("localhost", "client.test")
            assert await refusal(made, other) is Reason.PLAIN_HTTP
            assert plain.heard == []
            assert (await made.send(call(plain.url), {plain.url}, inside=False)).status == 204


@pytest.fixture
def authority_file(tmp_path):
    file = tmp_path / "clients.pem"
    file.write_bytes(AUTHORITY.pem)
    return file


async def test_the_settings_name_networks_and_authorities_of_clients_inside(
    endpoint, authority_file
):
    url = endpoint.url
    https = {"base_url": "https://login.example", "egress_inside": "127.0.0.0/8,::1/128"}
    trusting = make_client_egress(load({}, **https, client_ca_file=authority_file))
    assert (await trusting.send(call(url), {url}, inside=True)).status == 204
    assert await refusal(trusting, url, inside=False) is Reason.ADDRESS
    await trusting.close()
    doubting = make_client_egress(load({}, **https))
    assert await refusal(doubting, url) is Reason.TLS
    await doubting.close()
    nowhere = make_client_egress(load({}, **https | {"egress_inside": ""}))
    assert await refusal(nowhere, url) is Reason.ADDRESS
    await nowhere.close()


async def test_authorities_that_cannot_be_read_are_told_of_at_the_start(tmp_path):
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for file, words in ((empty, "no certificates"), (tmp_path / "missing", "cannot be read")):
        with pytest.raises(SettingsError) as refused:
            make_client_egress(load({}, client_ca_file=file))
        assert words in str(refused.value)
        assert "PAIRING_CLIENT_CA_FILE" in str(refused.value)
