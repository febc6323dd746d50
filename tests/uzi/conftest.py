"""A test register and cards; keys are made once and shared, for they are what takes time."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from clients.card_profile import Holder, Use
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from pairing_server.uzi.anchors import TrustAnchors
from pairing_server.uzi.hierarchy import load_hierarchy
from pairing_server.uzi.path import CardVerifier
from tests.uzi.publisher import publishing

FIXTURES = Path(__file__).parent / "fixtures"


class KeyRing:
    """Hands out the same keys, in the same order, to each register."""

    def __init__(self) -> None:
        self._keys = defaultdict(list)

    def turn(self):
        """Start over with the first key; each call of the answer goes on to the next."""
        given = defaultdict(int)

        def new_key(kind):
            keys = self._keys[kind]
            given[kind] += 1
            while len(keys) < given[kind]:
                keys.append(make_key(kind))
            return keys[given[kind] - 1]

        return new_key


@pytest.fixture(scope="session")
def at():
    return datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def key_ring():
    return KeyRing()


@pytest.fixture(scope="session")
def make_ca(at, key_ring):
    def make(key_kind=KeyKind.P_256, **style):
        return UziTestCa.create(at, Style(key_kind, new_key=key_ring.turn(), **style))

    return make


@pytest.fixture(scope="session")
def ca(make_ca):
    return make_ca()


@pytest.fixture(scope="session")
def holder():
    return Holder()


@pytest.fixture(scope="session")
def card_key():
    return make_key(KeyKind.RSA_2048)


@pytest.fixture(scope="session")
def profile(ca, holder, at):
    return ca.profile(holder, Use.AUTHENTICATION, at)


@pytest.fixture(scope="session")
def certify(ca, holder, card_key):
    def certify(profile, key=card_key):
        return ca.certify(holder, profile, key)

    return certify


@pytest.fixture(scope="session")
def card(certify, profile):
    return certify(profile)


@pytest.fixture(scope="session")
def hierarchy():
    return load_hierarchy("test")


@pytest.fixture(scope="session")
def trusting(hierarchy):
    """Make a verifier that trusts these anchors."""
    return lambda *anchors: CardVerifier(TrustAnchors(anchors), hierarchy)


@pytest.fixture(scope="session")
def verifier(ca, trusting):
    return trusting(ca.root.certificate)


@pytest.fixture(scope="session")
def real():
    """The certificates of the real test card, by file name."""
    return {
        file.stem: x509.load_pem_x509_certificate(file.read_bytes())
        for file in FIXTURES.glob("*.cer")
    }


@pytest.fixture(scope="session")
def make_root(at):
    """Make a root certificate of this name."""
    key = make_key(KeyKind.P_256)

    def make(common_name):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(at)
            .not_valid_after(at + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )

    return make


@pytest.fixture
async def publisher():
    """Publish lists and answer questions on loopback."""
    async with publishing() as publisher:
        yield publisher
