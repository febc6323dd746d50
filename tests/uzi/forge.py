"""Certificates that no library makes: drafts of which every part can be changed."""

from collections.abc import Callable
from dataclasses import dataclass, field

from asn1crypto import algos, keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from clients.card_profile import Profile

#: Signs what is signed anew.
_ANY_KEY = ec.generate_private_key(ec.SECP256R1())

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Signing:
    """How a certificate is signed: the digest, and for RSASSA-PSS the salt and the mask's digest.

    Attributes:
        name: The algorithm as asn1crypto names it, or `None` for the usual one of key and digest.
    """

    digest: str = "sha256"
    salt: int | None = None
    mask: str | None = None
    name: str | None = None

    def algorithm(self, key) -> dict:
        if self.name is not None:
            return {"algorithm": self.name}
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return {"algorithm": "ed25519"}
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return {"algorithm": f"{self.digest}_ecdsa"}
        if self.salt is None:
            return {"algorithm": f"{self.digest}_rsa"}
        return {"algorithm": "rsassa_pss", "parameters": pss_parameters(self)}

    def sign(self, key, data: bytes) -> bytes:
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return key.sign(data)
        digest = _hash(self.digest)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key.sign(data, ec.ECDSA(digest))
        if self.salt is None:
            return key.sign(data, padding.PKCS1v15(), digest)
        mask = padding.MGF1(_hash(self.mask or self.digest))
        return key.sign(data, padding.PSS(mask, self.salt), digest)


@dataclass
class Draft:
    """A certificate before it is signed.

    Attributes:
        subject_key: Its own; `signer` is its issuer's.
        tbs: Changes of the parsed TBSCertificate, before it is signed.
        outside: Changes of the parsed certificate, after it is signed.
    """

    profile: Profile
    subject_key: Key
    signer: Key
    signing: Signing
    subject_identifier: bytes | None
    authority_identifier: bytes | None
    tbs: list[Callable] = field(default_factory=list)
    outside: list[Callable] = field(default_factory=list)

    def sign(self) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.profile.subject)
            .issuer_name(self.profile.issuer)
            .public_key(self.subject_key.public_key())
            .serial_number(self.profile.serial_number)
            .not_valid_before(self.profile.not_before)
            .not_valid_after(self.profile.not_after)
        )
        if self.subject_identifier is not None:
            builder = builder.add_extension(
                x509.SubjectKeyIdentifier(self.subject_identifier), critical=False
            )
        if self.authority_identifier is not None:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier(self.authority_identifier, None, None), critical=False
            )
        for extension, critical in self.profile.extensions:
            builder = builder.add_extension(extension, critical=critical)
        made = builder.sign(_ANY_KEY, hashes.SHA256()).public_bytes(Encoding.DER)
        return self._signed_anew(made)

    def _signed_anew(self, made: bytes) -> bytes:
        certificate = asn1.Certificate.load(made).copy()
        tbs = certificate["tbs_certificate"]
        algorithm = self.signing.algorithm(self.signer)
        tbs["signature"] = algos.SignedDigestAlgorithm(algorithm)
        for change in self.tbs:
            change(tbs)
        certificate["signature_algorithm"] = algos.SignedDigestAlgorithm(algorithm)
        certificate["signature_value"] = self.signing.sign(self.signer, tbs.dump())
        for change in self.outside:
            change(certificate)
        return certificate.dump()


def key_for_pss_alone(parameters: Signing | None = None) -> Callable:
    """Put id-RSASSA-PSS where a key says rsaEncryption (RFC 4055 section 1.2)."""

    def change(tbs):
        algorithm = {"algorithm": "rsassa_pss"}
        if parameters is not None:
            algorithm["parameters"] = pss_parameters(parameters)
        old = tbs["subject_public_key_info"]
        tbs["subject_public_key_info"] = keys.PublicKeyInfo(
            {
                "algorithm": keys.PublicKeyAlgorithm(algorithm),
                "public_key": old["public_key"].parsed,
            }
        )

    return change


def pss_parameters(signing: Signing) -> algos.RSASSAPSSParams:
    return algos.RSASSAPSSParams(
        {
            "hash_algorithm": {"algorithm": signing.digest},
            "mask_gen_algorithm": {
                "algorithm": "mgf1",
                "parameters": {"algorithm": signing.mask or signing.digest},
            },
            "salt_length": signing.salt,
        }
    )


def _hash(name: str) -> hashes.HashAlgorithm:
    return {
        "sha1": hashes.SHA1(),  # noqa: S303  (to be refused)
        "sha224": hashes.SHA224(),
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
        "sha3_256": hashes.SHA3_256(),
    }[name]
