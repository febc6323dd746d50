"""What an attestation statement speaks of, and who may sign it with what."""

from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pairing_server.keys.attestation.chain import PublicKey, public_key

#: COSE algorithms of statements (RFC 9053, RFC 8812), as `webauthn` knows them too; what hashes
#: with SHA-1 is not among them.
ES256, EDDSA, ES512, RS256, RS384, RS512 = -7, -8, -36, -257, -258, -259
HASHES: Final[dict[int, hashes.HashAlgorithm]] = {
    ES256: hashes.SHA256(),
    ES512: hashes.SHA512(),
    RS256: hashes.SHA256(),
    RS384: hashes.SHA384(),
    RS512: hashes.SHA512(),
}
_EC, _RSA = (ES256, ES512), (RS256, RS384, RS512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is attested (WebAuthn Level 3 section 6.5).

    Attributes:
        authenticator_data: As signed, flags and public key included.
        client_data_hash: SHA-256 of the client data.
        aaguid: 16 bytes that name the authenticator's model.
        public_key: The new key.
    """

    authenticator_data: bytes
    client_data_hash: bytes
    aaguid: bytes
    public_key: PublicKey

    @property
    def signed(self) -> bytes:
        """What formats sign or hash: both, one behind the other."""
        return self.authenticator_data + self.client_data_hash


def require_signature(
    certificate: x509.Certificate, algorithm: int, signature: bytes, data: bytes
) -> None:
    """Require that the certificate's key signed.

    Raises:
        ValueError: it did not, or the algorithm is not the key's.
    """
    key = public_key(certificate)
    try:
        match key:
            case ec.EllipticCurvePublicKey() if algorithm in _EC:
                key.verify(signature, data, ec.ECDSA(HASHES[algorithm]))
            case rsa.RSAPublicKey() if algorithm in _RSA:
                key.verify(signature, data, padding.PKCS1v15(), HASHES[algorithm])
            case ed25519.Ed25519PublicKey() if algorithm == EDDSA:
                key.verify(signature, data)
            case _:
                raise ValueError("attestation by another algorithm")
    except InvalidSignature as error:
        raise ValueError("attestation signature") from error


def require_same_key(certificate: x509.Certificate, subject: Subject) -> None:
    """Require that the certificate is the new key's own.

    Raises:
        ValueError: it is another key's.
    """
    if _spki(public_key(certificate)) != _spki(subject.public_key):
        raise ValueError("attestation of another key")


def _spki(key: PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
