"""A test UZI-register: three levels of authorities that issue cards and revocation lists.

For the demo and the tests.  Names, OIDs, policies and usages are those of the real TEST
hierarchy, the keys are its own: nothing that trusts the real one trusts this.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.card_profile import (
    CPS_ADDRESS,
    DOCUMENT_SIGNING,
    ENCRYPTING_FILE_SYSTEM,
    Holder,
    Profile,
    Use,
    access_to,
    card_profile,
    key_usage,
    lists_of,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

AUTHORITY_LIFETIME = timedelta(days=10 * 365)
#: CPS section 7.2: nextUpdate is 48 hours after thisUpdate.
LIST_LIFETIME = timedelta(hours=48)

_ORGANISATION_IDENTIFIER = "NTRNL-50000535"
_ISSUING_NAMES = {
    "Z": "TEST UZI-register Zorgverlener CA G3",
    "N": "TEST UZI-register Medewerker op naam CA G3",
    "M": "TEST UZI-register Medewerker niet op naam CA G3",
}
_EXPIRED_CERTS_ON_CRL = x509.ObjectIdentifier("2.5.29.60")


class KeyKind(Enum):
    """The keys that authorities and cards can have."""

    RSA_1024 = 1024
    RSA_2048 = 2048
    RSA_3072 = 3072
    RSA_4096 = 4096
    P_256 = "secp256r1"
    P_384 = "secp384r1"
    P_521 = "secp521r1"


_CURVES: dict[KeyKind, ec.EllipticCurve] = {
    KeyKind.P_256: ec.SECP256R1(),
    KeyKind.P_384: ec.SECP384R1(),
    KeyKind.P_521: ec.SECP521R1(),
}


def make_key(kind: KeyKind) -> PrivateKey:
    """Make a new private key."""
    if kind in _CURVES:
        return ec.generate_private_key(_CURVES[kind])
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.value))


def no_change(_: str, profile: Profile) -> Profile:
    """Leave an authority's certificate as the real ones are."""
    return profile


@dataclass(frozen=True, slots=True)
class Style:
    """How a register is made.

    Attributes:
        key_kind: Of the authorities' keys; the real ones are RSA_4096, which is slow to make.
        pss: Whether authorities sign with RSASSA-PSS, SHA-512 and a salt of 64 bytes.
        new_key: Makes the keys; a test hands in one that keeps them.
        change: Changes an authority's certificate, named `root`, `level_2` or `issuing`.
    """

    key_kind: KeyKind = KeyKind.RSA_2048
    pss: bool = False
    new_key: Callable[[KeyKind], PrivateKey] = make_key
    change: Callable[[str, Profile], Profile] = no_change


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority and its key."""

    certificate: x509.Certificate
    key: PrivateKey
    pss: bool = False

    def sign(self, profile: Profile, key: PrivateKey) -> x509.Certificate:
        """Issue what the profile says for a key, and add the two key identifiers."""
        return _certificate(profile, key, self.key, self.certificate, pss=self.pss)

    def list_builder(
        self,
        at: datetime,
        revoked: Iterable[int] = (),
        *,
        lifetime: timedelta = LIST_LIFETIME,
        number: int = 1,
    ) -> x509.CertificateRevocationListBuilder:
        """Compose a revocation list, which a test may add to before `sign_list`."""
        since = at.strftime("%Y%m%d%H%M%SZ").encode()
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(at)
            .next_update(at + lifetime)
            .add_extension(_authority_key(self.certificate), critical=False)
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(
                x509.UnrecognizedExtension(
                    _EXPIRED_CERTS_ON_CRL, bytes((0x18, len(since))) + since
                ),
                critical=False,
            )
        )
        for serial in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at)
            builder = builder.add_revoked_certificate(entry.build())
        return builder

    def sign_list(self, builder: x509.CertificateRevocationListBuilder) -> bytes:
        """Sign a revocation list and return its DER."""
        digest, rsa_padding = _signing(self.key, pss=self.pss)
        crl = builder.sign(self.key, digest, rsa_padding=rsa_padding)
        return crl.public_bytes(Encoding.DER)

    def revocation_list(self, at: datetime, revoked: Iterable[int] = ()) -> bytes:
        """Issue a revocation list of these serial numbers in DER, valid for 48 hours."""
        return self.sign_list(self.list_builder(at, revoked))


@dataclass(frozen=True, slots=True)
class Issued:
    """A card's certificate, its key and its issuers, the direct one first, the root last."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def chain_ders(self) -> list[bytes]:
        """The issuers in DER."""
        return [issuer.public_bytes(Encoding.DER) for issuer in self.chain]

    def write_pkcs12(self, file: Path, pin: str) -> None:
        """Write certificate, key and issuers under a PIN, in a file for the owner alone."""
        data = pkcs12.serialize_key_and_certificates(
            b"authenticiteit",
            self.key,
            self.certificate,
            self.chain,
            serialization.BestAvailableEncryption(pin.encode()),
        )
        file.touch(mode=0o600)
        file.write_bytes(data)


@dataclass(frozen=True, slots=True)
class IssuedCard:
    """The three certificates of a card."""

    authentication: Issued
    signature: Issued
    confidentiality: Issued


