"""A key that moves to a new phone: what its QR code says, and what each side hears."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import msgspec

from clients.pairing import Device, Identity
from clients.phone_challenge import details_challenge
from clients.wire import JSONObject, origin_of

_LINK = re.compile(
    r"(?P<base>https?://[^#?\s]+?)/app/#t"
    r"\.(?P<transfer>[A-Za-z0-9_-]{22})\.(?P<secret>[A-Za-z0-9_-]{43})"
)


class TransferEnded(Exception):  # noqa: N818 - what became of the transfer.
    """The transfer was refused or ran out before the new phone was bound."""


@dataclass(frozen=True, slots=True)
class TransferLink:
    """What the QR code on the new phone says."""

    base: str
    transfer: str
    secret: str

    @classmethod
    def parse(cls, link: str) -> Self:
        """Read `<base URL>/app/#t.<transfer id>.<secret>`.

        Raises:
            ValueError: something else, or a server that is reached without TLS.
        """
        match = _LINK.fullmatch(link)
        if match is None:
            raise ValueError("not a transfer link")
        origin_of(match["base"])
        return cls(match["base"], match["transfer"], match["secret"])


class OfferedTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What the new phone shows: `link` as a QR code, and `code` for the old phone's holder."""

    id: str
    link: str
    code: str
    expires_in: int
    qr_svg: str = ""


class ClaimedTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What the old phone shows before its holder types the code."""

    id: str
    device: Device
    nonce: str
    code_length: int
    expires_in: int


class TransferSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How far the transfer is: the first three for the new phone, the others for the old one."""

    status: str
    identity: Identity | None = None
    public_key: JSONObject | None = None
    credential_id: str = ""
    device: Device | None = None
    nonce: str = ""
    code_length: int = 0
    attempts_left: int = 0
    new_credential: str = ""


def transfer_details(
    claimed: ClaimedTransfer, credential: str, new_credential: str, *, revoke: bool, code: str
) -> dict[str, str]:
    """Return what the old phone says of the new one, as it showed it, and the code as typed."""
    return {
        "transfer": claimed.id,
        "credential": credential,
        "new_credential": new_credential,
        "platform": claimed.device.platform,
        "model": claimed.device.model,
        "nonce": claimed.nonce,
        "decision": "approve",
        "revoke": "true" if revoke else "false",
        "code": code,
    }


def transfer_challenge(details: Mapping[str, str]) -> bytes:
    """Compute the 32 bytes by which the old phone lets a new one in."""
    return details_challenge("pairing_server/transfer/v1", details)
