"""What is pushed to a browser, and what its push service's answers mean (RFC 8030)."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from pairing_server.push import PushFailedError, TokenRejectedError, Wakeup
from pairing_server.push.retry_after import retry_after

#: The longest that push services keep a message, some of them.
LONGEST = timedelta(weeks=4)
#: To which each content is padded, so that no length tells what it is.
PADDED = 128
#: Sections 5 and 5.3; some say 200 or 202.
_ACCEPTED = frozenset({200, 201, 202})
#: Section 7.3: there is no such subscription, or none any more.
_DEAD = frozenset({404, 410})
_TOO_MANY, _SERVER_ERROR = 429, 500


def content(wakeup: Wakeup) -> bytes:
    """Write what the phone's app gets: the tag, too, by which it replaces its notification."""
    return msgspec.json.encode({"id": wakeup.id, "kind": wakeup.kind.value, "tag": wakeup.tag})


def headers(wakeup: Wakeup, now: datetime) -> dict[str, str]:
    """Write how the push service is to treat it (RFC 8030 section 5)."""
    left = min(max(wakeup.expires_at - now, timedelta(0)), LONGEST)
    written = {
        "TTL": f"{math.ceil(left.total_seconds())}",
        "Urgency": "high",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
    }
    if wakeup.tag:
        # What waits under the same topic is replaced (section 5.4).
        written["Topic"] = wakeup.tag
    return written


def examine(status: int, answered: Mapping[str, str], now: datetime) -> None:
    """Return if the push service took the message.

    Args:
        answered: The header fields of the answer.

    Raises:
        PushFailedError: it did not.
        TokenRejectedError: the subscription is dead.
    """
    if status in _ACCEPTED:
        return
    if status in _DEAD:
        raise TokenRejectedError(f"{status}")
    raise PushFailedError(
        f"{status}",
        retry_after(answered, now),
        retriable=status >= _SERVER_ERROR or status == _TOO_MANY,
    )
