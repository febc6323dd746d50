"""Rules of what a XIS asks: where it opens a session, and what is to be signed there."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec

from pairing_server.errors import InvalidRequest
from pairing_server.oidc import backchannel
from pairing_server.oidc.backchannel import RequestContext
from pairing_server.oidc.refusals import InvalidBindingMessage
from pairing_server.registry.clients import Client

T = TypeVar("T")

#: FIPS 180-4; SHA-1, which ZORG-ID's own clients still offer, has collisions that are for sale.
ALGORITHMS = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}
#: What `Data` holds: a hash by default, or with one of these a token to be hashed here.
PROFILES = frozenset({"", "token-1", "token-2"})
MOST = 10

Short = Annotated[str, msgspec.Meta(max_length=100)]


class OpenBody(msgspec.Struct):
    """Where a session is opened; all of it may be absent."""

    ura: str | None = None
    workstationid: Short = ""
    workstation: Short = ""
    location: Short = ""


class Entry(msgspec.Struct):
    """One hash or token."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    data: Annotated[str, msgspec.Meta(min_length=1)]


class TransactionBody(msgspec.Struct):
    """What is to be signed, all of it by one approval."""

    sessionid: Annotated[str, msgspec.Meta(max_length=100)]
    hashalgorithm: str
    entries: Annotated[list[Entry], msgspec.Meta(min_length=1, max_length=MOST)]
    profile: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """A session to be opened."""

    ura: str
    context: RequestContext


@dataclass(frozen=True, slots=True)
class Signing:
    """What a person is to sign.

    Attributes:
        message: What the person reads.
        hashes: By the client's own identifiers, as `sha-256:<hex>`.
    """

    session_id: str
    message: str
    hashes: dict[str, str]

    @property
    def signed(self) -> str:
        """All hashes in one text, in the order in which they were sent."""
        return " ".join(self.hashes.values())


def opening(body: Mapping[str, Any], client: Client) -> Opening:
    """Read where a session is opened.

    Raises:
        InvalidRequest: it cannot be read or shown, or is for another organisation.
    """
    read = _read(body, OpenBody)
    place = {
        "workstation_id": read.workstationid,
        "workstation": read.workstation,
        "location": read.location,
    }
    context = backchannel.context_of(msgspec.json.encode(place).decode())
    return Opening(backchannel.ura_of(read.ura, client), context)


def signing(body: Mapping[str, Any]) -> Signing:
    """Read what is to be signed.

    Raises:
        InvalidRequest: it cannot be read, or not be shown, or its algorithm is not taken.
    """
    lowered = {**body, "entries": [_lowered(entry) for entry in _entries(body)]}
    read = _read(lowered, TransactionBody)
    if read.profile not in PROFILES:
        raise InvalidRequest("profile is token-1 or token-2, or absent where entries are hashes.")
    algorithm = read.hashalgorithm.lower()
    if algorithm not in ALGORITHMS:
        raise InvalidRequest("hashAlgorithm is sha-256, sha-384 or sha-512.")
    hashes = {
        entry.id: f"{algorithm}:{_digest(entry.data, algorithm, read.profile).hex()}"
        for entry in read.entries
    }
    if len(hashes) != len(read.entries):
        raise InvalidRequest("An id stands there twice.")
    return Signing(read.sessionid, _message(read), hashes)


def lowered(body: Any) -> Mapping[str, Any]:
    """Return a body with the names of its members in small letters: its software writes both.

    Raises:
        InvalidRequest: it is no object.
    """
    if not isinstance(body, dict):
        raise InvalidRequest("The body is a JSON object.")
    return _lowered(body)


def _lowered(body: Any) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in body.items()}


def _entries(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = body.get("entries")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidRequest("entries is a list of objects with id and data.")
    return entries


def _read(body: Mapping[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest("A member is missing, of another type or too long.") from error


def _digest(data: str, algorithm: str, profile: str) -> bytes:
    if profile:
        return ALGORITHMS[algorithm](data.encode()).digest()
    size = ALGORITHMS[algorithm]().digest_size
    try:
        is_hex = len(data) == 2 * size
        digest = bytes.fromhex(data) if is_hex else base64.b64decode(data, validate=True)
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest("data is a hash in hexadecimal or in padded base64.") from error
    if len(digest) != size:
        raise InvalidRequest("data is not as long as a hash of this algorithm.")
    return digest


def _message(read: TransactionBody) -> str:
    if not read.text:
        return read.profile or "hash"
    try:
        bound = backchannel.binding(read.text, 1)
    except InvalidBindingMessage as error:
        raise InvalidRequest("text has up to 100 characters that can be shown.") from error
    if bound.code is not None:
        raise InvalidRequest("text says in words what is signed.")
    return bound.message
