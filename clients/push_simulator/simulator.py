"""All three push services on loopback, with the files by which a server is set up for them."""

import asyncio
import json
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from clients.push_simulator import Arrival
from clients.push_simulator.apns import ApnsSimulator
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from clients.push_simulator.page import ArrivalPage, shown
from clients.push_simulator.webpush import WebPushService

TEAM_ID, KEY_ID, TOPIC = "LOOPBACK00", "LOOPBACK01", "nl.example.login"
CONTACT = "mailto:push@hospital.example.nl"
LOOPBACK = "127.0.0.0/8,::1/128"


@dataclass
class PushSimulator:
    """What runs, and who waits for a phone to be woken."""

    directory: Path
    apns: ApnsSimulator
    fcm: FcmService
    webpush: WebPushService
    page: ArrivalPage
    also: Callable[[Arrival], None] | None = None
    _woken: dict[str, asyncio.Queue[str]] = field(
        default_factory=lambda: defaultdict(asyncio.Queue)
    )

    @property
    def settings(self) -> dict[str, str]:
        """What to set, by name, for a server to speak to these services."""
        return {
            "apns_key_file": str(self.directory / "apns.p8"),
            "apns_key_id": KEY_ID,
            "apns_team_id": TEAM_ID,
            "apns_topic": TOPIC,
            "apns_url": self.apns.url,
            "fcm_service_account_file": str(self.directory / "service-account.json"),
            "fcm_url": self.fcm.url,
            "webpush_contact": CONTACT,
            "push_hosts": self.webpush.origin.removeprefix("https://"),
            "push_ca_file": str(self.directory / "ca.pem"),
            "egress_inside": LOOPBACK,
        }

    async def woken(self, address: str) -> str:
        """Wait until a phone is woken for a request; returns the identifier that it got."""
        return await self._woken[address].get()

    def note(self, arrival: Arrival) -> None:
        """Wake the phone, and show it."""
        what = shown(arrival)
        if arrival.is_taken and what.get("kind") == "request":
            self._woken[arrival.address].put_nowait(str(what.get("id", "")))
        self.page.note(arrival)
        if self.also is not None:
            self.also(arrival)


@asynccontextmanager
async def push_simulator(
    directory: Path, page_port: int = 0, also: Callable[[Arrival], None] | None = None
) -> AsyncIterator[PushSimulator]:
    """Run the services, and a page that shows what arrives, until the block is left.

    Args:
        directory: Where the files for the server are written; private ones are for its owner.
        also: Hears of each arrival, too.
    """
    authority = LoopbackAuthority.create()
    key = ec.generate_private_key(ec.SECP256R1())
    provider = Provider(TEAM_ID, {KEY_ID: key.public_key()}, frozenset({TOPIC}))
    fcm = await asyncio.to_thread(FcmService)
    async with (
        ApnsSimulator(provider, authority.context(("h2",))) as apns,
        fcm.running(authority.context()),
        WebPushService().running(authority.context()) as webpush,
        ArrivalPage(webpush.subscribe).running(page_port) as page,
    ):
        simulator = PushSimulator(directory, apns, fcm, webpush, page, also)
        for service in (apns, fcm, webpush):
            service.journal.listener = simulator.note
        account = json.dumps(fcm.account(), indent=2).encode()
        await asyncio.to_thread(_write, directory, authority.pem, key, account)
        yield simulator


def _write(
    directory: Path, authority: bytes, key: ec.EllipticCurvePrivateKey, account: bytes
) -> None:
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    _write_private(directory / "apns.p8", pem)
    _write_private(directory / "service-account.json", account)
    (directory / "ca.pem").write_bytes(authority)


def _write_private(file: Path, data: bytes) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)
