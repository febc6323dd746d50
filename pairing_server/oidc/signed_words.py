"""What is signed: by the client its request and its hint, by us an earlier ID token."""

from collections.abc import Mapping
from typing import Any

import jwt

from pairing_server.errors import InvalidRequest
from pairing_server.keys.signing import SigningKeys
from pairing_server.oidc import hints, request_object
from pairing_server.oidc.client_key_sets import ClientKeySets
from pairing_server.oidc.client_keys import UnverifiedError, verified
from pairing_server.oidc.client_policy import Profile, policy_of
from pairing_server.oidc.hints import Hint
from pairing_server.ports import Ports
from pairing_server.registry.client_metadata import Algorithm
from pairing_server.registry.clients import Client
from pairing_server.tokens import digest

#: An ID token's, and of nothing else that we sign.
_TYPE = "JWT"


class SignedWords:
    """Verifies, then reads."""

    def __init__(
        self, ports: Ports, keys: SigningKeys, key_sets: ClientKeySets, issuer: str
    ) -> None:
        self._store = ports.store
        self._clock = ports.clock
        self._keys = keys
        self._key_sets = key_sets
        self._issuer = issuer

    async def form(self, form: Mapping[str, str], client: Client) -> Mapping[str, str]:
        """Return the parameters of a request: those that the client signed, if it did.

        Raises:
            Unavailable: the client's keys cannot be fetched.
            InvalidRequest: it did not and has to, others stand beside them, they are not for here
                and now, or were shown before.
        """
        token = form.get("request")
        if token is None:
            if policy_of(client).profile is Profile.FAPI_CIBA:
                raise InvalidRequest("Send a signed request: this client's profile asks for it.")
            return form
        request_object.check_alone(form)
        if len(token) > request_object.MAX_CHARACTERS:
            raise InvalidRequest("The request is too long.")
        now = self._clock()
        registered = client.metadata.backchannel_authentication_request_signing_alg
        claims = await self._claims("request", token, client, registered)
        signed = request_object.read(claims, client.id, self._issuer, now)
        # (last) Only what verified may use up a `jti`.
        key = f"request-object:{client.id}:{digest(signed.jti)}"
        kept = signed.expires_at - now + request_object.SKEW
        if not await self._store.create(key, b"", kept):
            raise InvalidRequest("The request's jti was shown before: sign a new one.")
        return signed.form

    async def hint(self, name: str, value: str, client: Client) -> Hint:
        """Return whom a hint means.

        Raises:
            ExpiredLoginHintToken: see there.
            InvalidRequest: it is not signed by whom it has to be, or not for here and now.
        """
        match name:
            case "login_hint_token":
                claims = await self._claims(name, value, client)
                return hints.login_hint_token(claims, client.id, self._issuer, self._clock())
            case "id_token_hint":
                return hints.id_token_hint(await self._our(value), client.id, self._issuer)
            case _:
                return hints.login_hint(value)

    async def _claims(
        self, name: str, token: str, client: Client, only: Algorithm | None = None
    ) -> dict[str, Any]:
        """Return the claims of what the client signed."""
        try:
            return await self._key_sets.verified(token, client, only=only)
        except UnverifiedError as error:
            raise _not_signed(name) from error

    async def _our(self, token: str) -> dict[str, Any]:
        name = "id_token_hint"
        published = (await self._keys.jwks())["keys"]
        try:
            claims = verified(token, published, (Algorithm.ES256,))
        except UnverifiedError as error:
            raise _not_signed(name) from error
        if jwt.get_unverified_header(token).get("typ") != _TYPE:
            raise InvalidRequest(f"The {name} is no ID token of this server.")
        return claims


def _not_signed(name: str) -> InvalidRequest:
    return InvalidRequest(
        f"The {name} is not signed by a key that verifies it, with an algorithm that is taken."
    )
