"""Firebase Cloud Messaging, HTTP v1: wakes Android phones that have Google's services."""

import time
from collections.abc import Callable
from datetime import timedelta

from pairing_server.clock import Clock
from pairing_server.destination import AllowList
from pairing_server.egress import Answer
from pairing_server.push import PushAddress, PushFailedError, PushService, Wakeup, fcm_message
from pairing_server.push.access_token import AccessTokens, refusal
from pairing_server.push.post import Post
from pairing_server.push.retry_after import http_date
from pairing_server.push.service_account import ServiceAccount
from pairing_server.push.words import clock_words, words

#: No phone's: FCM reads it, finds that it is none, and so shows that it would have sent.
_NOBODY = "nobody"
_OK = 200


class FcmSender:
    """Sends data messages to phones.

    Args:
        url: Where FCM listens.
        elapsed: The monotonic clock.
    """

    def __init__(
        self,
        account: ServiceAccount,
        post: Post,
        clock: Clock,
        url: str = "https://fcm.googleapis.com",
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = f"{url}/v1/projects/{account.project_id}/messages:send"
        self._allowed = AllowList().and_urls([url])
        self._tokens = AccessTokens(account, post, clock, elapsed)
        self._post = post
        self._clock = clock

    async def send(self, address: PushAddress, wakeup: Wakeup) -> None:
        """Hand over one wake-up.

        Raises:
            PushFailedError: FCM did not take it.
            TokenRejectedError: the token is dead.
        """
        async with self._post.sending():
            body = fcm_message.message(address.address, wakeup, self._clock())
            answer = await self._send(body)
        fcm_message.examine(answer.status, answer.body, answer.headers, self._clock())

    async def check(self) -> list[str]:
        """Ask for an access token, and have FCM read a message that it does not send."""
        try:
            answer = await self._tokens.ask()
            if off := clock_words(http_date(answer.headers), self._clock()):
                return [off]
            if answer.status != _OK:
                raise refusal(answer, self._clock)
            wakeup = Wakeup("check", self._clock() + timedelta(minutes=1))
            body = fcm_message.message(_NOBODY, wakeup, self._clock(), validate_only=True)
            answer = await self._send(body)
        except PushFailedError as error:
            return [words(PushService.FCM, error.code)]
        if answer.status == _OK or fcm_message.is_about_token(answer.status, answer.body):
            return []
        code = fcm_message.error_code(answer.status, answer.body)
        return [words(PushService.FCM, code)]

    async def close(self) -> None:
        """Give up the connections."""
        await self._tokens.close()
        await self._post.close()

    async def _send(self, body: bytes) -> Answer:
        """Post with a token; with another one, once, if that one is not believed any more."""
        token = await self._tokens.get()
        answer = await self._post_with(token, body)
        believed = answer.status != fcm_message.UNAUTHENTICATED or (
            # The token is fine; what FCM has for another platform is not.
            fcm_message.error_code(answer.status, answer.body) == "THIRD_PARTY_AUTH_ERROR"
        )
        if believed or not self._tokens.reject(token):
            return answer
        return await self._post_with(await self._tokens.get(), body)

    async def _post_with(self, token: str, body: bytes) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return await self._post.call(self._url, self._allowed, headers, body)
