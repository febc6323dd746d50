"""A connection to a service is TLS with a verified name, straight or through a proxy."""

import asyncio
import contextlib
import ssl

import pytest

from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.push import PushFailedError, tunnel
from pairing_server.push.tunnel import Route, Tunneller
from tests.push.connect_proxy import running_proxy


@pytest.fixture(scope="module")
def authority():
    return LoopbackAuthority.create()


def trusting(authority, alpn=("h2",)):
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.set_alpn_protocols(list(alpn))
    return context


@pytest.fixture
async def listening(authority):
    """Run a TLS service that says what it speaks and closes."""

    def hello(_, writer):
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=authority.context(("h2",)))
    async with server:
        yield server.sockets[0].getsockname()[1]


class Listener(asyncio.Protocol):
    def __init__(self):
        self.heard = b""
        self.end = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        self.heard += data

    def connection_lost(self, exc):
        self.end.set_result(exc)


async def heard(route):
    tunneller = Tunneller(route)
    try:
        listener = await tunneller.connect(Listener, "h2")
        await listener.end
        return listener.heard
    finally:
        tunneller.close()


async def failed(route):
    with pytest.raises(PushFailedError) as refused:
        await heard(route)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return refused.value.code


@contextlib.asynccontextmanager
async def answering(answer, until=b"\r\n\r\n"):
    """Run a proxy, or a service, that answers something of its own."""

    async def handle(reader, writer):
        try:
            if until:
                await reader.readuntil(until)
            writer.write(answer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://localhost:{server.sockets[0].getsockname()[1]}"


async def test_a_service_that_proves_its_name_is_heard(listening, authority):
    assert await heard(Route(f"https://localhost:{listening}", trusting(authority))) == b"hello"


async def test_it_is_heard_through_a_proxy(listening, authority):
    async with running_proxy() as proxy:
        route = Route(f"https://localhost:{listening}", trusting(authority), proxy.url())
        assert await heard(route) == b"hello"
        assert proxy.asked == [f"localhost:{listening}"]


async def test_through_a_proxy_the_proxy_resolves_and_the_name_is_still_verified(
    listening, authority
):
    """A proxy that connects to another place than was asked for is found out."""
    async with running_proxy() as proxy:
        proxy.sends_to = ("127.0.0.1", listening)
        route = Route("https://api.push.apple.com", trusting(authority), proxy.url())
        assert await failed(route) == "tls"
        assert proxy.asked == ["api.push.apple.com:443"]


async def test_another_authority_is_not_believed(listening):
    other = trusting(LoopbackAuthority.create())
    assert await failed(Route(f"https://localhost:{listening}", other)) == "tls"


async def test_a_service_that_speaks_something_else_is_none(listening, authority):
    route = Route(f"https://localhost:{listening}", trusting(authority, ("http/1.1",)))
    assert await failed(route) == "protocol"


async def test_what_does_not_speak_tls_is_none(authority):
    async with answering(b"SSH-2.0-OpenSSH\r\n\r\n", until=b"") as url:
        route = Route(url.replace("http:", "https:"), trusting(authority))
        assert await failed(route) == "tls"


async def test_a_name_that_nobody_has_is_unreachable(authority):
    assert await failed(Route("https://nobody.invalid", trusting(authority))) == "unreachable"


async def test_a_port_that_nobody_listens_on_is_unreachable(authority, unused_tcp_port):
    route = Route(f"https://localhost:{unused_tcp_port}", trusting(authority))
    assert await failed(route) == "unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n",
        b"200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9000,
    ],
)
async def test_whatever_else_a_proxy_answers_is_no_tunnel(listening, authority, answer):
    async with answering(answer) as proxy:
        route = Route(f"https://localhost:{listening}", trusting(authority), proxy)
        assert await failed(route) == "proxy"


@pytest.mark.parametrize("weakness", ["verify_mode", "check_hostname"])
def test_a_context_that_believes_everybody_is_not_taken(weakness):
    context = ssl.create_default_context()
    context.check_hostname = False
    if weakness == "verify_mode":
        context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="prove"):
        Tunneller(Route("https://localhost", context))


async def test_an_address_that_does_not_answer_is_passed_over(listening, authority, monkeypatch):
    """`localhost` has two addresses where there is IPv6; the service listens on one."""
    monkeypatch.setattr(tunnel, "ADDRESS_SECONDS", 0.5)
    assert await heard(Route(f"https://localhost:{listening}", trusting(authority))) == b"hello"


def test_a_route_tells_no_password():
    route = Route("https://localhost:1", ssl.create_default_context(), "http://u:s3cret@p:1")
    assert "s3cret" not in repr(route)
    assert (route.host, route.port) == ("localhost", 1)
    assert Route("https://localhost", route.tls).port == 443
