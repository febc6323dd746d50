"""The phone's side of a pairing: what its QR code says, and what the server offers for it."""

import re
from dataclasses import dataclass
from typing import Self

import msgspec

from clients.wire import JSONObject, origin_of

_LINK = re.compile(
    r"(?P<base>https?://[^#?\s]+?)/app/#p"
    r"\.(?P<pairing>[A-Za-z0-9_-]{22})\.(?P<secret>[A-Za-z0-9_-]{43})"
)


class PairingEnded(Exception):  # noqa: N818 - what became of the pairing.
    """The pairing was refused or ran out before the page confirmed it."""


@dataclass(frozen=True, slots=True)
class PairingLink:
    """What the QR code of a pairing says."""

    base: str
    pairing: str
    secret: str

    @classmethod
    def parse(cls, link: str) -> Self:
        """Read `<base URL>/app/#p.<pairing id>.<secret>`.

        Raises:
            ValueError: something else, or a server that is reached without TLS.
        """
        match = _LINK.fullmatch(link)
        if match is None:
            raise ValueError("not a pairing link")
        origin_of(match["base"])
        return cls(match["base"], match["pairing"], match["secret"])


class Device(msgspec.Struct, frozen=True):
    """What the phone tells of itself."""

    platform: str = "other"
    model: str = "software phone"
    app_version: str = "1"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the phone is about to be bound to, for its screen."""

    name: str = ""
    uzi_number: str = ""
    role: str = ""
    organisation: str = ""
    ura: str = ""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a scan: show `identity` and `check_number` before making the key."""

    identity: Identity
    check_number: str
    public_key: JSONObject
    expires_in: int
    pairing: str = ""


class PairingStatus(msgspec.Struct, frozen=True):
    """How far the pairing is; `credential_id` once it is paired."""

    status: str
    credential_id: str = ""
