"""FCM and a sender that speaks to it, for the contract."""

import contextlib
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric import rsa

from clients.push_simulator import Journal, fcm
from clients.push_simulator.authority import LoopbackAuthority
from clients.push_simulator.fcm import FcmService
from pairing_server.egress import Egress
from pairing_server.push import PushAddress, PushService
from pairing_server.push.fcm import FcmSender
from pairing_server.push.post import Post
from pairing_server.push.service_account import ServiceAccount, read_service_account
from tests.house import free_port
from tests.push.contract import Harness, Situation

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
#: Made once: each takes a tenth of a second.
KEY, ANOTHER_KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)
)
_ACCOUNTS: dict[str, ServiceAccount] = {}


def trust(authority: LoopbackAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.pem.decode())


def egress_to_loopback(situation: Situation, authority: LoopbackAuthority) -> Egress:
    """Return the way out in that situation."""
    other = LoopbackAuthority.create()
    return Egress(
        LOOPBACK, situation.proxy, tls=trust(authority if situation.is_trusted else other)
    )


def read_account(content: dict[str, str]) -> ServiceAccount:
    """Read what a service account's file holds, whose key is checked once."""
    changing = {"token_uri": content["token_uri"], "key_id": content["private_key_id"]}
    return replace(_read({**content, "token_uri": "https://localhost/token"}), **changing)


def _read(content: dict[str, str]) -> ServiceAccount:
    key = content["private_key"]
    if key not in _ACCOUNTS:
        with TemporaryDirectory() as directory:
            file = Path(directory, "account.json")
            file.touch(mode=0o600)
            file.write_text(json.dumps(content))
            _ACCOUNTS[key] = read_service_account(file)
    return _ACCOUNTS[key]


@dataclass
class FcmHarness(Harness):
    SERVICE: ClassVar = PushService.FCM
    DEAD: ClassVar = {"unregistered": fcm.UNREGISTERED, "malformed": fcm.MALFORMED_TOKEN}
    FOREIGN: ClassVar = {
        "another project's token": fcm.SENDER_ID_MISMATCH,
        "another project": fcm.NO_SUCH_PROJECT,
        "another platform": fcm.THIRD_PARTY_AUTH_ERROR,
        "no permission": fcm.PERMISSION_DENIED,
    }
    BUSY: ClassVar = 429
    STATES_TIME: ClassVar = True

    sender: FcmSender
    service: FcmService
    secrets: list[str] = field(default_factory=list)

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, situation: Situation, elapsed: Callable[[], float] = time.monotonic
    ) -> AsyncIterator["FcmHarness"]:
        authority = LoopbackAuthority.create()
        async with FcmService(key=KEY).running(authority.context()) as service:
            content = service.account(None if situation.has_right_key else ANOTHER_KEY)
            url = service.url
            if not situation.is_reachable:
                url = f"https://localhost:{free_port()}"
                content["token_uri"] = f"{url}/token"
            egress = egress_to_loopback(situation, authority)
            post = Post(egress, situation.deadline, situation.most)
            sender = FcmSender(read_account(content), post, situation.clock, url, elapsed)
            try:
                yield cls(sender, service, [content["private_key"].split("\n")[1]])
            finally:
                await sender.close()
                egress.close()

    @property
    def journal(self) -> Journal:
        return self.service.journal

    def address(self) -> PushAddress:
        token = secrets.token_urlsafe(100)
        self.secrets.append(token)
        return PushAddress(PushService.FCM, token)

    def key_of(self, address: PushAddress) -> str:
        return address.address

    def shown(self, body: bytes) -> dict[str, object]:
        return json.loads(body)["message"]["data"]
