"""The token by which APNs knows its provider: one for all connections, servers and restarts.

Apple, "Establishing a token-based connection to APNs": no older than an hour, and no newer one
more often than every 20 minutes, which it counts by team and not by connection.  So the token is a
function of the key and of the time alone: whoever has the key makes the same one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from pairing_server.clock import Clock
from pairing_server.tokens import b64url

#: How long each token is used where it is used from its first minute on.
SLOT = timedelta(minutes=38)
#: A token is first used when it is this old, so that no clock that runs behind ours refuses it.
SETTLED = timedelta(minutes=1)
#: No two tokens follow each other sooner, here or in what they say; one that was first used late
#: is used up to this much longer.
LEAST = timedelta(minutes=20)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COORDINATE = 32


class ProviderKeyError(Exception):
    """The file has no key for APNs; says why, and nothing of what is in it."""


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A key of a team for APNs.

    Attributes:
        key_id: Ten characters, told by Apple with the key.
        team_id: Ten characters, those of the developer account.
    """

    key_id: str
    team_id: str
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def token(self, issued_at: datetime) -> str:
        """Return the token of that second; always the same one."""
        header = {"alg": "ES256", "kid": self.key_id}
        claims = {"iss": self.team_id, "iat": (issued_at - _EPOCH) // timedelta(seconds=1)}
        signed = f"{_segment(header)}.{_segment(claims)}"
        # RFC 6979: the signature, too, depends on nothing else.
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self.key.sign(signed.encode(), algorithm))
        signature = r.to_bytes(_COORDINATE) + s.to_bytes(_COORDINATE)
        return f"{signed}.{b64url(signature)}"


class ProviderToken:
    """Knows the token of the moment, and makes a new one when it is time or APNs says so."""

    def __init__(self, key: ProviderKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._issued_at = _EPOCH
        self._used_at = _EPOCH
        self._token = ""

    def current(self) -> str:
        """Return the token to send."""
        now = self._clock()
        ends = max(self._issued_at + SLOT + SETTLED, self._used_at + LEAST)
        if not self._issued_at - SETTLED <= now < ends:
            regular = slot(now)
            # After one out of turn, the next regular one may be too near to it.
            is_near = abs(regular - self._issued_at) < LEAST
            self._issue(now if is_near else regular, now)
        return self._token

    def renew(self, expired: str) -> bool:
        """Whether there is another token than one that APNs calls expired.

        Whoever asks first makes it; the others, whose requests were under way, find it made.
        Where the last one is too new for another, our clock is what is wrong.
        """
        now = self._clock()
        if expired == self._token and now - self._used_at >= LEAST:
            self._issue(now, now)
        return expired != self._token

    def _issue(self, at: datetime, now: datetime) -> None:
        self._issued_at, self._used_at, self._token = at, now, self._key.token(at)


def slot(now: datetime) -> datetime:
    """Return when the token of a moment was issued: at most 39 minutes ago."""
    return now - SETTLED - (now - SETTLED - _EPOCH) % SLOT


def read_provider_key(file: Path, key_id: str, team_id: str) -> ProviderKey:
    """Read the .p8 file that Apple hands out.

    Raises:
        ProviderKeyError: It cannot be read, or is no such key.
    """
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise ProviderKeyError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        # What the library says of it may quote it.
        raise ProviderKeyError(f"{file} is no private key in PEM without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ProviderKeyError(f"{file} is no key on P-256, as those for APNs are")
    made = ProviderKey(key_id, team_id, key)
    try:
        made.token(_EPOCH)
    except UnsupportedAlgorithm:
        raise ProviderKeyError(
            f"{file} cannot be used: cryptography was built with an OpenSSL before 3.2"
        ) from None
    return made


def _segment(part: Mapping[str, object]) -> str:
    return b64url(json.dumps(part, separators=(",", ":")).encode())
