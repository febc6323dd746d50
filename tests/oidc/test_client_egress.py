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
from pairing_server.oidc.client_egress import LOOPBACK, PRIVATE, ClientEgress, networks
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


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "127.0.0.1", "::1", "fe80::1", "0.0.0.1", "100.64.0.1"]
)
async def test_what_is_agreed_is_neither_this_machine_nor_the_clouds_own(endpoint, address):
    async with egress(inside=networks((), is_demo=False), addresses=(address,)) as made:
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


def test_what_the_operator_numbers_otherwise_is_inside_as_well():
    own = ip_network("198.51.100.0/24")
    assert networks([own], is_demo=False) == (*PRIVATE, own)
    assert networks([own], is_demo=True) == (*PRIVATE, own, *LOOPBACK)
