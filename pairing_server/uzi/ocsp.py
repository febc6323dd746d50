"""What an OCSP responder says of a certificate, and whether that is to be believed (RFC 6960).

Pure.  A response is an answer only when everything about it holds; whatever else comes back is a
disruption, in which the revocation lists decide (CPS section 7.3).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    SignatureAlgorithmOID,
)

from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.refusals import CardRevoked, RevocationUnknown
from pairing_server.uzi.revocation import CLOCK_SKEW, MAX_AGE, RevocationList, check_revocation

#: RFC 9654 section 2.1: a client draws 32 octets.
NONCE_OCTETS = 32
#: With the responder's certificate some 2 KB; with a chain and large keys three times that.
MAX_RESPONSE_BYTES = 32 * 1024
REQUEST_TYPE = "application/ocsp-request"
RESPONSE_TYPE = "application/ocsp-response"

E = TypeVar("E", bound=x509.ExtensionType)

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
#: In what names the certificate, SHA-1 too: RFC 5019 section 2.1.1 asks for it and responders may
#: know no other.  It signs nothing: two issuers of one digest would need a second preimage.
_CERT_ID_HASHES = (hashes.SHA1, *_HASHES)
_MIN_RSA_BITS = 2048
_MIN_CURVE_BITS = 256


class Verdict(StrEnum):
    """What a responder says (RFC 6960 section 2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Disruption(StrEnum):
    """Why there is no answer."""

    MALFORMED = "malformed"
    UNSUCCESSFUL = "unsuccessful"
    OTHER_CERTIFICATE = "other_certificate"
    WRONG_SIGNER = "wrong_signer"
    BAD_SIGNATURE = "bad_signature"
    STALE = "stale"
    REPLAYED = "replayed"
    NO_NONCE = "no_nonce"
    # Before there is a response:
    STATUS = "status"
    MEDIA_TYPE = "media_type"
    EGRESS = "egress"
    BUSY = "busy"
    OPEN_CIRCUIT = "open_circuit"


class Disrupted(Exception):  # noqa: N818  (not an error: the lists decide)
    """The responder gave no answer that is to be believed."""

    def __init__(self, disruption: Disruption, detail: str = "") -> None:
        super().__init__(disruption.value, detail)
        self.disruption = disruption
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Question:
    """A request for one certificate.

    Attributes:
        nonce: 32 random octets, drawn for this request alone.
    """

    certificate: x509.Certificate
    issuer: x509.Certificate
    nonce: bytes

    def encoded(self) -> bytes:
        """Return the request in DER."""
        return (
            ocsp.OCSPRequestBuilder()
            .add_certificate(self.certificate, self.issuer, hashes.SHA1())  # noqa: S303  (above)
            .add_extension(x509.OCSPNonce(self.nonce), critical=False)
            .build()
            .public_bytes(Encoding.DER)
        )


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """A response that is believed.

    Attributes:
        responder: The name of who signed it, as RFC 4514 writes it.
    """

    verdict: Verdict
    this_update: datetime
    produced_at: datetime
    responder: str


def read_response(
    der: bytes,
    question: Question,
    at: datetime,
    lists: Iterable[RevocationList] = (),
    *,
    nonce_required: bool = True,
) -> OcspAnswer:
    """Read the response to a question (RFC 6960 section 3.2).

    Args:
        at: Aware; the time for which it has to speak.
        lists: By which a responder's certificate is checked too.
        nonce_required: Whether a response that was made before it was asked for is no answer,
            unless it says that the certificate is revoked.

    Raises:
        Disrupted: Something about it does not hold.
    """
    with _parsing():
        response = ocsp.load_der_ocsp_response(der)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise Disrupted(Disruption.UNSUCCESSFUL, response.response_status.name.lower())
        _check_subject(response, question)  # (1)
        signer = _signer(response, question.issuer, at, lists)  # (2) to (4)
        _check_signature(response, signer)
        verdict = Verdict[response.certificate_status.name]
        # Nothing is unrevoked: that a card was, is as true of an old response as of a new one.
        if verdict is not Verdict.REVOKED:
            answered = _check_nonce(response, question.nonce, required=nonce_required)
            _check_time(response, at, answered=answered)  # (5), (6)
        return OcspAnswer(
            verdict=verdict,
            this_update=response.this_update_utc,
            produced_at=response.produced_at_utc,
            responder=signer.subject.rfc4514_string(),
        )


def responder_urls(certificate: x509.Certificate) -> list[str]:
    """Return where a certificate says that a responder is (RFC 5280 section 4.2.2.1)."""
    access = _extension(certificate, x509.AuthorityInformationAccess)
    return [
        place.access_location.value
        for place in access or ()
        if place.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(place.access_location, x509.UniformResourceIdentifier)
    ]


@contextmanager
def _parsing() -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise Disrupted(Disruption.MALFORMED, type(error).__name__) from error


def _check_subject(response: ocsp.OCSPResponse, question: Question) -> None:
    """(1) The response is for the certificate that was asked for, and for no other besides."""
    algorithm = response.hash_algorithm
    if not isinstance(algorithm, _CERT_ID_HASHES):
        raise Disrupted(Disruption.OTHER_CERTIFICATE, "hash algorithm")
    wanted = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(question.certificate, question.issuer, algorithm)
        .build()
    )
    if (response.issuer_name_hash, response.issuer_key_hash, response.serial_number) != (
        wanted.issuer_name_hash,
        wanted.issuer_key_hash,
        wanted.serial_number,
    ):
        raise Disrupted(Disruption.OTHER_CERTIFICATE)
    for extensions in (response.extensions, response.single_extensions):
        if any(extension.critical for extension in extensions):
            raise Disrupted(Disruption.MALFORMED, "critical extension")


