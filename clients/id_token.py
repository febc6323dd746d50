"""What the server's assertion says, and whether it may be believed."""

from collections.abc import Sequence

import jwt
import msgspec

from clients.wire import JSONObject

#: Seconds that two clocks may differ.
LEEWAY = 5
_AUTH_REQ_ID = "urn:openid:params:jwt:claim:auth_req_id"
_REQUIRED = ["iss", "sub", "aud", "exp", "iat"]


class UntrustedToken(Exception):  # noqa: N818 - the token, not the check, is at fault.
    """The ID token is not this server's answer to this request."""


class UnknownKey(UntrustedToken):
    """No key in the set has the token's `kid`; a fresh set may."""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """The claims of a verified ID token; `all` has those beside the named ones too."""

    iss: str
    sub: str
    exp: int
    iat: int
    auth_time: int = 0
    acr: str = ""
    amr: list[str] = []
    uzi_number: str = ""
    ura: str = ""
    organisation_name: str = ""
    role_code: str = ""
    all: JSONObject = {}


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What the token must answer; without `auth_req_id` or `nonce` none was sent.

    Attributes:
        thumbprint: Of the key that it must be bound to (`cnf`, RFC 9449 section 6), if any.
    """

    issuer: str
    client_id: str
    auth_req_id: str = ""
    nonce: str = ""
    thumbprint: str = ""


def verify(token: str, keys: Sequence[JSONObject], expected: Expectation) -> Claims:
    """Check signature and claims (OpenID Connect Core 1.0 section 3.1.3.7, CIBA section 10.3.1).

    Args:
        keys: The JSON Web Keys of the server's set.

    Raises:
        UnknownKey: none of `keys` is the one that the token names.
        UntrustedToken: anything else is not as it must be.
    """
    try:
        key = _key(jwt.get_unverified_header(token).get("kid"), keys)
        claims: JSONObject = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=expected.client_id,
            issuer=expected.issuer,
            leeway=LEEWAY,
            options={"require": _REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise UntrustedToken(str(error)) from error
    if claims["aud"] not in (expected.client_id, [expected.client_id]):
        raise UntrustedToken("more audiences than this client")
    if expected.auth_req_id and claims.get(_AUTH_REQ_ID) != expected.auth_req_id:
        raise UntrustedToken("the answer to another request")
    if expected.nonce and claims.get("nonce") != expected.nonce:
        raise UntrustedToken("another nonce")
    if expected.thumbprint and claims.get("cnf") != {"jkt": expected.thumbprint}:
        raise UntrustedToken("not bound to our key")
    try:
        return msgspec.convert(claims | {"all": claims}, Claims)
    except msgspec.ValidationError as error:
        raise UntrustedToken(str(error)) from error


def _key(kid: object, keys: Sequence[JSONObject]) -> jwt.PyJWK:
    """Find the token's key, and take it for ES256 only whatever token and set say."""
    named = [key for key in keys if kid is not None and key.get("kid") == kid]
    if len(named) != 1:
        raise UnknownKey(f"no key {kid!r}")
    if (named[0].get("kty"), named[0].get("crv")) != ("EC", "P-256"):
        raise UntrustedToken("not an ES256 key")
    return jwt.PyJWK(named[0], algorithm="ES256")
