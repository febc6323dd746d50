"""Web Push: wakes browsers, and apps with a UnifiedPush distributor, which speaks the same."""

import asyncio
from collections.abc import Iterable
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from pairing_server.clock import Clock
from pairing_server.destination import AllowList
from pairing_server.push import (
    PushAddress,
    PushFailedError,
    PushService,
    TokenRejectedError,
    Wakeup,
    webpush_message,
)
from pairing_server.push.aes128gcm import SALT_BYTES, encrypt
from pairing_server.push.post import Post
from pairing_server.push.retry_after import http_date
from pairing_server.push.subscription import (
    MalformedSubscriptionError,
    Subscription,
    read_subscription,
)
from pairing_server.push.vapid import VapidKey
from pairing_server.push.words import clock_words, words
from pairing_server.tokens import Random

_CURVE = ec.SECP256R1()
_NOT_BELIEVED = frozenset({401, 403})


class WebPushSender:
    """Sends to push servers that phones named.

    Args:
        allowed: The push servers that may be called, whatever stands in the registry.
        hosts: Those that `check` asks, as host or host:port.
    """

    def __init__(
        self,
        key: VapidKey,
        post: Post,
        clock: Clock,
        random: Random,
        *,
        allowed: AllowList,
        hosts: Iterable[str] = (),
    ) -> None:
        self._key = key
        self._post = post
        self._clock = clock
        self._random = random
        self._allowed = allowed
        self._hosts = tuple(hosts)
        self._not_believing: set[str] = set()

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Hand over one wake-up.

        Raises:
            PushFailedError: the push service did not take it.
            TokenRejectedError: the subscription is dead.
        """
        try:
            to = read_subscription(address.address)
        except MalformedSubscriptionError:
            # From before addresses were checked when phones give them.
            raise TokenRejectedError("malformed") from None
        async with self._post.sending():
            now = self._clock()
            fields = webpush_message.headers(wakeup, now)
            fields["Authorization"] = self._key.authorization(to.origin, now)
            body = self._encrypted(wakeup, to)
            answer = await self._post.call(to.endpoint, self._allowed, fields, body)
        self._remember(to.origin, answer.status)
        webpush_message.examine(answer.status, answer.headers, self._clock())

    async def check(self) -> list[str]:
        """Ask each push server for anything at all; which of them refused our key is known."""
        said = await asyncio.gather(*map(self._check, self._hosts))
        refused = [
            words(PushService.WEBPUSH, "403", urlsplit(origin).netloc)
            for origin in sorted(self._not_believing)
        ]
        return list(dict.fromkeys([*filter(None, said), *refused]))

    async def close(self) -> None:
        """Give up the connections."""
        await self._post.close()

    def _encrypted(self, wakeup: Wakeup, to: Subscription) -> bytes:
        content = webpush_message.content(wakeup)
        key, salt = ec.generate_private_key(_CURVE), self._random(SALT_BYTES)
        return encrypt(content, to, key, salt, length=webpush_message.PADDED)

    def _remember(self, origin: str, status: int) -> None:
        if status in _NOT_BELIEVED:
            self._not_believing.add(origin)
        else:
            self._not_believing.discard(origin)

    async def _check(self, host: str) -> str | None:
        try:
            answer = await self._post.call(f"https://{host}/", self._allowed)
        except PushFailedError as error:
            return words(PushService.WEBPUSH, error.code, host)
        return clock_words(http_date(answer.headers), self._clock())