def _signer(
    response: ocsp.OCSPResponse,
    issuer: x509.Certificate,
    at: datetime,
    lists: Iterable[RevocationList],
) -> x509.Certificate:
    """(2) It is signed by the issuer, or (3) by whom the issuer named (section 4.2.2.2)."""
    if _is_named(response, issuer):
        return issuer
    for certificate in response.certificates:
        if _is_named(response, certificate):
            _check_delegation(certificate, issuer, at)
            _check_responder_holds(certificate, issuer, at, lists)
            return certificate
    raise Disrupted(Disruption.WRONG_SIGNER, "no certificate of the responder")


def _is_named(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    # RFC 6960 section 4.2.1: SHA-1 of the key, whatever else is used.
    identifier = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key())
    return response.responder_key_hash == identifier.digest


def _check_delegation(responder: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
    if not isinstance(responder.signature_hash_algorithm, _HASHES):
        raise Disrupted(Disruption.WRONG_SIGNER, "signature algorithm")
    try:
        responder.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE) as error:
        raise Disrupted(Disruption.WRONG_SIGNER, "another issuer") from error
    if not responder.not_valid_before_utc <= at <= responder.not_valid_after_utc:
        raise Disrupted(Disruption.WRONG_SIGNER, "expired")
    # anyExtendedKeyUsage does not do: the issuer has to say it in so many words.
    uses = _extension(responder, x509.ExtendedKeyUsage)
    if uses is None or ExtendedKeyUsageOID.OCSP_SIGNING not in uses:
        raise Disrupted(Disruption.WRONG_SIGNER, "no OCSPSigning")
    usage = _extension(responder, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise Disrupted(Disruption.WRONG_SIGNER, "keyUsage")
    known = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)
    for extension in responder.extensions:
        if extension.critical and not isinstance(extension.value, known):
            raise Disrupted(Disruption.WRONG_SIGNER, "critical extension")


def _check_responder_holds(
    responder: x509.Certificate,
    issuer: x509.Certificate,
    at: datetime,
    lists: Iterable[RevocationList],
) -> None:
    """(4) Its own revocation: on no list; without id-pkix-ocsp-nocheck, a fresh one is needed."""
    try:
        check_revocation(responder, issuer, lists, at)
    except CardRevoked as error:
        raise Disrupted(Disruption.WRONG_SIGNER, "revoked") from error
    except RevocationUnknown as error:
        if _extension(responder, x509.OCSPNoCheck) is None:
            raise Disrupted(Disruption.WRONG_SIGNER, "revocation unknown") from error


def _check_signature(response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    key = signer.public_key()
    weak = isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS
    if weak or (isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < _MIN_CURVE_BITS):
        raise Disrupted(Disruption.BAD_SIGNATURE, "key")
    if not any(_is_signed(response, key, algorithm) for algorithm in _algorithms(response)):
        raise Disrupted(Disruption.BAD_SIGNATURE)


def _algorithms(response: ocsp.OCSPResponse) -> list[hashes.HashAlgorithm]:
    if response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS:
        # The library does not read which; the signature itself tells.
        return [algorithm() for algorithm in _HASHES]
    algorithm = response.signature_hash_algorithm
    if not isinstance(algorithm, _HASHES):
        raise Disrupted(Disruption.BAD_SIGNATURE, "signature algorithm")
    return [algorithm]


def _is_signed(response: ocsp.OCSPResponse, key: object, algorithm: hashes.HashAlgorithm) -> bool:
    signature, signed = response.signature, response.tbs_response_bytes
    pss = response.signature_algorithm_oid == SignatureAlgorithmOID.RSASSA_PSS
    try:
        match key:
            case rsa.RSAPublicKey() if pss:
                scheme = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
                key.verify(signature, signed, scheme, algorithm)
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), algorithm)
            case ec.EllipticCurvePublicKey() if not pss:
                key.verify(signature, signed, ec.ECDSA(algorithm))
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _check_nonce(response: ocsp.OCSPResponse, nonce: bytes, *, required: bool) -> bool:
    """Whether the response was made for this question (RFC 9654 section 2.1)."""
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            if extension.value.nonce != nonce:
                raise Disrupted(Disruption.REPLAYED)
            return True
    if required:
        raise Disrupted(Disruption.NO_NONCE)
    return False


def _check_time(response: ocsp.OCSPResponse, at: datetime, *, answered: bool) -> None:
    """(5) thisUpdate is recent, (6) nextUpdate not over (section 3.2); and producedAt between."""
    this_update, next_update = response.this_update_utc, response.next_update_utc
    produced_at = response.produced_at_utc
    if not at - MAX_AGE < this_update <= at + CLOCK_SKEW:
        raise Disrupted(Disruption.STALE, "thisUpdate")
    # Without nextUpdate newer information is there at any time, so only what was just made counts.
    if next_update is None and not answered:
        raise Disrupted(Disruption.STALE, "no nextUpdate")
    if next_update is not None and at >= next_update:
        raise Disrupted(Disruption.STALE, "nextUpdate")
    oldest = at - CLOCK_SKEW if answered else this_update - timedelta(seconds=1)
    if not oldest <= produced_at <= at + CLOCK_SKEW:
        raise Disrupted(Disruption.STALE, "producedAt")


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
