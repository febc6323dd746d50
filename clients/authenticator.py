"""A software WebAuthn authenticator: real P-256 keys and the bytes a browser would send.

Every negative test is one `Twist`: the one thing that this authenticator then does wrongly.
"""

import hashlib
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Self

import cbor2
import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from clients.client_data import ES256, HONEST, NO_FLAGS, Flags, Twist, twisted_client_data
from clients.wire import JSONObject, b64url, b64url_decode


class Attestation(StrEnum):
    """The attestation statement formats that can be made without a manufacturer's key."""

    NONE = "none"
    PACKED = "packed"  # Self attestation, WebAuthn Level 3 section 8.2.


class Unable(Exception):  # noqa: N818 - the authenticator's own word for "not possible".
    """The authenticator has no key for this, already has one, or knows no such algorithm."""


class Credential(msgspec.Struct):
    """One resident key: PKCS#8 in base64url, with what goes out beside its signatures."""

    credential_id: str
    rp_id: str
    user_handle: str
    private_key: str
    sign_count: int = 0

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key, ready to sign."""
        key = serialization.load_der_private_key(b64url_decode(self.private_key), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("not an elliptic curve key")
        return key


class _State(msgspec.Struct, kw_only=True):
    attestation: Attestation
    aaguid: str
    backup: int
    credentials: list[Credential]


class _Entity(msgspec.Struct):
    id: str


class _Parameter(msgspec.Struct):
    alg: int


class _CreationOptions(msgspec.Struct, rename="camel"):
    rp: _Entity
    user: _Entity
    challenge: str
    pub_key_cred_params: list[_Parameter]
    exclude_credentials: list[_Entity] = []


class Authenticator:
    """Keys of one phone; `backup` is the BE and BS flags that its keys carry."""

    def __init__(
        self,
        *,
        attestation: Attestation = Attestation.NONE,
        aaguid: bytes = bytes(16),
        backup: Flags = NO_FLAGS,
    ) -> None:
        self.attestation = attestation
        self.aaguid = aaguid
        self.backup = backup
        self.credentials: list[Credential] = []

    @classmethod
    def from_json(cls, state: object) -> Self:
        """Take up the state that `to_json` gave."""
        read = msgspec.convert(state, _State)
        self = cls(
            attestation=read.attestation,
            aaguid=b64url_decode(read.aaguid),
            backup=Flags(read.backup),
        )
        self.credentials = read.credentials
        return self

    def to_json(self) -> JSONObject:
        """Return everything, the private keys included, as a JSON value."""
        state = _State(
            attestation=self.attestation,
            aaguid=b64url(self.aaguid),
            backup=int(self.backup),
            credentials=self.credentials,
        )
        return msgspec.convert(msgspec.to_builtins(state), JSONObject)

    def create(
        self, options: Mapping[str, object], origin: str, twist: Twist = HONEST
    ) -> JSONObject:
        """Make a key: creation options in, RegistrationResponseJSON out.

        Raises:
            Unable: ES256 is not asked for, or a key of ours is among the excluded.
        """
        asked = msgspec.convert(options, _CreationOptions)
        if ES256 not in [parameter.alg for parameter in asked.pub_key_cred_params]:
            raise Unable("ES256 is not asked for")
        if {c.credential_id for c in self.credentials} & {e.id for e in asked.exclude_credentials}:
            raise Unable("already holds a key for this account")
        key = ec.generate_private_key(ec.SECP256R1())
        made = _credential(key, asked.rp.id, asked.user.id)
        data = self._data(made, Flags.AT, twist) + self._attested(made, key, twist)
        challenge = b64url_decode(asked.challenge)
        client_data = twisted_client_data("webauthn.create", challenge, origin, twist)
        statement: dict[str, object] = {}
        if self.attestation is Attestation.PACKED:
            statement = {"alg": twist.algorithm, "sig": _sign(key, data, client_data, twist)}
        attestation = {"fmt": str(self.attestation), "attStmt": statement, "authData": data}
        self.credentials.append(made)
        return _response(
            made.credential_id,
            clientDataJSON=b64url(client_data),
            attestationObject=b64url(cbor2.dumps(attestation, canonical=True)),
            authenticatorData=b64url(data),
            publicKey=b64url(_spki(key)),
            publicKeyAlgorithm=twist.algorithm,
            transports=["internal"],
        )

    def get(
        self,
        challenge: bytes,
        rp_id: str,
        origin: str,
        twist: Twist = HONEST,
        *,
        credential_id: str = "",
    ) -> JSONObject:
        """Sign a challenge for `rp_id`: an AuthenticationResponseJSON.

        Args:
            credential_id: The key to sign with; the newest one when it is empty.

        Raises:
            Unable: there is no such key.
        """
        held = [
            credential
            for credential in self.credentials
            if credential.rp_id == rp_id and credential_id in {"", credential.credential_id}
        ]
        if not held:
            raise Unable("no key for this relying party")
        used = held[-1]
        used.sign_count += 1
        data = self._data(used, NO_FLAGS, twist)
        client_data = twisted_client_data("webauthn.get", challenge, origin, twist)
        return _response(
            used.credential_id,
            clientDataJSON=b64url(client_data),
            authenticatorData=b64url(data),
            signature=b64url(_sign(used.key, data, client_data, twist)),
            userHandle=used.user_handle,
        )

    def keep_only(self, credential_id: str) -> None:
        """Forget all keys but one.

        Raises:
            Unable: that one is not here; nothing is forgotten then.
        """
        kept = [each for each in self.credentials if each.credential_id == credential_id]
        if not kept:
            raise Unable("no such key")
        self.credentials = kept

    def _data(self, credential: Credential, extra: Flags, twist: Twist) -> bytes:
        """Compose authenticator data up to the sign count (WebAuthn Level 3 section 6.1)."""
        rp_id = credential.rp_id if twist.rp_id is None else twist.rp_id
        count = credential.sign_count if twist.sign_count is None else twist.sign_count
        flags = (Flags.UP | Flags.UV | self.backup | extra | twist.set_flags) & ~twist.clear_flags
        digest = hashlib.sha256(rp_id.encode()).digest()
        return digest + bytes([int(flags)]) + count.to_bytes(4, "big")

    def _attested(
        self, credential: Credential, key: ec.EllipticCurvePrivateKey, twist: Twist
    ) -> bytes:
        """Compose attested credential data (WebAuthn Level 3 section 6.5.1)."""
        point = key.public_key().public_numbers()
        cose = {
            1: 2,
            3: twist.algorithm,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        identifier = b64url_decode(credential.credential_id)
        length = len(identifier).to_bytes(2, "big")
        return self.aaguid + length + identifier + cbor2.dumps(cose, canonical=True)


def _sign(key: ec.EllipticCurvePrivateKey, data: bytes, client_data: bytes, twist: Twist) -> bytes:
    """Sign; a spoilt signature is a well-formed one of the same key over other bytes."""
    signed = data + hashlib.sha256(client_data).digest()
    return key.sign(signed + b"\0" * twist.spoil_signature, ec.ECDSA(hashes.SHA256()))


def _credential(key: ec.EllipticCurvePrivateKey, rp_id: str, user_handle: str) -> Credential:
    pkcs8 = key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Credential(_draw_id(), rp_id, user_handle, b64url(pkcs8))


def _spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _response(credential_id: str, **response: object) -> JSONObject:
    return {
        "id": credential_id,
        "rawId": credential_id,
        "type": "public-key",
        "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": response,
    }


def _draw_id() -> str:
    """Draw an identifier by whose beginning it can be named in a command, as no option can."""
    drawn = "-"
    while drawn.startswith("-"):
        drawn = b64url(secrets.token_bytes(32))
    return drawn
