"""Makers of phones: genuine attestations of every kind, each wrong in one thing when asked."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import cbor2
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from clients.client_data import HONEST, Flags, Twist, twisted_client_data
from pairing_server.keys.attestation.roots import CHAINED, AttestationRoots
from pairing_server.keys.ceremony import RegistrationResponse, RelyingParty
from pairing_server.tokens import b64url
from tests.keys.handset import CHALLENGE, ORIGIN, RP

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
FROM, UNTIL = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
MAKER = {NameOID.COUNTRY_NAME: "NL", NameOID.ORGANIZATION_NAME: "Maker"}
AUTHENTICATOR = {
    **MAKER,
    NameOID.ORGANIZATIONAL_UNIT_NAME: "Authenticator Attestation",
    NameOID.COMMON_NAME: "Model 1",
}
NO_AUTHORITY = (x509.BasicConstraints(ca=False, path_length=None), True)


def name(attributes: Mapping[x509.ObjectIdentifier, str]) -> x509.Name:
    """Compose a name."""
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes.items()])


@dataclass
class Authority:
    """A key that issues certificates."""

    key: Key
    certificate: x509.Certificate

    @classmethod
    def root(cls, common_name: str = "Maker root", key: Key | None = None) -> "Authority":
        """Make one that is signed by itself."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        called = {**MAKER, NameOID.COMMON_NAME: common_name}
        return cls(key, issue(called, key, called, key, authority()))

    def issue(
        self,
        subject: Mapping[x509.ObjectIdentifier, str],
        key: Key,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (NO_AUTHORITY,),
        **wrong: Any,
    ) -> x509.Certificate:
        """Issue a certificate."""
        issuer = {one.oid: str(one.value) for one in self.certificate.subject}
        return issue(subject, key, issuer, self.key, extensions, **wrong)

    def below(self, common_name: str = "Maker intermediate", **wrong: Any) -> "Authority":
        """Let another authority issue."""
        key = ec.generate_private_key(ec.SECP256R1())
        called = {**MAKER, NameOID.COMMON_NAME: common_name}
        extensions = wrong.pop("extensions", authority())
        return Authority(key, self.issue(called, key, extensions, **wrong))


def authority(path_length: int | None = None, *, ca: bool = True, may_sign: bool = True) -> Any:
    """Compose the extensions of an authority."""
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=may_sign, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return [(x509.BasicConstraints(ca=ca, path_length=path_length), True), (usage, True)]


def issue(
    subject: Mapping[x509.ObjectIdentifier, str],
    key: Key,
    issuer: Mapping[x509.ObjectIdentifier, str],
    issuer_key: Key,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    *,
    serial: int | None = None,
    digest: hashes.HashAlgorithm | None = None,
    valid: tuple[datetime, datetime] = (FROM, UNTIL),
) -> x509.Certificate:
    """Issue a certificate."""
    builder = (
        x509.CertificateBuilder(name(issuer), name(subject), key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    is_edwards = isinstance(issuer_key, ed25519.Ed25519PrivateKey)
    return builder.sign(issuer_key, None if is_edwards else digest or hashes.SHA256())


def ders(*certificates: x509.Certificate) -> list[bytes]:
    """Return certificates as a statement has them."""
    return [one.public_bytes(Encoding.DER) for one in certificates]


def trusting(
    *roots: Authority | x509.Certificate, called_back: Sequence[int] = ()
) -> RelyingParty:
    """Return a relying party that believes these roots in every format."""
    held = [one.certificate if isinstance(one, Authority) else one for one in roots]
    believed = AttestationRoots(dict.fromkeys(CHAINED, held), frozenset(called_back))
    return RelyingParty(RP.id, RP.origins, lambda: believed)


def sign(key: Key, data: bytes, digest: hashes.HashAlgorithm | None = None) -> bytes:
    """Sign as the key's own algorithm does."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(digest or hashes.SHA256()))
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), digest or hashes.SHA256())
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)


def algorithm(key: Key) -> int:
    """Return the COSE algorithm of a key."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return -7
        case rsa.RSAPrivateKey():
            return -257
        case ed25519.Ed25519PrivateKey():
            return -8


def cose(key: Key) -> dict[int, Any]:
    """Return the public key as COSE has it (RFC 9052)."""
    public = key.public_key()
    match public:
        case ec.EllipticCurvePublicKey():
            point = public.public_numbers()
            x, y = point.x.to_bytes(32), point.y.to_bytes(32)
            return {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        case rsa.RSAPublicKey():
            numbers = public.public_numbers()
            modulus = numbers.n.to_bytes((public.key_size + 7) // 8)
            exponent = numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8)
            return {1: 3, 3: -257, -1: modulus, -2: exponent}
        case _:
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}


@dataclass
class Making:
    """A key that is being made, and what its authenticator says of it."""

    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    aaguid: bytes = bytes(range(16))
    credential_id: bytes = b"c" * 32
    flags: Flags = Flags.UP | Flags.UV | Flags.AT
    extensions: bytes = b""
    twist: Twist = HONEST

    @property
    def client_data(self) -> bytes:
        """The client data, as a browser composes them."""
        return twisted_client_data("webauthn.create", CHALLENGE, ORIGIN, self.twist)

    @property
    def client_data_hash(self) -> bytes:
        """Their SHA-256."""
        return hashlib.sha256(self.client_data).digest()

    @property
    def authenticator_data(self) -> bytes:
        """The authenticator data (WebAuthn Level 3 section 6.1)."""
        rp_id = RP.id if self.twist.rp_id is None else self.twist.rp_id
        flags = (self.flags | self.twist.set_flags) & ~self.twist.clear_flags
        length = len(self.credential_id).to_bytes(2)
        return b"".join(
            (
                hashlib.sha256(rp_id.encode()).digest(), bytes([int(flags)]), bytes(4),
                self.aaguid, length, self.credential_id,
                cbor2.dumps(cose(self.key), canonical=True), self.extensions,
            )
        )  # fmt: skip

    @property
    def signed(self) -> bytes:
        """What formats sign."""
        return self.authenticator_data + self.client_data_hash

    def response(self, kind: str, statement: object) -> RegistrationResponse:
        """Compose what the phone sends."""
        attested = {"fmt": kind, "attStmt": statement, "authData": self.authenticator_data}
        identifier = b64url(self.credential_id)
        body = {
            "id": identifier,
            "rawId": identifier,
            "type": "public-key",
            "response": {
                "clientDataJSON": b64url(self.client_data),
                "attestationObject": b64url(cbor2.dumps(attested, canonical=True)),
            },
        }
        return msgspec.convert(body, RegistrationResponse)
