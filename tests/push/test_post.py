"""Calls to push services: how many at once, until when, and what failed in whose words."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web

from clients.push_simulator import Fault
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.https_service import behave, listening
from pairing_server.destination import AllowList
from pairing_server.egress import Egress
from pairing_server.push import PushFailedError
from pairing_server.push.failure import Failure
from pairing_server.push.post import Post
from tests.push.fcm_harness import LOOPBACK, trust

SOON = timedelta(seconds=0.2)


@asynccontextmanager
async def posting(handler, inside=LOOPBACK, deadline=SOON, most=10):
    authority = LoopbackAuthority.create()
    routes = [web.route("*", "/{path:.*}", handler)]
    async with listening(routes, authority.context()) as port:
        egress = Egress(inside, tls=trust(authority))
        post = Post(egress, deadline, most)
        url = f"https://localhost:{port}/geheim"
        try:
            yield post, url, AllowList().and_urls([url])
        finally:
            await post.close()
            egress.close()


async def silent(request):
    return await behave(request, Fault.SILENCE)


async def echo(request):
    return web.Response(body=request.method.encode() + await request.read())


async def failure(awaitable):
    with pytest.raises(PushFailedError) as failed:
        await awaitable
    assert "geheim" not in repr(failed.value) + repr(failed.value.__cause__)
    return failed.value


async def test_a_body_is_posted_and_without_one_it_is_asked():
    async with posting(echo, deadline=timedelta(seconds=5)) as (post, url, allowed):
        assert (await post.call(url, allowed, {}, b"x")).body == b"POSTx"
        assert (await post.call(url, allowed)).body == b"GET"


async def test_what_is_not_listed_is_not_called():
    async with posting(echo) as (post, url, _):
        error = await failure(post.call(url, AllowList()))
        assert (error.code, error.retriable) == (Failure.FORBIDDEN, False)


async def test_an_inside_address_is_not_called_by_a_name_that_is_listed():
    async with posting(echo, inside=()) as (post, url, allowed):
        error = await failure(post.call(url, allowed))
        assert (error.code, error.retriable) == (Failure.FORBIDDEN, False)


async def test_a_name_that_nobody_has_is_a_place_that_cannot_be_reached():
    async with posting(echo) as (post, _, _):
        url = "https://nobody.invalid/geheim"
        error = await failure(post.call(url, AllowList().and_urls([url])))
        assert (error.code, error.retriable) == (Failure.UNREACHABLE, True)


async def test_what_is_too_large_is_no_answer():
    async def large(_):
        return web.Response(body=b"x" * 100_000)

    async with posting(large, deadline=timedelta(seconds=5)) as (post, url, allowed):
        error = await failure(post.call(url, allowed))
        assert (error.code, error.retriable) == (Failure.PROTOCOL, False)


async def test_a_send_of_several_calls_has_one_deadline():
    async with posting(silent, deadline=timedelta(seconds=0.3)) as (post, url, allowed):
        before = time.monotonic()

        async def send():
            async with post.sending():
                await asyncio.sleep(0.2)
                await post.call(url, allowed)

        assert (await failure(send())).code == Failure.TIMEOUT
        assert time.monotonic() - before < 0.45


async def test_sends_are_counted_until_they_end():
    async with posting(silent, most=2) as (post, _, _):

        async def send(until):
            async with post.sending():
                await until.wait()

        ends = [asyncio.Event(), asyncio.Event()]
        sends = [asyncio.create_task(send(end)) for end in ends]
        await asyncio.sleep(0)
        error = await failure(send(ends[0]))
        assert (error.code, error.retriable) == (Failure.BUSY, True)
        ends[0].set()
        await sends[0]
        async with post.sending():
            assert (await failure(send(ends[0]))).code == Failure.BUSY
        sends[1].cancel()
        await asyncio.gather(sends[1], return_exceptions=True)
        ends[1].set()
        await asyncio.gather(send(ends[1]), send(ends[1]))
