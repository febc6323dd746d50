"""The phone's calls about itself (design sections 5 and 6), and the public key set."""

import msgspec
from aiohttp import web

from pairing_server.errors import Conflict, Expired, NotFound
from pairing_server.http import answer, bearer, json_body, route_table
from pairing_server.keys.bodies import PUSH, DeviceToken, Identifier, PushBody
from pairing_server.keys.ceremony import AuthenticationResponse
from pairing_server.keys.flow import PhoneFlow
from pairing_server.keys.refusals import InvalidAssertion, MalformedDeviceToken, PhoneBlocked
from pairing_server.keys.signing import JWKS_LIFETIME, SigningKeys
from pairing_server.openapi import Caller, Operation
from pairing_server.push.places import PushPlaces, UnusableSubscription
from pairing_server.tokens import Random, new_secret


class UnbindBody(msgspec.Struct):
    """`DELETE /phone/credential`."""

    assertion: AuthenticationResponse


class DeviceTokenBody(msgspec.Struct):
    """`POST /phone/device-token`."""

    device_token: DeviceToken


class TokenBody(msgspec.Struct):
    """`POST /phone/token`; the phone may send the token that it drew, else the server draws it."""

    id: Identifier
    assertion: AuthenticationResponse
    device_token: DeviceToken | None = None


class Challenge(msgspec.Struct):
    """What a phone that lost its device token signs, base64url; for two minutes."""

    id: str
    challenge: str


class ReplacedToken(msgspec.Struct):
    """The device token from now on."""

    device_token: str


class PhoneRoutes:
    """Calls of a bound phone."""

    def __init__(self, flow: PhoneFlow, random: Random, places: PushPlaces) -> None:
        self._flow = flow
        self._random = random
        self._places = places

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return route_table(self.operations())

    def operations(self) -> list[Operation]:
        """Describe the calls."""
        return [
            Operation(
                "DELETE",
                "/phone/credential",
                self.unbind,
                body=UnbindBody,
                refusals=(InvalidAssertion,),
            ),
            Operation(
                "PUT",
                "/phone/push",
                self.set_push,
                body=PUSH,
                refusals=(UnusableSubscription,),
            ),
            Operation("DELETE", "/phone/push", self.forget_push),
            Operation(
                "POST",
                "/phone/device-token",
                self.announce_device_token,
                body=DeviceTokenBody,
                refusals=(Conflict,),
            ),
            Operation(
                "POST",
                "/phone/token/challenge",
                self.challenge_for_token,
                caller=Caller.ANYBODY,
                responses={200: Challenge},
            ),
            Operation(
                "POST",
                "/phone/token",
                self.replace_device_token,
                caller=Caller.ANYBODY,
                body=TokenBody,
                responses={200: ReplacedToken},
                refusals=(Expired, InvalidAssertion, NotFound, PhoneBlocked),
            ),
        ]

    async def unbind(self, request: web.Request) -> web.Response:
        """Revoke the phone's own key."""
        phone = await self._flow.authenticate(bearer(request))
        body = await json_body(request, UnbindBody)
        await self._flow.unbind(phone, body.assertion)
        return answer(status=204)

    async def set_push(self, request: web.Request) -> web.Response:
        """Take a new push address."""
        phone = await self._flow.authenticate(bearer(request))
        body: PushBody = await json_body(request, PUSH)
        address = self._places.checked(body)
        await self._flow.set_push(phone, address.service, address.address)
        return answer(status=204)

    async def forget_push(self, request: web.Request) -> web.Response:
        """Wake the phone no more."""
        phone = await self._flow.authenticate(bearer(request))
        await self._flow.set_push(phone, None, None)
        return answer(status=204)

    async def announce_device_token(self, request: web.Request) -> web.Response:
        """Take the token that is to follow this one."""
        phone = await self._flow.authenticate(bearer(request))
        body = await json_body(request, DeviceTokenBody)
        await self._flow.announce_device_token(phone, body.device_token)
        return answer(status=204)

    async def challenge_for_token(self, request: web.Request) -> web.Response:
        """Draw a challenge for a phone that lost its device token."""
        _ = request
        identifier, challenge = await self._flow.challenge_for_token()
        return answer(Challenge(identifier, challenge))

    async def replace_device_token(self, request: web.Request) -> web.Response:
        """Give a phone a new device token by its key's signature."""
        body = await json_body(request, TokenBody)
        token = body.device_token or new_secret(self._random)
        await self._flow.replace_device_token(body.id, body.assertion, token)
        return answer(ReplacedToken(token))


class KeySetRoutes:
    """The public key set."""

    def __init__(self, keys: SigningKeys) -> None:
        self._keys = keys

    def table(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/jwks.json", self.jwks)]

    async def jwks(self, request: web.Request) -> web.Response:
        """Publish the keys (RFC 7517), for as long as one may rely on them."""
        _ = request
        lifetime = int(JWKS_LIFETIME.total_seconds())
        headers = {"Cache-Control": f"public, max-age={lifetime}"}
        return answer(await self._keys.jwks(), headers=headers)


def drawn_token(request: web.Request) -> str:
    """Return the token that the phone drew, which need not be bound yet.

    Raises:
        MalformedDeviceToken: it is not 32 bytes in base64url, so it cannot have been drawn well.
        Unauthenticated: there is none.
    """
    token = bearer(request)
    try:
        return msgspec.convert(token, DeviceToken)
    except msgspec.ValidationError as error:
        raise MalformedDeviceToken from error
