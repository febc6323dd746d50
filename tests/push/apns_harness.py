"""The harness of APNs: what is particular to it."""

import contextlib
import json
import secrets
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clients.push_simulator import Behaviour, Journal
from clients.push_simulator.apns import ApnsSimulator, Rules
from clients.push_simulator.apns_reasons import refusal
from clients.push_simulator.apns_request import Provider
from clients.push_simulator.authority import LoopbackAuthority
from pairing_server.push import PushAddress, PushService
from pairing_server.push.apns import ApnsSender, Limits
from pairing_server.push.provider_token import ProviderKey
from pairing_server.push.tunnel import Route
from tests.push.contract import Situation

TOPIC = "nl.example.login"
KEY_ID, TEAM_ID = "ABC123DEFG", "TEAM123456"


@dataclass
class ApnsHarness:
    """APNs on loopback, and a sender to it."""

    SERVICE: ClassVar = PushService.APNS
    DEAD: ClassVar[Mapping[str, Behaviour]] = {
        "Unregistered": refusal("Unregistered", timestamp=1764172800000),
        "ExpiredToken": refusal("ExpiredToken"),
        "BadDeviceToken": refusal("BadDeviceToken"),
    }
    FOREIGN: ClassVar[Mapping[str, Behaviour]] = {
        # No token was accepted before: the environment may be the wrong one.
        "BadDeviceToken": refusal("BadDeviceToken"),
        "DeviceTokenNotForTopic": refusal("DeviceTokenNotForTopic"),
        "TopicDisallowed": refusal("TopicDisallowed"),
        "BadEnvironmentKeyIdInToken": refusal("BadEnvironmentKeyIdInToken"),
    }
    DEAD_BY_STATUS: ClassVar[frozenset[int]] = frozenset()
    BUSY: ClassVar = 429
    STATES_TIME: ClassVar = True

    service: ApnsSimulator
    sender: ApnsSender
    secrets: list[str] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.service.journal

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, situation: Situation, rules: Rules | None = None):
        authority = LoopbackAuthority.create()
        key = ec.generate_private_key(ec.SECP256R1())
        known = key if situation.has_right_key else ec.generate_private_key(ec.SECP256R1())
        provider = Provider(TEAM_ID, {KEY_ID: known.public_key()}, frozenset({TOPIC}))
        async with ApnsSimulator(provider, authority.context(("h2",)), rules) as service:
            service.phones = set()
            if not situation.is_reachable:
                service.stop()
            sender = ApnsSender(
                ProviderKey(KEY_ID, TEAM_ID, key),
                TOPIC,
                Route(service.url, trusting(authority, situation), situation.proxy),
                situation.clock,
                Limits(situation.deadline, situation.most),
            )
            harness = cls(service, sender, [_pem(key)])
            try:
                yield harness
            finally:
                harness.secrets += [token.split(".")[2] for token in provider.tokens]
                await sender.close()

    def address(self) -> PushAddress:
        token = secrets.token_hex(32)
        self.service.phones.add(token)
        self.secrets.append(token)
        return PushAddress(PushService.APNS, token)

    def key_of(self, address: PushAddress) -> str:
        return address.address

    def shown(self, body: bytes) -> Mapping[str, object]:
        said = json.loads(body)
        aps = said.pop("aps")
        assert set(aps) <= {"alert", "sound", "interruption-level", "content-available"}
        assert set(aps["alert"]) == {"body"}
        return said | {"line": aps["alert"]["body"]}


def trusting(authority: LoopbackAuthority, situation: Situation) -> ssl.SSLContext:
    """Believe the service's authority, or another one."""
    believed = authority if situation.is_trusted else LoopbackAuthority.create()
    context = ssl.create_default_context(cadata=believed.pem.decode())
    context.set_alpn_protocols(["h2"])
    return context


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pem.decode().splitlines()[1]
