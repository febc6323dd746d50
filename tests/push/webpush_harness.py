"""A Web Push service and a sender that speaks to it, for the contract."""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

from clients.push_simulator import Answer, Journal, webpush
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.webpush import WebPushService
from pairing_server.destination import AllowList
from pairing_server.push import PushAddress, PushService
from pairing_server.push.post import Post
from pairing_server.push.vapid import VapidKey
from pairing_server.push.webpush import WebPushSender
from tests.house import free_port
from tests.push.contract import Harness, Situation
from tests.push.fcm_harness import egress_to_loopback

CONTACT = "mailto:push@hospital.example.nl"


@dataclass
class WebPushHarness(Harness):
    SERVICE: ClassVar = PushService.WEBPUSH
    DEAD: ClassVar = {
        "gone": webpush.GONE,
        "gone without a word": Answer(410),
        "not found": webpush.NOT_FOUND,
        "not found without a word": Answer(404),
    }
    FOREIGN: ClassVar = {
        "another key's subscription": webpush.ANOTHER_KEY,
        "a contact that is not believed": webpush.BAD_TOKEN,
        "no token": webpush.UNAUTHORIZED,
        "too large": webpush.TOO_LARGE,
    }
    DEAD_BY_STATUS: ClassVar = frozenset({404, 410})
    BUSY: ClassVar = 429
    STATES_TIME: ClassVar = False

    sender: WebPushSender
    service: WebPushService
    key: VapidKey
    origin: str
    secrets: list[str] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, situation: Situation) -> AsyncIterator["WebPushHarness"]:
        authority = LoopbackAuthority.create()
        async with WebPushService().running(authority.context()) as service:
            origin = service.origin
            if not situation.is_reachable:
                origin = f"https://localhost:{free_port()}"
            egress = egress_to_loopback(situation, authority)
            post = Post(egress, situation.deadline, situation.most)
            key = VapidKey(secrets.token_bytes(32), CONTACT)
            asked = key if situation.has_right_key else VapidKey(bytes(32), CONTACT)
            sender = WebPushSender(
                key,
                post,
                situation.clock,
                secrets.token_bytes,
                allowed=AllowList().and_urls([origin]),
                hosts=[urlsplit(origin).netloc],
            )
            try:
                yield cls(sender, service, asked, origin)
            finally:
                await sender.close()
                egress.close()

    @property
    def journal(self) -> Journal:
        return self.service.journal

    def address(self) -> PushAddress:
        subscription = self.service.subscribe(self.key.public_key)
        endpoint = subscription["endpoint"].replace(self.service.origin, self.origin)
        keys = subscription["keys"]
        self.secrets += [endpoint.rpartition("/")[2], keys["p256dh"], keys["auth"]]
        return PushAddress(PushService.WEBPUSH, json.dumps({"endpoint": endpoint, "keys": keys}))

    def key_of(self, address: PushAddress) -> str:
        return json.loads(address.address)["endpoint"]

    def shown(self, body: bytes) -> dict[str, object]:
        return json.loads(body)