@dataclass(frozen=True, slots=True)
class UziTestCa:
    """The register: root, second level, and one issuing authority for each card type."""

    root: Authority
    level_2: Authority
    made_at: datetime
    style: Style = field(default_factory=Style)
    _issuing: dict[str, Authority] = field(default_factory=dict)

    @classmethod
    def create(cls, at: datetime, style: Style | None = None) -> Self:
        """Make root and second level; an issuing authority is made for its first card."""
        style = style or Style()
        root = _authority("root", "TEST Zorg CSP Root CA G3", None, at, style)
        level_2 = _authority("level_2", "TEST Zorg CSP Level 2 Persoon CA G3", root, at, style)
        return cls(root, level_2, at, style)

    def issuing(self, card_type: str) -> Authority:
        """Return the authority that issues cards of type Z, N or M."""
        if card_type not in self._issuing:
            self._issuing[card_type] = _authority(
                "issuing", _ISSUING_NAMES[card_type], self.level_2, self.made_at, self.style
            )
        return self._issuing[card_type]

    def issue(
        self, holder: Holder, at: datetime, key_kind: KeyKind = KeyKind.RSA_2048
    ) -> IssuedCard:
        """Issue a card with its three certificates, valid for three years from an hour ago."""
        authentication, signature, confidentiality = (
            self.certify(holder, self.profile(holder, use, at), self.style.new_key(key_kind))
            for use in Use
        )
        return IssuedCard(authentication, signature, confidentiality)

    def profile(self, holder: Holder, use: Use, at: datetime) -> Profile:
        """Describe one certificate of a card, for a test to change before `certify`."""
        issuer = self.issuing(holder.card_type).certificate
        return card_profile(holder, use, issuer, _serial_number(), at)

    def certify(self, holder: Holder, profile: Profile, key: PrivateKey) -> Issued:
        """Sign a card's certificate by the authority for the holder's card type."""
        issuing = self.issuing(holder.card_type)
        chain = (issuing.certificate, self.level_2.certificate, self.root.certificate)
        return Issued(issuing.sign(profile, key), key, chain)

    def write_root(self, file: Path) -> None:
        """Write the root's certificate in PEM."""
        file.write_bytes(self.root.certificate.public_bytes(Encoding.PEM))


def _authority(
    level: str, common_name: str, parent: Authority | None, at: datetime, style: Style
) -> Authority:
    key = style.new_key(style.key_kind)
    issuer = None if parent is None else parent.certificate
    profile = style.change(level, _authority_profile(level, common_name, issuer, at))
    signer = key if parent is None else parent.key
    return Authority(_certificate(profile, key, signer, issuer, pss=style.pss), key, style.pss)


def _authority_profile(
    level: str, common_name: str, issuer: x509.Certificate | None, at: datetime
) -> Profile:
    name = [(NameOID.COUNTRY_NAME, "NL"), (NameOID.ORGANIZATION_NAME, "CIBG")]
    if level == "issuing":
        name.append((NameOID.ORGANIZATION_IDENTIFIER, _ORGANISATION_IDENTIFIER))
    name.append((NameOID.COMMON_NAME, common_name))
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in name])
    profile = Profile(
        subject=subject,
        issuer=subject if issuer is None else issuer.subject,
        serial_number=_serial_number(),
        not_before=at - timedelta(days=1),
        not_after=at - timedelta(days=1) + AUTHORITY_LIFETIME,
        extensions=(
            (x509.BasicConstraints(ca=True, path_length=0 if level == "issuing" else None), True),
            (key_usage("key_cert_sign", "crl_sign"), True),
        ),
    )
    if issuer is not None:
        profile = profile.replacing(_all_policies()).replacing(lists_of(issuer.subject))
    if level == "issuing" and issuer is not None:
        profile = profile.replacing(access_to(issuer.subject)).replacing(_issuing_uses())
    return profile


def _all_policies() -> x509.CertificatePolicies:
    oids = [x509.ObjectIdentifier(use.value) for use in Use]
    last = x509.PolicyInformation(oids.pop(), [CPS_ADDRESS])
    return x509.CertificatePolicies([*(x509.PolicyInformation(oid, None) for oid in oids), last])


def _issuing_uses() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(
        [
            ExtendedKeyUsageOID.CLIENT_AUTH,
            ExtendedKeyUsageOID.EMAIL_PROTECTION,
            DOCUMENT_SIGNING,
            ENCRYPTING_FILE_SYSTEM,
            ExtendedKeyUsageOID.OCSP_SIGNING,
        ]
    )


def _certificate(
    profile: Profile,
    key: PrivateKey,
    signer: PrivateKey,
    issuer: x509.Certificate | None,
    *,
    pss: bool,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(profile.subject)
        .issuer_name(profile.issuer)
        .public_key(key.public_key())
        .serial_number(profile.serial_number)
        .not_valid_before(profile.not_before)
        .not_valid_after(profile.not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(_authority_key(issuer), critical=False)
    for extension, critical in profile.extensions:
        builder = builder.add_extension(extension, critical=critical)
    digest, rsa_padding = _signing(signer, pss=pss)
    return builder.sign(signer, digest, rsa_padding=rsa_padding)


def _signing(
    key: PrivateKey, *, pss: bool
) -> tuple[hashes.SHA256 | hashes.SHA384 | hashes.SHA512, padding.PSS | padding.PKCS1v15 | None]:
    if isinstance(key, rsa.RSAPrivateKey):
        if pss:
            return hashes.SHA512(), padding.PSS(padding.MGF1(hashes.SHA512()), 64)
        return hashes.SHA256(), padding.PKCS1v15()
    match key.curve.name:
        case "secp521r1":
            return hashes.SHA512(), None
        case "secp384r1":
            return hashes.SHA384(), None
        case _:
            return hashes.SHA256(), None


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _serial_number() -> int:
    """Draw a positive number of eight octets, as the real ones are."""
    return x509.random_serial_number() >> 96 | 1 << 60
