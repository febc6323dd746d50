"""The Apple Push Notification service: wakes iPhones.

Source: Apple, "Sending notification requests to APNs".
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial

from pairing_server.clock import Clock
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushService,
    TokenRejectedError,
    Wakeup,
)
from pairing_server.push.apns_answers import OK, Reply, is_expired, judge
from pairing_server.push.apns_exchange import NotProcessedError
from pairing_server.push.apns_message import (
    fixed_headers,
    is_device_token,
    path_header,
    payload,
    varying_headers,
)
from pairing_server.push.apns_pool import Pool
from pairing_server.push.failure import Failure
from pairing_server.push.provider_token import ProviderKey, ProviderToken
from pairing_server.push.tunnel import Route, Tunneller
from pairing_server.push.words import words

SEND_DEADLINE = timedelta(seconds=5)
#: Sends under way, those that wait for a stream included.
MOST = 2000
_ALPN = "h2"
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a send may take, and how many may be under way."""

    deadline: timedelta = SEND_DEADLINE
    most: int = MOST


class ApnsSender:
    """Sends notifications to iPhones over HTTP/2.

    Args:
        topic: The app's bundle id.
    """

    def __init__(
        self,
        key: ProviderKey,
        topic: str,
        route: Route,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._token = ProviderToken(key, clock)
        self._clock = clock
        self._tunneller = Tunneller(route)
        self._pool = Pool(lambda make: self._tunneller.connect(make, _ALPN), self._limits.most)
        self._fixed = lru_cache(maxsize=2)(partial(fixed_headers, route.authority, topic))
        self._others_live = False

    def warm(self) -> None:
        """Connect before there is anything to send."""
        self._pool.warm()

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Hand over one wake-up.

        Raises:
            PushFailedError: APNs did not take it.
            TokenRejectedError: the token is dead.
        """
        if not is_device_token(address.address):
            raise TokenRejectedError("malformed")
        reply = await self._post(address, wakeup)
        judge(reply, self._clock(), others_live=self._others_live)
        self._others_live = True

    async def check(self) -> list[str]:
        """Send to a token that nobody has: APNs says so once it believes all the rest."""
        nobody = PushAddress(PushService.APNS, secrets.token_hex(_TOKEN_BYTES))
        wakeup = Wakeup("check", self._clock() + timedelta(minutes=1))
        try:
            code = (await self._post(nobody, wakeup)).code
        except PushFailedError as error:
            code = error.code
        return [] if code in {"BadDeviceToken", str(OK)} else [words(PushService.APNS, code)]

    async def close(self) -> None:
        """Give up the connections; sends under way fail."""
        await self._pool.close()
        self._tunneller.close()

    async def _post(self, address: PushAddress, wakeup: Wakeup) -> Reply:
        """Send, and once more where the first time was for nothing."""
        path, body = path_header(address), payload(wakeup)
        varying = varying_headers(address, wakeup)
        try:
            async with asyncio.timeout(self._limits.deadline.total_seconds()):
                token = self._token.current()
                reply = await self._exchange(path + self._fixed(token) + varying, body)
                if is_expired(reply) and self._token.renew(token):
                    fixed = self._fixed(self._token.current())
                    reply = await self._exchange(path + fixed + varying, body)
                return reply
        except TimeoutError:
            self._pool.doubt()
        raise PushFailedError(Failure.TIMEOUT, retriable=True)

    async def _exchange(self, block: bytes, body: bytes) -> Reply:
        try:
            return await self._pool.exchange(block, body)
        except NotProcessedError:
            pass
        try:
            return await self._pool.exchange(block, body)
        except NotProcessedError:
            raise PushFailedError(Failure.DISCONNECTED, retriable=True) from None
