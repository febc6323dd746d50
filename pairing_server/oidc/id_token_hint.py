"""Rules of an ID token that comes back to whoever issued it, as a hint."""

from collections.abc import Sequence
from typing import Any

import jwt

MAX_CHARACTERS = 8192
#: What else this server signs is of other types.
TYPE = "JWT"


def read_own(token: str, keys: Sequence[dict[str, str]], issuer: str) -> dict[str, Any] | None:
    """Return the claims of an ID token that one of the keys signed, however long ago.

    RP-Initiated Logout section 2: an expired one says as well who it was about.
    """
    if not token or len(token) > MAX_CHARACTERS:
        return None
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None
    for each in keys:
        if each.get("kid") != header.get("kid") or header.get("typ") != TYPE:
            continue
        try:
            key = jwt.PyJWK.from_dict(each)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                [key.algorithm_name],
                # Nor when: the clock of the node that issued it may be ahead of this one's.
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                },
                issuer=issuer,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        whole = all(isinstance(claims.get(name), str) for name in ("aud", "sub", "jti"))
        return claims if whole and "auth_time" in claims else None
    return None
