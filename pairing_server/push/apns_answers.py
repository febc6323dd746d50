"""What APNs answers, and what follows from it: Apple's table as data.

Source: Apple, "Handling notification responses from APNs", tables 2 and 3, with the advice beside
them: which reasons are never sent again, and which may be.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from pairing_server.push import PushFailedError, TokenRejectedError
from pairing_server.push.retry_after import retry_after

OK = 200
FORBIDDEN = 403
_SERVER_ERROR = range(500, 600)
#: An answer that is longer is none of Apple's.
MOST_OF_BODY = 4096


class Verdict(Enum):
    """What an answer says of the address."""

    #: The token is dead: the channel is closed.
    DEAD = "dead"
    #: The token is dead, or all of them are at the wrong environment: see `judge`.
    DEAD_IF_OTHERS_LIVE = "dead if others live"
    #: The wake-up failed, and would again: ours to mend.
    FAILED = "failed"
    #: The wake-up failed and may not, sent once more.
    PASSING = "passing"


#: By `reason`.  What is not here closes no channel.
VERDICTS: Mapping[str, Verdict] = {
    # 400
    "BadCollapseId": Verdict.FAILED,
    "BadDeviceToken": Verdict.DEAD_IF_OTHERS_LIVE,
    "BadExpirationDate": Verdict.FAILED,
    "BadMessageId": Verdict.FAILED,
    "BadPriority": Verdict.FAILED,
    "BadTopic": Verdict.FAILED,
    # The phone's token, or our topic; a mistyped topic must not close every channel.
    "DeviceTokenNotForTopic": Verdict.FAILED,
    "DuplicateHeaders": Verdict.FAILED,
    "IdleTimeout": Verdict.PASSING,
    "InvalidPushType": Verdict.FAILED,
    "MissingDeviceToken": Verdict.FAILED,
    "MissingTopic": Verdict.FAILED,
    "PayloadEmpty": Verdict.FAILED,
    "TopicDisallowed": Verdict.FAILED,
    # 403
    "BadCertificate": Verdict.FAILED,
    "BadCertificateEnvironment": Verdict.FAILED,
    "BadEnvironmentKeyIdInToken": Verdict.FAILED,
    "BadEnvironmentKeyInToken": Verdict.FAILED,
    "ExpiredProviderToken": Verdict.FAILED,
    "Forbidden": Verdict.FAILED,
    "InvalidProviderToken": Verdict.FAILED,
    "MissingProviderToken": Verdict.FAILED,
    "UnrelatedKeyIdInToken": Verdict.FAILED,
    # 404, 405
    "BadPath": Verdict.FAILED,
    "MethodNotAllowed": Verdict.FAILED,
    # 410
    "ExpiredToken": Verdict.DEAD,
    "Unregistered": Verdict.DEAD,
    # 413
    "PayloadTooLarge": Verdict.FAILED,
    # 429: of one phone too many, or of our tokens; to send at once makes it worse.
    "TooManyProviderTokenUpdates": Verdict.FAILED,
    "TooManyRequests": Verdict.FAILED,
    # 500, 503
    "InternalServerError": Verdict.PASSING,
    "ServiceUnavailable": Verdict.PASSING,
    "Shutdown": Verdict.PASSING,
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of APNs."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The reason if it is a documented one, else the status: no text of anybody's."""
        reason = _reason(self.body)
        return reason if reason is not None and reason in VERDICTS else str(self.status)


def is_expired(reply: Reply) -> bool:
    """Whether our token is too old, and nothing was done for it."""
    return reply.status == FORBIDDEN and reply.code == "ExpiredProviderToken"


def judge(reply: Reply, now: datetime, *, others_live: bool) -> None:
    """Return if the wake-up was accepted.

    Args:
        others_live: Whether a token was accepted since the start.  If none was, `BadDeviceToken`
            may as well mean that the environment is the wrong one, for all phones.

    Raises:
        TokenRejectedError: the token is dead.
        PushFailedError: anything else.
    """
    if reply.status == OK:
        return
    code = reply.code
    verdict = VERDICTS.get(code)
    if verdict is Verdict.DEAD or (verdict is Verdict.DEAD_IF_OTHERS_LIVE and others_live):
        raise TokenRejectedError(code)
    passing = verdict is Verdict.PASSING or (verdict is None and reply.status in _SERVER_ERROR)
    raise PushFailedError(code, retry_after(reply.headers, now), retriable=passing)


def _reason(body: bytes) -> str | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    reason = said.get("reason") if isinstance(said, dict) else None
    return reason if isinstance(reason, str) else None
