"""What phones send and are sent in more than one call."""

from typing import Annotated, Any, Literal

import msgspec

from pairing_server.keys.ceremony import RegistrationResponse
from pairing_server.push import PushAddress, PushService

#: 32 random bytes in base64url, drawn by the phone.
DeviceToken = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$", max_length=43)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Text = Annotated[str, msgspec.Meta(max_length=100)]
#: Without control and bidirectional characters: people read it to tell phones apart, and
#: PostgreSQL holds no zero character.
Name = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$(?!\n)",
        max_length=100,
    ),
]

#: What a phone is called: something that can be seen, and fits on a screen.
DeviceName = Annotated[
    str,
    msgspec.Meta(
        pattern=(
            r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$(?!\n)"
        ),
        max_length=40,
    ),
]

PushToken = Annotated[str, msgspec.Meta(pattern=r"^[!-~]+$(?!\n)", max_length=4096)]


class SubscriptionKeys(msgspec.Struct):
    """The keys of a PushSubscription (RFC 8291 section 3)."""

    p256dh: Annotated[str, msgspec.Meta(max_length=200)]
    auth: Annotated[str, msgspec.Meta(max_length=200)]


class Subscription(msgspec.Struct):
    """PushSubscriptionJSON (Push API)."""

    endpoint: Annotated[str, msgspec.Meta(max_length=2048)]
    keys: SubscriptionKeys


class ApnsBody(msgspec.Struct, tag_field="service", tag="apns"):
    """Where APNs wakes the phone."""

    token: PushToken
    subscription: None = None

    def address(self) -> PushAddress:
        """Return the address."""
        return PushAddress(PushService.APNS, self.token)


class FcmBody(msgspec.Struct, tag_field="service", tag="fcm"):
    """Where FCM wakes the phone."""

    token: PushToken
    subscription: None = None

    def address(self) -> PushAddress:
        """Return the address."""
        return PushAddress(PushService.FCM, self.token)


class WebPushBody(msgspec.Struct, tag_field="service", tag="webpush"):
    """Where a browser's push service wakes the phone: the subscription as browsers give it."""

    subscription: Subscription
    token: None = None

    def address(self) -> PushAddress:
        """Return the address."""
        subscription = msgspec.json.encode(self.subscription).decode()
        return PushAddress(PushService.WEBPUSH, subscription)


PushBody = ApnsBody | FcmBody | WebPushBody
# A union is a type to msgspec, though not to the type checker.
PUSH: Any = PushBody


CreationOptions = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description="PublicKeyCredentialCreationOptionsJSON (WebAuthn Level 3 section 5.1.8)."
    ),
]


class DeviceBody(msgspec.Struct):
    """What the phone says it is; shown, never believed."""

    platform: Literal["ios", "android", "web", "other"] = "other"
    model: Name = ""
    app_version: Name = ""


class CredentialBody(msgspec.Struct):
    """`POST /phone/pairings/{id}/credential`."""

    credential: RegistrationResponse
    push: PushBody | None = None
