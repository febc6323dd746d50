"""Which push servers phones may name: those of the browsers, and the operator's."""

import tomllib
from functools import lru_cache
from importlib import resources
from typing import Protocol

import msgspec

from pairing_server.destination import AllowList
from pairing_server.errors import InvalidRequest
from pairing_server.push import PushAddress, PushService
from pairing_server.push.subscription import MalformedSubscriptionError, read_subscription
from pairing_server.settings import Settings


class UnusableSubscription(InvalidRequest):
    """A Web Push subscription that this server cannot or may not push to (RFC 8030 section 5)."""

    code = "unusable_subscription"
    description = (
        "This subscription cannot be pushed to: subscribe again with the vapid_public_key of "
        "GET /phone/credential."
    )


class PushHostNotAllowed(UnusableSubscription):
    """The subscription's push server is none that the operator lets phones name."""

    description = (
        "Its push server is not allowed here: use another one, or ask your administrator to "
        "allow it."
    )


class _Known(msgspec.Struct, forbid_unknown_fields=True):
    hosts: list[str]
    below: list[str]


class GivenAddress(Protocol):
    """A body in which a phone says where it is woken."""

    def address(self) -> PushAddress:
        """Return the address."""


class PushPlaces:
    """Checks addresses when phones give them; the sender checks them again."""

    def __init__(self, allowed: AllowList) -> None:
        self.allowed = allowed

    def checked(self, given: GivenAddress) -> PushAddress:
        """Return the address that a phone gave, as `check`ed."""
        address = given.address()
        self.check(address)
        return address

    def check(self, address: PushAddress) -> None:
        """Check that an address can and may be pushed to; tokens are the platform's to judge.

        Raises:
            PushHostNotAllowed: its host is not on the list.
            UnusableSubscription: it is no subscription.
        """
        if address.service is not PushService.WEBPUSH:
            return
        try:
            subscription = read_subscription(address.address)
        except MalformedSubscriptionError as error:
            raise UnusableSubscription(None, str(error)) from None
        if not self.allowed.allows(subscription.endpoint):
            raise PushHostNotAllowed(None, subscription.origin)


def push_places(settings: Settings) -> PushPlaces:
    """Return the places by the settings."""
    known = _known()
    return PushPlaces(AllowList.of((*known.hosts, *settings.push_hosts)).and_below(known.below))


def known_hosts() -> tuple[str, ...]:
    """Return the browsers' push servers that have one name."""
    return tuple(_known().hosts)


@lru_cache(maxsize=1)
def _known() -> _Known:
    file = resources.files("pairing_server") / "push" / "known_hosts.toml"
    return msgspec.convert(tomllib.loads(file.read_text("utf-8")), _Known)
