"""An authority for clients' certificates, as the XIS have them of the UZI-register."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.card_tls import pem, pem_key

SUBJECT = "CN=xis.example,serialNumber=90000382,O=De Linde,C=NL"


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and those that lead to its authority."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


class ClientCa:
    """A root and one authority below it."""

    def __init__(self, name: str = "Test CA") -> None:
        self.root = self._issue(f"{name} Root", None)
        self.issuing = self._issue(f"{name} Issuing", self.root)

    def write_root(self, file: Path) -> Path:
        file.write_bytes(pem(self.root.certificate))
        return file

    def issue(
        self,
        subject: str = SUBJECT,
        *,
        hosts: tuple[str, ...] = (),
        usage: Any = (ExtendedKeyUsageOID.CLIENT_AUTH,),
        start: timedelta = timedelta(hours=-1),
        end: timedelta = timedelta(days=1),
        ca: bool = False,
        by: Issued | None = None,
    ) -> Issued:
        """Issue a client's certificate, well made or not."""
        key, above, now = ec.generate_private_key(ec.SECP256R1()), by or self.issuing, _now()
        names = {"serialNumber": NameOID.SERIAL_NUMBER}
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(subject, names))
            .issuer_name(above.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + start)
            .not_valid_after(now + end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key()),
                critical=False,
            )
        )
        if usage:
            made = made.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if hosts:
            names_of = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            made = made.add_extension(names_of, critical=False)
        return Issued(key, made.sign(above.key, hashes.SHA256()), (self.issuing.certificate,))

    def revocation_list(
        self,
        *revoked: Issued,
        by: Issued | None = None,
        start: timedelta = timedelta(hours=-1),
        end: timedelta = timedelta(days=1),
    ) -> bytes:
        """Issue a list of these certificates, in DER."""
        above, now = by or self.issuing, _now()
        made = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(above.certificate.subject)
            .last_update(now + start)
            .next_update(now + end)
            .add_extension(x509.CRLNumber(1), critical=False)
        )
        for each in revoked:
            serial = each.certificate.serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            made = made.add_revoked_certificate(entry.build())
        return made.sign(above.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def _issue(self, name: str, above: Issued | None) -> Issued:
        key, now = ec.generate_private_key(ec.SECP256R1()), _now()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = key if above is None else above.key
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if above is None else above.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=False,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    key_cert_sign=True,
                    crl_sign=True,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
        )
        return Issued(key, made.sign(signer, hashes.SHA256()))


def client_tls(server: Path, shown: Issued | None, directory: Path) -> ssl.SSLContext:
    """Make a client's TLS, which shows a certificate or none."""
    context = ssl.create_default_context(cafile=server)
    if shown is not None:
        file = directory / "client.pem"
        file.write_bytes(pem_key(shown.key) + pem(shown.certificate, *shown.chain))
        context.load_cert_chain(file)
    return context


def _now() -> datetime:
    return datetime.now(UTC)
