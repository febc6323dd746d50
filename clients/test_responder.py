"""An OCSP responder of the test UZI-register: what it signs, without the HTTP around it.

For the demo and the tests, which also have it say what a responder should not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.card_profile import Profile, key_usage
from clients.test_ca import Authority, KeyKind, PrivateKey, make_key

#: CPS section 7.3: a response is made from the list of the hour.
RESPONSE_LIFETIME = timedelta(hours=1)
RESPONDER_LIFETIME = timedelta(days=90)

_SHA_256 = hashes.SHA256()

Status = ocsp.OCSPCertStatus


@dataclass(frozen=True, slots=True)
class Manner:
    """How a response is made; the defaults are those of a responder that does it right.

    Attributes:
        nonce: Whether the question's nonce comes back; or which one instead.
        since: thisUpdate, counted from the time of the answer.
        lifetime: nextUpdate counted from thisUpdate, or none.
        by_name: Whether the responder is named by its name, or by its key.
        attached: Whether its certificate comes with the response.
    """

    nonce: bool | bytes = True
    since: timedelta = timedelta(0)
    lifetime: timedelta | None = RESPONSE_LIFETIME
    by_name: bool = True
    attached: bool = True
    cert_id_hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA1)
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class OcspResponder:
    """A responder for the certificates of one authority.

    Attributes:
        certificate: Of who signs: named by the authority, or the authority itself.
        statuses: By serial number; what is not there is good.
    """

    issuer: x509.Certificate
    certificate: x509.Certificate
    key: PrivateKey
    statuses: Mapping[int, Status] = field(default_factory=dict)

    @classmethod
    def delegated(
        cls,
        authority: Authority,
        at: datetime,
        *,
        profile: Profile | None = None,
        key: PrivateKey | None = None,
        statuses: Mapping[int, Status] | None = None,
    ) -> Self:
        """Have the authority name a responder, as the real ones do (CPS table 15)."""
        key = key or make_key(KeyKind.P_256)
        profile = profile or responder_profile(authority.certificate, at)
        certificate = authority.sign(profile, key)
        return cls(authority.certificate, certificate, key, statuses or {})

    @classmethod
    def itself(cls, authority: Authority) -> Self:
        """Let the authority answer for itself."""
        return cls(authority.certificate, authority.certificate, authority.key)

    def answer(
        self,
        question: bytes,
        certificate: x509.Certificate,
        at: datetime,
        manner: Manner | None = None,
        algorithm: hashes.SHA256 | None = _SHA_256,
    ) -> bytes:
        """Answer a question about a certificate; producedAt is the machine's time all the same."""
        manner = manner or Manner()
        status = self.statuses.get(certificate.serial_number, Status.GOOD)
        this_update = at + manner.since
        lifetime = manner.lifetime
        revoked = status is Status.REVOKED
        encoding = (
            ocsp.OCSPResponderEncoding.NAME if manner.by_name else ocsp.OCSPResponderEncoding.HASH
        )
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response(
                cert=certificate,
                issuer=self.issuer,
                algorithm=manner.cert_id_hash,
                cert_status=status,
                this_update=this_update,
                next_update=None if lifetime is None else this_update + lifetime,
                revocation_time=this_update - timedelta(days=1) if revoked else None,
                revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
            )
            .responder_id(encoding, self.certificate)
        )
        nonce = asked_nonce(question) if manner.nonce is True else manner.nonce
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        for extension, critical in manner.extensions:
            builder = builder.add_extension(extension, critical=critical)
        if manner.attached:
            builder = builder.certificates([self.certificate])
        return builder.sign(self.key, algorithm).public_bytes(Encoding.DER)


def responder_profile(issuer: x509.Certificate, at: datetime) -> Profile:
    """Describe a responder's certificate, for a test to change."""
    common_name = str(issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    return Profile(
        subject=x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CIBG"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"OCSP responder {common_name}"[:64]),
            ]
        ),
        issuer=issuer.subject,
        serial_number=x509.random_serial_number(),
        not_before=at - timedelta(hours=1),
        not_after=at + RESPONDER_LIFETIME,
        extensions=(
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage("digital_signature"), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), True),
            (x509.OCSPNoCheck(), False),
        ),
    )


def asked_nonce(question: bytes) -> bytes | None:
    """Return a question's nonce."""
    extensions = ocsp.load_der_ocsp_request(question).extensions
    for extension in extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            return extension.value.nonce
    return None


def unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    """Make a response that says no more than that there is none."""
    return ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
