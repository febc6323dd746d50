"""Rules of what a browser keeps for the login page: values that only this server can have made."""

import hashlib
import hmac

from pairing_server.tokens import b64url

CONTEXT = "pairing_server/login-cookie/v1\n"
_SEPARATOR = "."


def seal(secret: bytes, kind: str, value: str) -> str:
    """Return the value with what shows that it is ours, and of this kind."""
    return f"{value}{_SEPARATOR}{_mac(secret, kind, value)}"


def opened(secret: bytes, kind: str, text: str | None) -> str | None:
    """Return the value, if this server sealed it as that."""
    value, separator, mac = (text or "").rpartition(_SEPARATOR)
    if not separator or not mac.isascii():
        return None
    return value if hmac.compare_digest(mac, _mac(secret, kind, value)) else None


def _mac(secret: bytes, kind: str, value: str) -> str:
    message = f"{CONTEXT}{kind}\n{value}".encode("utf-8", "surrogatepass")
    return b64url(hmac.digest(secret, message, hashlib.sha256))
