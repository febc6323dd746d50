"""Whether a certificate still holds: revocation lists, closed on every doubt (RFC 5280, 6.3).

Pure: fetching, keeping and reading off the loop are in the `revocation_` modules beside it.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import NameOID

from pairing_server.uzi.certificate import UNREADABLE
from pairing_server.uzi.refusals import CardRevoked, RevocationUnknown

#: CPS section 7.2: nextUpdate is 48 hours after thisUpdate; no list of an issuing authority of
#: cards is believed for longer.  The lists of the authorities above say themselves how long.
MAX_AGE = timedelta(hours=48)
#: How far ahead of ours an issuer's clock may run.
CLOCK_SKEW = timedelta(minutes=5)
#: RFC 5280 section 4.1.2.2: a serial number has at most 20 octets; one more for a sign.
MAX_SERIAL_OCTETS = 21

_PEM = b"-----BEGIN"
_HASHES: dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}
#: Of a list of its whole issuer, that is: neither indirect nor partitioned nor a delta.
_PARTIAL = (x509.IssuingDistributionPoint, x509.DeltaCRLIndicator)


class UnusableList(ValueError):  # noqa: N818  (named as what it is, like a refusal)
    """The bytes are no complete revocation list that the rules can read."""


class Scheme(StrEnum):
    """How a list is signed."""

    PKCS1 = "pkcs1v15"
    PSS = "pss"
    ECDSA = "ecdsa"


@dataclass(frozen=True, slots=True)
class SerialNumbers:
    """Serial numbers as one sorted string of octets: found as fast when they are not there.

    A set of 500,000 numbers takes some 50 MB and a moment for each to be made; this takes the
    octets themselves, eight for a card of the UZI-register.
    """

    octets: bytes = field(repr=False)
    width: int

    @classmethod
    def of(cls, serials: Iterable[int]) -> "SerialNumbers":
        """Sort the numbers.

        Raises:
            UnusableList: One is longer than a serial number can be.
        """
        numbers = list(serials)
        width = max((number.bit_length() // 8 + 1 for number in numbers), default=1)
        if width > MAX_SERIAL_OCTETS:
            raise UnusableList("serial number")
        return cls(b"".join(sorted(_octets(number, width) for number in numbers)), width)

    def __contains__(self, serial: object) -> bool:
        if not isinstance(serial, int) or serial.bit_length() // 8 + 1 > self.width:
            return False
        wanted, width, octets = _octets(serial, self.width), self.width, self.octets
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if octets[middle * width : (middle + 1) * width] < wanted:
                low = middle + 1
            else:
                high = middle
        return octets[low * width : (low + 1) * width] == wanted

    def __len__(self) -> int:
        return len(self.octets) // self.width


@dataclass(frozen=True, slots=True)
class RevocationList:
    """What is kept of one list; whether its signature is right is known once an issuer is.

    Attributes:
        issuer: Its name as RFC 4514 writes it.
        number: The CRLNumber, 0 where there is none.
        sha256: Of the list's DER, for the audit log.
        signed: Digest of what is signed, by the hash of the signature.
    """

    issuer: str
    this_update: datetime
    next_update: datetime
    number: str
    sha256: bytes
    scheme: Scheme
    hash_name: str
    signed: bytes
    signature: bytes
    serials: SerialNumbers

    def is_fresh(self, at: datetime, max_age: timedelta | None = MAX_AGE) -> bool:
        """Whether the list speaks for that time."""
        return (
            self.this_update <= at + CLOCK_SKEW
            and at < self.next_update
            and (max_age is None or at < self.this_update + max_age)
        )

    def is_from(self, issuer: x509.Certificate) -> bool:
        """Whether that authority made the list: by name, right and signature."""
        if name_of(issuer.subject) != self.issuer or not _may_sign_lists(issuer):
            return False
        key, algorithm = issuer.public_key(), _HASHES[self.hash_name]()
        prehashed = Prehashed(algorithm)
        try:
            match key, self.scheme:
                case rsa.RSAPublicKey(), Scheme.PKCS1:
                    key.verify(self.signature, self.signed, padding.PKCS1v15(), prehashed)
                case rsa.RSAPublicKey(), Scheme.PSS:
                    pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO)
                    key.verify(self.signature, self.signed, pss, prehashed)
                case ec.EllipticCurvePublicKey(), Scheme.ECDSA:
                    key.verify(self.signature, self.signed, ec.ECDSA(prehashed))
                case _:
                    return False
        except InvalidSignature:
            return False
        return True

    def replaces(self, other: "RevocationList") -> bool:
        """Whether it is newer than the other, or as new (RFC 5280 section 5.2.3)."""
        return (int(self.number), self.this_update) >= (int(other.number), other.this_update)


def read_revocation_list(data: bytes) -> RevocationList:
    """Read a DER or PEM list.

    A list of 500,000 entries takes a second, most of it with the interpreter's lock held.

    Raises:
        UnusableList: It is no list, or one of a kind that is not read: indirect, partitioned,
            delta, or with a critical extension.
    """
    load = x509.load_pem_x509_crl if data.startswith(_PEM) else x509.load_der_x509_crl
    try:
        return _complete_list(load(data))
    except UnusableList:
        raise
    except UNREADABLE as error:
        raise UnusableList(type(error).__name__) from error


def check_revocation(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Iterable[RevocationList],
    at: datetime,
    max_age: timedelta | None = MAX_AGE,
) -> RevocationList:
    """Check a certificate against its issuer's lists, and return the newest that cleared it.

    Args:
        max_age: How long a list is believed at most; `None` leaves it to the list's nextUpdate.

    Raises:
        CardRevoked: A list of the issuer, even a stale one, names it: nothing is unrevoked.
        RevocationUnknown: No fresh list of the issuer is there.
    """
    own = [one for one in lists if one.is_from(issuer)]
    if any(certificate.serial_number in one.serials for one in own):
        raise CardRevoked
    fresh = [one for one in own if one.is_fresh(at, max_age)]
    if not fresh:
        raise RevocationUnknown(f"{len(own)} stale lists of the issuer")
    return max(fresh, key=lambda one: one.this_update)


class Merit(StrEnum):
    """What becomes of a list that was fetched."""

    NEW = "new"
    OLDER = "older"
    STALE = "stale"
    WRONG_SIGNER = "wrong_signer"


def weigh(
    new: RevocationList,
    held: RevocationList | None,
    authorities: Iterable[x509.Certificate],
    now: datetime,
) -> Merit:
    """Say whether a list takes the place of the one that is held from the same address.

    Lists come in the clear, so that whoever sits on the way can hand out another: an old one, or
    one with a higher number that nobody signed.  Neither drives out a signed one.

    Args:
        authorities: Those known.  A list of an unknown one may be held until its authority is.
    """
    authorities = list(authorities)
    if any(name_of(one.subject) == new.issuer for one in authorities) and not _signed(
        new, authorities
    ):
        return Merit.WRONG_SIGNER
    if held is None or not _signed(held, authorities):
        return Merit.NEW
    if not _signed(new, authorities):
        return Merit.WRONG_SIGNER
    if not new.is_fresh(now, max_age=None):
        return Merit.STALE
    if not held.is_fresh(now, max_age=None):
        # Also when it has a lower number, as after an issuer had to begin anew.
        return Merit.NEW
    return Merit.NEW if new.issuer == held.issuer and new.replaces(held) else Merit.OLDER


def _signed(one: RevocationList, authorities: Iterable[x509.Certificate]) -> bool:
    return any(one.is_from(authority) for authority in authorities)


def name_of(name: x509.Name) -> str:
    """Return the spelling of a name by which lists and authorities are matched."""
    return name.rfc4514_string()


def common_name(name: str) -> str:
    """Return the common name in a name that `name_of` spelled, or all of it."""
    try:
        found = x509.Name.from_rfc4514_string(name).get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return name
    return str(found[0].value) if found else name


def list_urls(certificate: x509.Certificate) -> list[str]:
    """Return where a certificate says its issuer's whole list is (RFC 5280 section 4.2.1.13)."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return []
    return [
        name.value
        for point in points
        if point.reasons is None and point.crl_issuer is None
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]


