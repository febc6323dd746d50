"""A hospital: its people with a phone each, its programs, and what each of them signs."""

import hashlib
import secrets
import time
from dataclasses import dataclass, replace

import cbor2
import jwt
import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bench.push_services import Phone
from bench.push_ward import URA, add_person, credential
from pairing_server.clock import utc_now
from pairing_server.push import PushAddress, PushService
from pairing_server.registry import Registry, Transaction, clients, organisations
from pairing_server.registry.clients import Client, ClientStatus
from pairing_server.registry.credentials import Credential
from pairing_server.registry.organisations import Organisation, OrganisationStatus
from pairing_server.tokens import b64url, digest, new_id

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Of ten minutes that an assertion may last; one is made before the run in which it is shown.
ASSERTION_SECONDS = 570
_ES256 = ec.ECDSA(hashes.SHA256())
#: UP, UV, BE, BS; a count of 0 as synced passkeys have it.
_FLAGS_AND_COUNT = b"\x1d\0\0\0\0"
_NOWHERE = Phone(PushAddress(PushService.FCM, ""), "")
_sorted = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True)
class Program:
    """A program of the hospital's that logs people in."""

    id: str
    key: ec.EllipticCurvePrivateKey

    def assertion(self, issuer: str) -> str:
        """Say who the program is (RFC 7523)."""
        now = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
        }
        return jwt.encode(claims, self.key, "ES256")


@dataclass(frozen=True)
class Holder:
    """A person with a phone."""

    place: int
    credential_id: str
    device_token: str
    key: ec.EllipticCurvePrivateKey

    @property
    def uzi_number(self) -> str:
        """The number on the person's card."""
        return f"{100_000_000 + self.place}"

    def answer(self, origin: str, shown: dict[str, str], code: str) -> bytes:
        """Sign what a phone was shown, with the code that was typed, as a body."""
        told = ("client", "organisation", "ura", "role_code", "workstation", "location")
        details = {name: shown[name] for name in (*told, "message", "nonce", "requested_at")}
        details |= {"auth_request": shown["id"], "decision": "approve", "code": code}
        # All of it is ASCII: in order, this is RFC 8785.
        signed = b"pairing_server/approval/v1\n" + _sorted.encode(details)
        challenge = b64url(hashlib.sha256(signed).digest())
        client_data = (
            f'{{"type":"webauthn.get","challenge":"{challenge}",'
            f'"origin":"{origin}","crossOrigin":false}}'
        ).encode()
        data = _rp_hash(origin) + _FLAGS_AND_COUNT
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), _ES256)
        response = {
            "clientDataJSON": b64url(client_data),
            "authenticatorData": b64url(data),
            "signature": b64url(signature),
        }
        assertion = {
            "id": self.credential_id,
            "rawId": self.credential_id,
            "type": "public-key",
            "response": response,
        }
        body = {"decision": "approve", "code": code, "assertion": assertion}
        return msgspec.json.encode(body)


@dataclass(frozen=True)
class Hospital:
    """Everybody, and every program."""

    programs: list[Program]
    holders: list[Holder]

    async def register(self, registry: Registry) -> None:
        """Write all of it into a registry, in one commit."""
        made = [_credential(holder) for holder in self.holders]

        def everybody(tx: Transaction) -> None:
            organisations.add(tx, _organisation())
            for program in self.programs:
                clients.add(tx, _client(program))
            for holder, each in zip(self.holders, made, strict=True):
                add_person(tx, holder.uzi_number, each)

        await registry.commit(everybody)


def hospital(holders: int, programs: int = 1, first: int = 0) -> Hospital:
    """Make a hospital, with keys of its own for everybody.

    Args:
        first: The number of the first person, behind those of others.
    """
    curve = ec.SECP256R1()
    return Hospital(
        [Program(f"program-{place}", ec.generate_private_key(curve)) for place in range(programs)],
        [
            Holder(
                place,
                new_id(secrets.token_bytes),
                secrets.token_urlsafe(32),
                ec.generate_private_key(curve),
            )
            for place in range(first, first + holders)
        ],
    )


def cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Write a public key as an authenticator does (RFC 9053)."""
    point = key.public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y}, canonical=True)


def _rp_hash(origin: str) -> bytes:
    host = origin.partition("://")[2].partition(":")[0]
    return hashlib.sha256(host.encode()).digest()


def _credential(holder: Holder) -> Credential:
    return replace(
        credential(holder.place, _NOWHERE),
        id=holder.credential_id,
        public_key=cose(holder.key),
        device_token_digest=digest(holder.device_token),
        push_service=None,
        push_address=None,
    )


def _client(program: Program) -> Client:
    jwk = {**ECAlgorithm.to_jwk(program.key.public_key(), as_dict=True), "alg": "ES256"}
    return Client(
        id=program.id,
        name="EHR",
        jwks={"keys": [jwk]},
        uras=(URA,),
        redirect_uris=(),
        policy={},
        status=ClientStatus.ACTIVE,
        created_at=utc_now(),
    )


def _organisation() -> Organisation:
    return Organisation(
        ura=URA, name="Ward", status=OrganisationStatus.ACTIVE, registered_at=utc_now()
    )
