"""A browser that shows a card in TLS, and the certificate of the server that asks for it."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "localhost"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class ServerCertificate:
    """A certificate for localhost that signed itself, in files."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "server.pem"
        self.key = directory / "server.key"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(pem(made))
        self.key.write_bytes(pem_key(key))


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


class KeyInPem:
    """A key as it would be written, for one that the library would not make."""

    def __init__(self, written: bytes) -> None:
        self.private_bytes = lambda *_: written


def without_scalar(key: ec.EllipticCurvePrivateKey) -> KeyInPem:
    """Make a key of the public half alone, as whoever saw the certificate has it."""
    written = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    other = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    assert written.count(scalar) == 1
    text = base64.encodebytes(written.replace(scalar, other.to_bytes(32, "big"))).decode()
    return KeyInPem(f"-----BEGIN PRIVATE KEY-----\n{text}-----END PRIVATE KEY-----\n".encode())


def pem_key(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def browser_tls(
    server: ServerCertificate, card=None, *, with_chain: bool = True, version=None
) -> ssl.SSLContext:
    """Make a browser's TLS: its card is put in by `card`, with `key`, `certificate`, `chain`."""
    context = ssl.create_default_context(cafile=server.certificate)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    if card is not None:
        file = server.key.with_name("card.pem")
        chain = card.chain if with_chain else ()
        file.write_bytes(pem_key(card.key) + pem(card.certificate, *chain))
        context.load_cert_chain(file)
    return context
