"""What Android's key store says of a key: KeyDescription, in the attestation certificate.

Schema: https://source.android.com/docs/security/features/keystore/attestation#schema
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from pairing_server.keys.attestation import der

#: Numbers of the tags of an AuthorizationList that are asked for.
PURPOSE, ALL_APPLICATIONS, ORIGIN, ROOT_OF_TRUST = (
    (der.CONTEXT, number) for number in (1, 600, 702, 704)
)
_FORM: Final = [
    der.INTEGER, der.ENUMERATED, der.INTEGER, der.ENUMERATED,
    der.OCTET_STRING, der.OCTET_STRING, der.SEQUENCE, der.SEQUENCE,
]  # fmt: skip
_ROOT_OF_TRUST_FORM: Final = [der.OCTET_STRING, der.BOOLEAN, der.ENUMERATED]
_TRUE: Final = b"\xff"


class SecurityLevel(IntEnum):
    """Where a key lives, or where an attestation was made."""

    SOFTWARE = 0
    TRUSTED_ENVIRONMENT = 1
    STRONG_BOX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationList:
    """What a part of the device enforces for a key.

    Attributes:
        device_locked: Whether only the maker's system starts, as far as this part knows.
    """

    purposes: frozenset[int] = frozenset()
    all_applications: bool = False
    origin: int | None = None
    device_locked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDescription:
    """The description.

    Attributes:
        level: The lower of where the key lives and where the attestation was made.
        software: What Android's own software enforces.
        hardware: What the trusted environment enforces.
    """

    level: SecurityLevel
    challenge: bytes
    software: AuthorizationList
    hardware: AuthorizationList


def read_key_description(data: bytes) -> KeyDescription:
    """Read the value of the extension.

    Raises:
        ValueError: it is none.
    """
    found = list(der.elements(der.only(data, der.SEQUENCE)))
    if [element.tag for element in found] != _FORM:
        raise ValueError("key description of another form")
    attestation_level, key_level = (
        SecurityLevel(der.integer(found[place].contents)) for place in (1, 3)
    )
    return KeyDescription(
        level=min(attestation_level, key_level),
        challenge=found[4].contents,
        software=_authorization_list(found[6].contents),
        hardware=_authorization_list(found[7].contents),
    )


def _authorization_list(contents: bytes) -> AuthorizationList:
    found = {element.tag: element.contents for element in der.elements(contents)}
    purposes, origin, root = (found.get(tag) for tag in (PURPOSE, ORIGIN, ROOT_OF_TRUST))
    return AuthorizationList(
        purposes=frozenset() if purposes is None else _integers(der.only(purposes, der.SET)),
        all_applications=ALL_APPLICATIONS in found,
        origin=None if origin is None else der.integer(der.only(origin, der.INTEGER)),
        device_locked=root is not None and _is_locked(der.only(root, der.SEQUENCE)),
    )


def _integers(contents: bytes) -> frozenset[int]:
    found = list(der.elements(contents))
    if any(element.tag != der.INTEGER for element in found):
        raise ValueError("key description of another form")
    return frozenset(der.integer(element.contents) for element in found)


def _is_locked(contents: bytes) -> bool:
    found = list(der.elements(contents))
    # Of the first versions on; the hash of what was started is of later ones.
    if [element.tag for element in found[:3]] != _ROOT_OF_TRUST_FORM:
        raise ValueError("root of trust of another form")
    return found[1].contents == _TRUE
