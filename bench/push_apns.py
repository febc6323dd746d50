"""How many wake-ups one core hands to APNs, beside a bare `h2` client at the same service.

    make bench, or .venv/bin/python bench/push_apns.py [wake-ups]

The loopback APNs runs in a process of its own.  Rates are of this machine; the processor time of a
wake-up and the ratio say more.
"""

import asyncio
import contextlib
import multiprocessing
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from typing import cast
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec

from clients.push_simulator.apns import ApnsSimulator
from clients.push_simulator.apns_reasons import refusal
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushService, TokenRejectedError, Wakeup
from pairing_server.push.apns import ApnsSender, Limits
from pairing_server.push.apns_message import message_id, payload
from pairing_server.push.provider_token import ProviderKey
from pairing_server.push.tunnel import Route

WAKEUPS = 10_000
#: Tokens that are known as dead reach so far.
MOST = 100_000
#: Sends under way at once.
AT_ONCE = 100
#: Of the tokens, so many in a hundred are dead.
DEAD = 1
TOPIC = "nl.example.login"
KEY_ID, TEAM_ID = "ABC123DEFG", "TEAM123456"


@dataclass(frozen=True)
class Place:
    """Where the service is, and who is known there."""

    url: str
    authority: LoopbackAuthority
    key: ec.EllipticCurvePrivateKey

    def tls(self) -> ssl.SSLContext:
        """Return a context that believes the service."""
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        context.set_alpn_protocols(["h2"])
        return context


@dataclass(frozen=True)
class Measured:
    """What sending so many took, in seconds."""

    count: int
    took: float
    cpu: float

    @property
    def rate(self) -> float:
        """Wake-ups a second."""
        return self.count / self.took

    @property
    def each(self) -> float:
        """Processor time of one, in microseconds."""
        return self.cpu / self.count * 1e6


@contextlib.asynccontextmanager
async def sender(place: Place) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    """Open the server's own sender."""
    own = ApnsSender(
        ProviderKey(KEY_ID, TEAM_ID, place.key),
        TOPIC,
        Route(place.url, place.tls()),
        utc_now,
        # A machine that is busy with something else is no failure of the sender's.
        Limits(deadline=timedelta(minutes=1)),
    )
    expires_at = utc_now() + timedelta(minutes=2)

    async def send(token: str) -> None:
        wakeup = Wakeup(token[-22:], expires_at, tag="t" * 22)
        with contextlib.suppress(TokenRejectedError):
            await own.send(PushAddress(PushService.APNS, token), wakeup)

    try:
        yield send
    finally:
        await own.close()


class BareClient(asyncio.Protocol):
    """The least that speaks HTTP/2: no deadline, no limits, nothing that can go wrong."""

    def __init__(self) -> None:
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.answers: dict[int, asyncio.Future[int]] = {}
        self.settled = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self.h2.initiate_connection()
        self.transport.write(self.h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Read answers."""
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.StreamEnded():
                    self.answers.pop(event.stream_id).set_result(0)
                case h2.events.RemoteSettingsChanged():
                    is_many = self.h2.remote_settings.max_concurrent_streams > 1
                    if is_many and not self.settled.done():
                        self.settled.set_result(None)
                case h2.events.DataReceived():
                    self.h2.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
        self.transport.write(self.h2.data_to_send())

    async def post(self, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send one request and wait for its answer."""
        stream_id = self.h2.get_next_available_stream_id()
        self.answers[stream_id] = asyncio.get_running_loop().create_future()
        self.h2.send_headers(stream_id, headers)
        self.h2.send_data(stream_id, body, end_stream=True)
        self.transport.write(self.h2.data_to_send())
        await self.answers[stream_id]


@contextlib.asynccontextmanager
async def bare(place: Place) -> AsyncIterator[Callable[[str], Awaitable[object]]]:
    """Open a bare client that sends what our sender sends."""
    url = urlsplit(place.url)
    _, client = await asyncio.get_running_loop().create_connection(
        BareClient, url.hostname, url.port, ssl=place.tls()
    )
    expires_at = utc_now() + timedelta(minutes=2)
    token = ProviderKey(KEY_ID, TEAM_ID, place.key).token(utc_now())
    fixed = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", url.netloc),
        ("authorization", f"bearer {token}"),
        ("apns-topic", TOPIC),
        ("apns-push-type", "alert"),
        ("apns-priority", "10"),
        ("apns-expiration", str(int(expires_at.timestamp()))),
        ("apns-collapse-id", "t" * 22),
    ]

    async def send(device: str) -> None:
        address = PushAddress(PushService.APNS, device)
        wakeup = Wakeup(device[-22:], expires_at, tag="t" * 22)
        varying = [(":path", f"/3/device/{device}"), ("apns-id", message_id(address, wakeup))]
        await client.post([*fixed[:3], varying[0], *fixed[3:], varying[1]], payload(wakeup))

    await send(tokens(1)[0].replace("dead", "f00d"))
    await client.settled
    try:
        yield send
    finally:
        client.transport.abort()


