"""Posting a wake-up over HTTPS: what FCM and Web Push have in common."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from pairing_server.destination import AllowList, EgressError, Reason
from pairing_server.egress import Answer, Call, Egress
from pairing_server.egress_pool import EgressPool
from pairing_server.push import PushFailedError
from pairing_server.push.failure import Failure

SEND_DEADLINE = timedelta(seconds=5)
#: Sends under way, those that wait for a connection included.
MOST = 2000
#: An error of FCM has less than 1 kB.
_LIMIT = 64 * 1024
_FAILURES = {
    Reason.TIMEOUT: Failure.TIMEOUT,
    Reason.DISCONNECTED: Failure.DISCONNECTED,
    Reason.UNREACHABLE: Failure.UNREACHABLE,
    Reason.UNRESOLVED: Failure.UNREACHABLE,
    Reason.TLS: Failure.TLS,
    Reason.PROXY: Failure.PROXY,
    Reason.URL: Failure.FORBIDDEN,
    Reason.PLAIN_HTTP: Failure.FORBIDDEN,
    Reason.HOST: Failure.FORBIDDEN,
    Reason.ADDRESS: Failure.FORBIDDEN,
}
#: What may be another time around.
_MAY_PASS = frozenset(
    {Failure.TIMEOUT, Failure.DISCONNECTED, Failure.UNREACHABLE, Failure.PROXY, Failure.BUSY}
)


class Post:
    """Calls push services, with as many sends at once as may be and no more.

    Args:
        egress: Nobody else's: it is closed with this.
        deadline: Of each send.
        most: Sends that may be under way; the next one fails at once.
    """

    def __init__(
        self, egress: Egress, deadline: timedelta = SEND_DEADLINE, most: int = MOST
    ) -> None:
        self._egress = egress
        self._pool = EgressPool(egress)
        self._deadline = deadline
        self._most = most
        self._under_way = 0

    async def close(self) -> None:
        """Give up the connections; sends under way fail."""
        await self._pool.close()
        self._egress.close()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Count a send, and end it at the deadline, whatever it is made of.

        Raises:
            PushFailedError: `busy` at once, or `timeout`.
        """
        if self._under_way >= self._most:
            raise failed(Failure.BUSY)
        self._under_way += 1
        try:
            async with asyncio.timeout(self._deadline.total_seconds()):
                yield
        except TimeoutError:
            raise failed(Failure.TIMEOUT) from None
        finally:
            self._under_way -= 1

    async def call(
        self,
        url: str,
        allowed: AllowList,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """Post a body, or get what there is.

        Raises:
            PushFailedError: with a `Failure`; whatever is answered is no failure here.
        """
        method = "GET" if body is None else "POST"
        call = Call(url, _LIMIT, self._deadline, method, body, headers or {})
        try:
            return await self._pool.send(call, allowed)
        except EgressError as error:
            reason = error.reason
        raise failed(_FAILURES.get(reason, Failure.PROTOCOL))


def failed(failure: Failure) -> PushFailedError:
    """Return the error of a failure on the way."""
    return PushFailedError(failure, retriable=failure in _MAY_PASS)
