"""Calls out on kept connections: the rules of `egress` hold for each, and answers end nothing."""

import asyncio
import contextlib
import ssl
import time
from datetime import timedelta
from ipaddress import ip_network

import pytest
from aiohttp import web

from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Call, Egress
from pairing_server.egress_pool import EgressPool

LOOPBACK = (ip_network("127.0.0.0/8"),)
SOON = timedelta(seconds=20)


class Names:
    """A name server: answers in turn, the last answer for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def __call__(self, host):
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Peers:
    """A server that knows from which ports it was called."""

    def __init__(self, handler):
        self.handler = handler
        self.ports = []
        self.paths = []

    async def handle(self, request):
        self.ports.append(request.transport.get_extra_info("peername")[1])
        self.paths.append(request.raw_path)
        return await self.handler(request)


async def hello(_):
    return web.Response(body=b"hello", headers={"Retry-After": "5"})


@pytest.fixture
async def serve():
    """Start servers on loopback: a handler in, its port out."""
    async with contextlib.AsyncExitStack() as stack:

        async def serve(handler, tls=None):
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handler)
            runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
            return runner.addresses[0][1]

        yield serve


@pytest.fixture
async def pool_to():
    """Make a pool whose names have these addresses."""
    async with contextlib.AsyncExitStack() as stack:

        def make(*addresses, inside=LOOPBACK, connections=100, names=None, **options):
            names = names or Names(addresses or ("127.0.0.1",))
            egress = Egress(inside, resolve=names, **options)
            stack.callback(egress.close)
            pool = EgressPool(egress, connections)
            stack.push_async_callback(pool.close)
            return pool

        yield make


def call(port, host="push.test", path="/p", scheme="http", **changes):
    return Call(f"{scheme}://{host}:{port}{path}", **{"limit": 1000, "deadline": SOON} | changes)


def allowing(port, host="push.test"):
    return AllowList.of([f"{host}:{port}"], plain_http=True)


async def refusal(pool, port, **changes):
    with pytest.raises(EgressError) as refused:
        await pool.send(call(port, **changes), allowing(port))
    error = refused.value
    assert error.args == (error.reason.value,)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error.reason


async def test_a_connection_is_used_again_and_a_name_resolved_once(serve, pool_to):
    peers, names = Peers(hello), Names(["127.0.0.1"])
    port = await serve(peers.handle)
    pool = pool_to(names=names)

    answers = [await pool.send(call(port), allowing(port)) for _ in range(5)]

    assert {(one.status, one.body, one.headers["retry-after"]) for one in answers} == {
        (200, b"hello", "5")
    }
    assert len(set(peers.ports)) == 1
    assert names.asked == ["push.test"]


async def test_a_host_that_is_not_listed_is_not_even_resolved(serve, pool_to):
    names = Names(["127.0.0.1"])
    port = await serve(hello)
    pool = pool_to(names=names)

    with pytest.raises(EgressError) as refused:
        await pool.send(call(port), allowing(port, "other.test"))

    assert refused.value.reason is Reason.HOST
    assert names.asked == []


async def test_a_kept_connection_opens_nothing_that_is_not_listed(serve, pool_to):
    port = await serve(hello)
    pool = pool_to()
    await pool.send(call(port), allowing(port))

    with pytest.raises(EgressError) as refused:
        await pool.send(call(port), AllowList(plain_http=True))

    assert refused.value.reason is Reason.HOST


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fe80::1%lo", "fd00::1"]
)
async def test_a_name_of_an_inside_address_is_not_called(serve, pool_to, address):
    peers = Peers(hello)
    port = await serve(peers.handle)

    assert await refusal(pool_to(address, inside=()), port) is Reason.ADDRESS
    assert peers.ports == []


async def test_one_inside_address_among_public_ones_is_enough(serve, pool_to):
    port = await serve(hello)

    assert await refusal(pool_to("93.184.216.34", "127.0.0.1", inside=()), port) is Reason.ADDRESS


async def test_a_name_that_changes_its_mind_is_checked_each_time(serve, pool_to):
    """DNS rebinding, after the connection that was checked is gone."""
    port = await serve(hello)
    names = Names(["10.0.0.1"], ["127.0.0.1"])
    pool = pool_to(names=names)

    assert await refusal(pool, port) is Reason.ADDRESS
    assert (await pool.send(call(port), allowing(port))).body == b"hello"
    assert names.asked == ["push.test", "push.test"]


async def test_a_name_without_an_address_is_told(pool_to):
    assert await refusal(pool_to(names=Names([])), 1) is Reason.UNRESOLVED


async def test_a_redirect_is_an_answer_and_leads_nowhere(serve, pool_to):
    elsewhere = Peers(hello)
    other = await serve(elsewhere.handle)

    async def redirect(_):
        raise web.HTTPTemporaryRedirect(f"http://push.test:{other}/")

    port = await serve(redirect)

    assert (await pool_to().send(call(port), allowing(port))).status == 307
    assert elsewhere.ports == []


async def test_a_path_arrives_to_the_letter(serve, pool_to):
    peers = Peers(hello)
    port = await serve(peers.handle)
    path = "/wpush/v2/gAAA:b%2Fc%41~=/../x?a=%7e"

    await pool_to().send(call(port, path=path), allowing(port))

    assert peers.paths == [path]


async def test_what_is_encoded_or_too_large_is_not_read(serve, pool_to):
    async def encoded(_):
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    async def large(_):
        return web.Response(body=b"x" * 1001)

    pool = pool_to()
    assert await refusal(pool, await serve(encoded)) is Reason.ENCODED
    assert await refusal(pool, await serve(large)) is Reason.TOO_LARGE


async def test_silence_ends_at_the_deadline_and_frees_the_connection(serve, pool_to):
    ended = asyncio.Event()

    async def silent(request):
        if request.path == "/p":
            return await hello(request)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    port = await serve(silent)
    pool = pool_to(connections=1)
    before = time.monotonic()
    late = {"path": "/silent", "deadline": timedelta(seconds=0.1)}
    assert await refusal(pool, port, **late) is Reason.TIMEOUT
    assert time.monotonic() - before < 2
    await asyncio.wait_for(ended.wait(), 10)
    assert (await pool.send(call(port), allowing(port))).body == b"hello"


async def test_a_host_that_hangs_holds_up_no_other(serve, pool_to):
    async def silent(_):
        await asyncio.Event().wait()

    slow, quick = await serve(silent), await serve(hello)
    pool = pool_to(connections=1)
    waiting = [asyncio.create_task(refusal(pool, slow, method="POST")) for _ in range(10)]
    await asyncio.sleep(0.05)
    answer = await asyncio.wait_for(pool.send(call(quick), allowing(quick)), 10)
    assert answer.body == b"hello"
    await pool.close()
    assert set(await asyncio.wait_for(asyncio.gather(*waiting), 10)) == {Reason.DISCONNECTED}


async def test_a_connection_that_breaks_is_told_from_none(serve, pool_to, unused_tcp_port):
    async def broken(request):
        request.transport.abort()
        await asyncio.Event().wait()

    assert await refusal(pool_to(), await serve(broken)) is Reason.DISCONNECTED
    assert await refusal(pool_to(), unused_tcp_port) is Reason.UNREACHABLE


async def test_what_is_no_http_is_told_without_its_words(pool_to):
    async def talk(reader, writer):
        with contextlib.closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await refusal(pool_to(), port) is Reason.PROTOCOL


async def test_a_certificate_that_is_not_believed_is_told(serve, pool_to):
    port = await serve(hello, LoopbackAuthority.create().context())
    tls = ssl.create_default_context(cadata=LoopbackAuthority.create().pem.decode())

    reason = await refusal(pool_to(tls=tls), port, host="localhost", scheme="https")

    assert reason in (Reason.TLS, Reason.HOST)


async def test_a_certificate_for_another_name_is_not_believed(serve, pool_to):
    authority = LoopbackAuthority.create()
    port = await serve(hello, authority.context())
    tls = ssl.create_default_context(cadata=authority.pem.decode())

    assert await refusal(pool_to(tls=tls), port, scheme="https") is Reason.TLS


async def test_a_proxy_that_is_away_is_told(pool_to, unused_tcp_port):
    pool = pool_to(proxy=f"http://127.0.0.1:{unused_tcp_port}")

    assert await refusal(pool, 1) is Reason.PROXY


async def test_a_pool_that_was_never_used_closes(pool_to):
    await pool_to().close()