def tokens(count: int) -> list[str]:
    """Return device tokens, the dead ones spread among them."""
    return [f"{'dead' if place % 100 < DEAD else 'f00d'}{place:060x}" for place in range(count)]


def serve(port: Pipe, authority: LoopbackAuthority, key: ec.EllipticCurvePrivateKey) -> None:
    """Run the service until the process is ended."""

    async def running() -> None:
        provider = Provider(TEAM_ID, {KEY_ID: key.public_key()}, frozenset({TOPIC}))
        async with ApnsSimulator(provider, authority.context(("h2",))) as service:
            dead = [token for token in tokens(MOST) if token.startswith("dead")]
            service.journal.behaviours |= dict.fromkeys(dead, refusal("Unregistered"))
            port.send(service.url)
            await asyncio.Event().wait()

    uvloop.run(running())


@contextlib.contextmanager
def service() -> Iterator[Place]:
    """Run the service in a process of its own."""
    authority, key = LoopbackAuthority.create(), ec.generate_private_key(ec.SECP256R1())
    here, there = multiprocessing.Pipe()
    forked = multiprocessing.get_context("fork")
    process = forked.Process(target=serve, args=(there, authority, key), daemon=True)
    process.start()
    try:
        yield Place(here.recv(), authority, key)
    finally:
        process.kill()
        process.join()


async def measured(count: int, send: Callable[[str], Awaitable[object]]) -> Measured:
    """Send to so many phones, as many at once as may be."""
    waiting = iter(tokens(count))

    async def work() -> None:
        for token in waiting:
            await send(token)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Measured(count, time.perf_counter() - began, time.process_time() - cpu)


async def latencies(
    count: int, rate: float, send: Callable[[str], Awaitable[object]]
) -> list[float]:
    """Send at a rate, whether the answers come or not, and return how long each took."""
    took: list[float] = []

    async def one(token: str, due: float) -> None:
        await send(token)
        took.append(time.perf_counter() - due)

    began, tasks = time.perf_counter(), []
    for place, token in enumerate(tokens(count)):
        due = began + place / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(token, due)))
    await asyncio.gather(*tasks)
    return sorted(took)


def say(what: str, value: str) -> None:
    """Print a line of the table."""
    print(f"{what:<62} {value:>14}")


async def main() -> None:
    """Measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else WAKEUPS
    with service() as place:
        async with sender(place) as send, bare(place) as bare_send:
            for each in (send, bare_send):
                await measured(500, each)
            ours = await measured(count, send)
            theirs = await measured(count, bare_send)
            took = await latencies(count // 2, ours.rate / 2, send)
    say("wake-ups to APNs a second, 100 at once, 1 % of the tokens dead", f"{ours.rate:,.0f}")
    say("  processor time of each", f"{ours.each:.0f} µs")
    say("  so at most, on one core", f"{1e6 / ours.each:,.0f}")
    say("bare h2, the same requests", f"{theirs.rate:,.0f}")
    say("  processor time of each", f"{theirs.each:.0f} µs")
    say("ours by bare h2", f"{theirs.each / ours.each:.2f}")
    say(f"at {ours.rate / 2:,.0f} a second: p50", f"{took[len(took) // 2] * 1e3:.1f} ms")
    say("  p99", f"{took[len(took) * 99 // 100] * 1e3:.1f} ms")


if __name__ == "__main__":
    uvloop.run(main())
