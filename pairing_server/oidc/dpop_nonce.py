"""Rules of the nonces that DPoP proofs may have to have (RFC 9449 section 8).

A nonce is made of the time and of a key that all nodes have: nothing is kept of those given out.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from pairing_server.clock import to_milliseconds
from pairing_server.tokens import b64url

#: A nonce counts in the period in which it was given, and in the next one.
PERIOD = timedelta(minutes=1)


def nonce(key: bytes, client_id: str, now: datetime) -> str:
    """Return the nonce that a client is to have in its next proof."""
    return _of_period(key, client_id, _period(now))


def is_current(key: bytes, client_id: str, shown: object, now: datetime) -> bool:
    """Whether a proof has a nonce that this client was given just now."""
    period = _period(now)
    if not isinstance(shown, str) or not shown.isascii():
        return False
    return any(
        hmac.compare_digest(shown, _of_period(key, client_id, each))
        for each in (period, period - 1)
    )


def _period(now: datetime) -> int:
    return to_milliseconds(now) // (PERIOD // timedelta(milliseconds=1))


def _of_period(key: bytes, client_id: str, period: int) -> str:
    message = f"{period}\n{client_id}".encode()
    return b64url(hmac.new(key, message, hashlib.sha256).digest())
