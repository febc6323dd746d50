"""What open login pages cost this server: `python -m bench.login_pages [pages] [seconds]`.

A server of its own, as many pages as asked, each followed as a browser does, and the processor
time that the server spends while they only wait.  Beside it, what drawing the same frames here
would cost.
"""

import asyncio
import json
import os
import secrets
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import uvloop

from pairing_server import logs
from pairing_server.app import Surroundings, open_stores, running
from pairing_server.limits import Rate
from pairing_server.qr import code
from pairing_server.registry import clients, organisations
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.settings import load

PAGES, SECONDS = 1000, 20
AT_ONCE = 20
PORT = 18743
URA = "90000001"
PAGE = "http://localhost:8099/cb"
#: What one processor gives in a second.
_TICKS = os.sysconf("SC_CLK_TCK")


async def serve(directory: str) -> None:
    """Run a server with one client, until it is killed."""
    settings = load(
        {},
        base_url=f"http://localhost:{PORT}",
        port=PORT,
        data_dir=Path(directory),
        uzi_online=False,
        log_level="error",
    )
    # Nobody reads what it would say, and a full pipe would stop it.
    logs.configure(settings.log_level, settings.log_format)
    async with open_stores(settings) as stores:
        now = stores.keys._clock()  # noqa: SLF001  (the server's own)
        added = Client(
            id="bench",
            name="Bench",
            jwks={"keys": []},
            uras=(URA,),
            redirect_uris=(PAGE,),
            policy={},
            status=ClientStatus.ACTIVE,
            created_at=now,
        )
        place = Organisation(
            ura=URA, name="Bench", status=OrganisationStatus.ACTIVE, registered_at=now
        )
        await stores.registry.commit(lambda tx: organisations.add(tx, place))
        await stores.registry.commit(lambda tx: clients.add(tx, added))
        async with running(settings, stores, Surroundings(rate=Rate(1e6, 1_000_000))):
            print("ready", flush=True)
            await asyncio.Event().wait()


def spent(pid: int) -> float:
    """Return the processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def follow(http: aiohttp.ClientSession, count: list[int], opened: asyncio.Event) -> None:
    """Open one page and count its frames."""
    form = {
        "client_id": "bench",
        "response_type": "code",
        "redirect_uri": PAGE,
        "scope": "openid",
        "code_challenge": secrets.token_urlsafe(32),
        "code_challenge_method": "S256",
    }
    url = f"http://localhost:{PORT}/authorize?{urlencode(form)}"
    async with http.get(url, allow_redirects=False) as answer:
        path = answer.headers["Location"]
        cookie = answer.cookies["browser"].value
    headers = {"Cookie": f"browser={cookie}"}
    async with http.get(f"http://localhost:{PORT}{path}/events", headers=headers) as stream:
        opened.set()
        async for line in stream.content:
            count[0] += line.startswith(b"event: frame")


async def measure(pages: int, seconds: int, pid: int) -> dict[str, float]:
    """Open the pages, let them wait, and read what that cost."""
    connector = aiohttp.TCPConnector(limit=0)
    count = [0]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        )
        tasks = []
        for _ in range(0, pages, AT_ONCE):
            opened = [asyncio.Event() for _ in range(AT_ONCE)]
            tasks += [asyncio.create_task(follow(http, count, each)) for each in opened]
            async with asyncio.timeout(30):
                await asyncio.gather(*(each.wait() for each in opened))
        await asyncio.sleep(3)
        began, before, frames = time.monotonic(), spent(pid), count[0]
        await asyncio.sleep(seconds)
        took, cost = time.monotonic() - began, spent(pid) - before
        sent = count[0] - frames
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "pages": len(tasks),
        "frames a second": round(sent / took, 1),
        "processors": round(cost / took, 4),
        "microseconds a frame": round(1e6 * cost / max(sent, 1), 1),
    }


def drawing() -> float:
    """Return the milliseconds that drawing a frame here takes."""
    link = f"https://login.example.nl/app/#l.{'A' * 22}.100.{'B' * 22}"
    began = time.process_time()
    for _ in range(100):
        code.modules(link)
    return (time.process_time() - began) * 10


async def main(pages: int, seconds: int) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as directory:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.login_pages", "serve", directory, stdout=-1
        )
        assert server.stdout is not None  # noqa: S101  (it was asked for)
        await server.stdout.readline()
        try:
            found = await measure(pages, seconds, server.pid)
        finally:
            # Not terminated: nobody waits here until a thousand streams have been drained.
            server.kill()
            await server.wait()
    found["milliseconds to draw one here"] = round(drawing(), 2)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        uvloop.run(serve(sys.argv[2]))
    else:
        asked = [*map(int, sys.argv[1:]), *(PAGES, SECONDS)[len(sys.argv) - 1 :]]
        asyncio.run(main(*asked[:2]))
