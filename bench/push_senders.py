"""The server's own senders, beside a bare client of the same service."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable

from bench.push_bare import bare_apns, bare_fcm, bare_webpush, wakeup
from bench.push_load import AT_ONCE, Cost, Send, cost
from bench.push_services import Phone, Services
from pairing_server.clock import utc_now
from pairing_server.push import PushSender, PushService, TokenRejectedError
from pairing_server.push.setup import make_push

ROUNDS = 3
BARE = {
    PushService.APNS: bare_apns,
    PushService.FCM: bare_fcm,
    PushService.WEBPUSH: bare_webpush,
}


@contextlib.asynccontextmanager
async def senders(running: Services) -> AsyncIterator[dict[PushService, PushSender]]:
    """Make the server's own senders, as its settings make them."""
    push = make_push(running.settings(), bytes(32), utc_now, secrets.token_bytes)
    try:
        yield dict(push.senders)
    finally:
        for sender in push.senders.values():
            await sender.close()


async def compared(running: Services, service: PushService, count: int) -> tuple[Cost, Cost]:
    """Wake phones through a service, by turns with our sender and bare; returns the best of each.

    Each begins with as many as are then under way at once, unmeasured: connections are there.
    """
    phones = running.phones(service, count)
    async with senders(running) as own, BARE[service](running.settings(), phones) as bare:
        ours = _sending(own[service])
        for send in (ours, bare):
            await cost(phones[-2 * AT_ONCE :], send)
        rounds = [(await cost(phones, ours), await cost(phones, bare)) for _ in range(ROUNDS)]
    return _best(ours for ours, _ in rounds), _best(bare for _, bare in rounds)


def _sending(sender: PushSender) -> Send:
    async def send(phone: Phone) -> None:
        with contextlib.suppress(TokenRejectedError):
            await sender.send(phone.address, wakeup())

    return send


def _best(costs: Iterable[Cost]) -> Cost:
    """Return the round in which the machine did the least besides."""
    return min(costs, key=lambda each: each.cpu)
