"""Rules of the certificates that come with a client's keys (RFC 7517 section 4.7): how long.

No login depends on them: a key is believed because it was registered.  But a client whose
certificate is over may sign no more, or with another key that nobody here was told of.
"""

import base64
from collections.abc import Iterable
from datetime import datetime

import jwt
from cryptography import x509

from pairing_server.oidc.client_keys import Jwk, algorithms_of
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.uzi.certificate import UNREADABLE


def last_until(keys: Iterable[Jwk]) -> datetime | None:
    """Return until when any of a client's keys has a certificate that is valid.

    Returns:
        Nothing where that is not known of one of them: by that key it may go on.
    """
    ends = [_valid_until(key) for key in keys if algorithms_of(key, tuple(Algorithm))]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _valid_until(key: Jwk) -> datetime | None:
    """Return how long the certificate of a key is valid, if it has one of its own."""
    match key.get("x5c"):
        case [str(written), *_]:
            pass
        case _:
            return None
    try:
        # Padded and in the alphabet with `+` and `/`, as nothing else in a key is.
        der = base64.b64decode(written, validate=True)
        certificate = x509.load_der_x509_certificate(der)
        is_its_own = certificate.public_key() == jwt.PyJWK({**key}).key
    except (*UNREADABLE, jwt.PyJWTError):
        return None
    return certificate.not_valid_after_utc if is_its_own else None