def _octets(serial: int, width: int) -> bytes:
    return serial.to_bytes(width, "big", signed=True)


def _may_sign_lists(issuer: x509.Certificate) -> bool:
    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return False


def _complete_list(crl: x509.CertificateRevocationList) -> RevocationList:
    if crl.next_update_utc is None:
        raise UnusableList("no nextUpdate")
    algorithm = crl.signature_hash_algorithm
    if algorithm is None or algorithm.name not in _HASHES:
        raise UnusableList("signature algorithm")
    number = 0
    for extension in crl.extensions:
        if extension.critical or isinstance(extension.value, _PARTIAL):
            raise UnusableList("extension", extension.oid.dotted_string)
        if isinstance(extension.value, x509.CRLNumber):
            number = extension.value.crl_number
    return RevocationList(
        issuer=name_of(crl.issuer),
        this_update=crl.last_update_utc,
        next_update=crl.next_update_utc,
        number=str(number),
        sha256=crl.fingerprint(hashes.SHA256()),
        scheme=_scheme(crl),
        hash_name=algorithm.name,
        signed=hashlib.new(algorithm.name, crl.tbs_certlist_bytes).digest(),
        signature=crl.signature,
        serials=SerialNumbers.of(_serials(crl)),
    )


def _scheme(crl: x509.CertificateRevocationList) -> Scheme:
    match crl.signature_algorithm_parameters:
        case padding.PKCS1v15():
            return Scheme.PKCS1
        case padding.PSS():
            return Scheme.PSS
        case ec.ECDSA():
            return Scheme.ECDSA
        case _:
            raise UnusableList("signature algorithm")


def _serials(crl: x509.CertificateRevocationList) -> Iterator[int]:
    for entry in crl:
        # RFC 5280 section 5.3: a list with a critical entry extension that is not understood
        # must not be used; certificateIssuer, of an indirect list, is one.
        if any(extension.critical for extension in entry.extensions):
            raise UnusableList("entry extension")
        yield entry.serial_number
