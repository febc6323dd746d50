"""The access token that all sends to FCM share: fetched once, renewed ahead, never by two."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

import msgspec
import structlog

from pairing_server.clock import Clock
from pairing_server.destination import AllowList
from pairing_server.egress import Answer
from pairing_server.push import PushFailedError
from pairing_server.push.failure import Failure
from pairing_server.push.post import Post, failed
from pairing_server.push.retry_after import retry_after
from pairing_server.push.service_account import GRANT_TYPE, ServiceAccount

#: Before its end a token is renewed beside the sends, which go on with it.
AHEAD = timedelta(minutes=5)
#: A failure is everybody's for this long: no storm on a service that is in trouble.
PAUSE = timedelta(seconds=1)
#: A token younger than this that is refused is not at fault.
FRESH = timedelta(seconds=60)
_OK, _SERVER_ERROR, _TOO_MANY = 200, 500, 429
#: What a token endpoint may say (RFC 6749 section 5.2), and Google does.
_KNOWN = frozenset(
    {"invalid_grant", "invalid_client", "invalid_scope", "unauthorized_client", "access_denied"}
)
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}

_log = structlog.get_logger("push")


class _Issued(msgspec.Struct):
    access_token: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+$(?!\n)", max_length=4096)]
    expires_in: Annotated[int, msgspec.Meta(ge=1, le=86400)]


class _Refused(msgspec.Struct):
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    """A token by the monotonic clock, which no wrong time of the machine can age."""

    value: str = field(repr=False)
    since: float
    until: float

    def lasts(self, ahead: timedelta, now: float) -> bool:
        """Whether it is of use for that much longer, or for half of its life if that is less."""
        return now < self.until - min(ahead.total_seconds(), (self.until - self.since) / 2)


class AccessTokens:
    """Hands out the token; whoever needs a new one waits for the one request that is made.

    Args:
        clock: By which assertions are signed.
        elapsed: The monotonic clock.
    """

    def __init__(
        self,
        account: ServiceAccount,
        post: Post,
        clock: Clock,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._post = post
        self._clock = clock
        self._elapsed = elapsed
        self._allowed = AllowList().and_urls([account.token_uri])
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None
        self._failed: tuple[float, PushFailedError] | None = None

    async def get(self) -> str:
        """Return a token that is of use.

        Raises:
            PushFailedError: there is none, with what was said about it.
        """
        token, now = self._token, self._elapsed()
        if token is not None and now < token.until:
            if not token.lasts(AHEAD, now) and self._pause(now) is None:
                self._fetch()
            return token.value
        if (lately := self._pause(now)) is not None:
            raise again(lately)
        fetching = self._fetch()
        # Whoever gives up waiting leaves the request to those who do not.
        await asyncio.wait((fetching,))
        if fetching.cancelled():
            raise failed(Failure.DISCONNECTED)
        if isinstance(error := fetching.exception(), PushFailedError):
            raise again(error)
        return fetching.result().value

    def reject(self, value: str) -> bool:
        """Forget a token that FCM refused; whether another try can help."""
        token = self._token
        if token is None or token.value != value:
            return True
        if self._elapsed() - token.since < FRESH.total_seconds():
            return False
        self._token = None
        return True

    async def ask(self) -> Answer:
        """Ask for a token, and return the answer as it is.

        Raises:
            PushFailedError: there is none.
        """
        form = {"grant_type": GRANT_TYPE, "assertion": self._account.assertion(self._clock())}
        body = urlencode(form).encode()
        return await self._post.call(self._account.token_uri, self._allowed, _HEADERS, body)

    async def close(self) -> None:
        """Ask no further."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    def _pause(self, now: float) -> PushFailedError | None:
        """Return what went wrong a moment ago, for as long as it is not tried again."""
        if self._failed is None or now >= self._failed[0]:
            return None
        return self._failed[1]

    def _fetch(self) -> asyncio.Task[_Token]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetched())
            self._fetching.add_done_callback(self._ended)
        return self._fetching

    async def _fetched(self) -> _Token:
        began = self._elapsed()
        answer = await self.ask()
        if answer.status != _OK:
            raise refusal(answer, self._clock)
        try:
            issued = msgspec.json.decode(answer.body, type=_Issued)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise failed(Failure.PROTOCOL) from None
        return _Token(issued.access_token, began, began + issued.expires_in)

    def _ended(self, task: asyncio.Task[_Token]) -> None:
        self._fetching = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._token, self._failed = task.result(), None
        elif isinstance(error, PushFailedError):
            pause = max(error.retry_after or PAUSE, PAUSE).total_seconds()
            self._failed = self._elapsed() + pause, error
            _log.warning("no access token", service="fcm", error=error.code)
        else:
            _log.error("no access token", service="fcm", error=type(error).__name__)


def refusal(answer: Answer, clock: Clock) -> PushFailedError:
    """Return the error of a token endpoint that gave none; its words may quote the assertion."""
    try:
        said = msgspec.json.decode(answer.body, type=_Refused).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = ""
    return PushFailedError(
        said if said in _KNOWN else f"{answer.status}",
        retry_after(answer.headers, clock()),
        retriable=answer.status >= _SERVER_ERROR or answer.status == _TOO_MANY,
    )


def again(error: PushFailedError) -> PushFailedError:
    """Return the same error for another send: one that is raised twice keeps both ways."""
    return PushFailedError(error.code, error.retry_after, retriable=error.retriable)
