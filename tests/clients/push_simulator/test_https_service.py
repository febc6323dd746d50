"""A service on loopback fails as it is told, and is gone when its block is left."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from clients.push_simulator import Answer, Fault
from clients.push_simulator.https_service import behave, listening, told_headers


async def ask(behaviour, seconds=5):
    async def handle(request):
        return await behave(request, behaviour)

    async with (
        listening([web.get("/", handle)], None) as port,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=seconds)) as http,
        http.get(f"http://127.0.0.1:{port}/") as response,
    ):
        return response.status, await response.read(), response.headers.get("Retry-After")


async def test_an_answer_is_given():
    assert await ask(Answer(429, b"x", {"Retry-After": "5"})) == (429, b"x", "5")


async def test_silence_is_no_answer():
    with pytest.raises(asyncio.TimeoutError):
        await ask(Fault.SILENCE, 0.2)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.CLOSE])
async def test_a_broken_connection_is_no_answer_either(fault):
    with pytest.raises(aiohttp.ClientConnectionError):
        await ask(fault)


async def test_what_is_kept_of_a_request_is_not_who_sent_it():
    async def tell(request):
        return web.json_response(told_headers(request))

    async with (
        listening([web.get("/", tell)], None) as port,
        aiohttp.ClientSession() as http,
        http.get(
            f"http://127.0.0.1:{port}/", headers={"AUTHORIZATION": "geheim", "TTL": "5"}
        ) as response,
    ):
        told = await response.json()
    assert told["ttl"] == "5"
    assert "geheim" not in str(told)
