"""UZI cards on SoftHSM2 tokens: real PKCS#11, laid out as a UZI-pas is.

A token stands in a directory of its own; a test puts one or more of them in the readers.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pkcs11
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pkcs11 import Attribute, KeyType, ObjectClass

from clients.test_ca import Issued, IssuedCard

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "246810"
_SO_PIN = "12345678"


@dataclass(frozen=True)
class Readers:
    """Card readers with SoftHSM2 tokens in them, for this process or a child of it.

    `mechanisms` are what the tokens offer, in SoftHSM2's words.
    """

    directory: Path
    mechanisms: str = "ALL"

    def __post_init__(self) -> None:
        self.tokens.mkdir(parents=True, exist_ok=True)
        self.configuration.write_text(
            f"directories.tokendir = {self.tokens}\n"
            "objectstore.backend = file\n"
            "log.level = ERROR\n"
            "slots.removable = true\n"
            f"slots.mechanisms = {self.mechanisms}\n"
        )

    @property
    def tokens(self) -> Path:
        return self.directory / "tokens"

    @property
    def configuration(self) -> Path:
        return self.directory / ("softhsm2.conf" if self.mechanisms == "ALL" else "narrow.conf")

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.configuration)}

    @contextmanager
    def here(self) -> Iterator[None]:
        """Let the module see these readers in this process."""
        before = os.environ.get("SOFTHSM2_CONF")
        os.environ.update(self.environment)
        try:
            yield
        finally:
            if before is None:
                del os.environ["SOFTHSM2_CONF"]
            else:
                os.environ["SOFTHSM2_CONF"] = before

    def insert(self, card: IssuedCard, pin: str = PIN) -> "Readers":
        """Put a UZI card in a reader: three certificates, their keys, and the authorities."""
        parts = (card.confidentiality, card.signature, card.authentication)
        return self.put([(bytes([0x10 + at]), part) for at, part in enumerate(parts)], pin)

    def put(self, held: Iterable[tuple[bytes, Issued]], pin: str = PIN) -> "Readers":
        """Put a token in a reader with these certificates and keys, each under its CKA_ID."""
        held = list(held)
        with self.on_new_token(pin) as session:
            for identifier, issued in held:
                store_certificate(session, identifier, issued.certificate)
                store_key(session, identifier, issued.key)
            authorities = dict.fromkeys(issuer for _, issued in held for issuer in issued.chain)
            for at, authority in enumerate(authorities):
                store_certificate(session, bytes([0x80 + at]), authority)
        return self

    @contextmanager
    def on_new_token(self, pin: str = PIN) -> Iterator[pkcs11.Session]:
        """Make an empty token, and write on it."""
        label = f"UZI-{secrets.token_hex(4)}"
        made = ("softhsm2-util", "--init-token", "--free", "--label", label)
        pins = ("--so-pin", _SO_PIN, "--pin", pin)
        seeing = os.environ | self.environment
        subprocess.run([*made, *pins], check=True, env=seeing, stdout=subprocess.DEVNULL)
        with self.here():
            library = pkcs11.lib(str(MODULE))
            try:
                token = library.get_token(token_label=label)
                with token.open(rw=True, user_pin=pin) as session:
                    yield session
            finally:
                library.finalize()

    def pull_out(self) -> None:
        """Take every card out, whatever is being done with it."""
        shutil.rmtree(self.tokens)
        self.tokens.mkdir()


def store_certificate(
    session: pkcs11.Session, identifier: bytes, certificate: x509.Certificate
) -> None:
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.CERTIFICATE,
            Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,
            Attribute.ID: identifier,
            Attribute.SUBJECT: certificate.subject.public_bytes(),
            Attribute.VALUE: certificate.public_bytes(Encoding.DER),
        }
    )


def store_key(
    session: pkcs11.Session,
    identifier: bytes,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    *,
    always_authenticate: bool = False,
) -> None:
    session.create_object(
        {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.SIGN: True,
            Attribute.ID: identifier,
            Attribute.ALWAYS_AUTHENTICATE: always_authenticate,
            **_numbers(key),
        }
    )


def _numbers(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> dict[Attribute, object]:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        # SubjectPublicKeyInfo: SEQUENCE of SEQUENCE of the two OIDs, the second names the curve.
        curve = point[point.index(b"\x06", 6 + point[5]) :]
        return {
            Attribute.KEY_TYPE: KeyType.EC,
            Attribute.EC_PARAMS: curve[: 2 + curve[1]],
            Attribute.VALUE: _bytes(key.private_numbers().private_value),
        }
    numbers = key.private_numbers()
    public = numbers.public_numbers
    return {
        Attribute.KEY_TYPE: KeyType.RSA,
        Attribute.MODULUS: _bytes(public.n),
        Attribute.PUBLIC_EXPONENT: _bytes(public.e),
        Attribute.PRIVATE_EXPONENT: _bytes(numbers.d),
        Attribute.PRIME_1: _bytes(numbers.p),
        Attribute.PRIME_2: _bytes(numbers.q),
        Attribute.EXPONENT_1: _bytes(numbers.dmp1),
        Attribute.EXPONENT_2: _bytes(numbers.dmq1),
        Attribute.COEFFICIENT: _bytes(numbers.iqmp),
    }


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
