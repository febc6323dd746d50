"""The test register imitates the real one, and its cards open for the agent."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtensionOID

from clients.card_profile import Holder, Use
from clients.test_ca import KeyKind, Style, UziTestCa, make_key

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
REAL = Path(__file__).parents[1] / "uzi" / "fixtures"

#: What the real certificates have and the imitation has, too, value for value.
SAME = (
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
)
REAL_HOLDER = Holder(
    first_names="Jan",
    last_name="test-90014548",
    uzi_number="900016528",
    ura="90000382",
    organisation_name="Tést Zorginstelling 03",
    role_code="01.000",
)


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(AT, Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def card(ca):
    return ca.issue(REAL_HOLDER, AT, KeyKind.P_256)


def real(file):
    return x509.load_pem_x509_certificate((REAL / f"{file}.cer").read_bytes())


def says(certificate):
    """Subject, issuer and the extensions that can be compared."""
    extensions = {extension.oid: extension for extension in certificate.extensions}
    return (
        certificate.subject,
        certificate.issuer,
        set(extensions) - {ExtensionOID.AUTHORITY_INFORMATION_ACCESS},
        [extensions.get(oid) for oid in SAME],
        policies(extensions),
    )


def policies(extensions):
    extension = extensions.get(ExtensionOID.CERTIFICATE_POLICIES)
    return extension and [policy.policy_identifier for policy in extension.value]


@pytest.mark.parametrize(
    ("part", "file"),
    [
        ("authentication", "authenticiteit"),
        ("signature", "handtekening"),
        ("confidentiality", "vertrouwelijkheid"),
    ],
)
def test_a_card_says_what_the_real_one_says(card, part, file):
    assert says(getattr(card, part).certificate) == says(real(file))


@pytest.mark.parametrize(
    ("place", "file"), [(0, "zorgverlener_ca"), (1, "level_2_persoon_ca"), (2, "root_ca")]
)
def test_an_authority_says_what_the_real_one_says(card, place, file):
    assert says(card.authentication.chain[place]) == says(real(file))


def test_each_certificate_is_signed_by_the_next(card):
    path = [card.authentication.certificate, *card.authentication.chain]

    path[0].verify_directly_issued_by(path[1])
    path[1].verify_directly_issued_by(path[2])
    path[2].verify_directly_issued_by(path[3])
    path[3].verify_directly_issued_by(path[3])


@pytest.mark.parametrize("card_type", ["N", "M"])
def test_other_cards_have_no_title_and_another_issuer(ca, card, card_type):
    holder = Holder(card_type=card_type, role_code="00.000")
    other = ca.issue(holder, AT, KeyKind.P_256).authentication

    assert other.certificate.issuer != card.authentication.certificate.issuer
    assert not other.certificate.subject.get_attributes_for_oid(x509.NameOID.TITLE)


def test_a_card_opens_with_its_pin(card, tmp_path):
    file = tmp_path / "card.p12"

    card.authentication.write_pkcs12(file, "123456")

    key, certificate, others = pkcs12.load_key_and_certificates(file.read_bytes(), b"123456")
    assert certificate == card.authentication.certificate
    assert key.public_key() == certificate.public_key()
    assert set(others) == set(card.authentication.chain)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_card_does_not_open_with_another_pin(card, tmp_path):
    file = tmp_path / "card.p12"
    card.authentication.write_pkcs12(file, "123456")

    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(file.read_bytes(), b"000000")


def test_a_root_is_written_as_an_anchor(ca, tmp_path):
    ca.write_root(tmp_path / "root.pem")

    read = x509.load_pem_x509_certificate((tmp_path / "root.pem").read_bytes())
    assert read == ca.root.certificate


def test_a_list_names_what_is_revoked_for_48_hours(ca):
    issuing = ca.issuing("Z")

    crl = x509.load_der_x509_crl(issuing.revocation_list(AT, [7, 8]))

    assert [entry.serial_number for entry in crl] == [7, 8]
    assert crl.next_update_utc - crl.last_update_utc == timedelta(hours=48)
    assert crl.is_signature_valid(issuing.key.public_key())


@pytest.mark.parametrize("kind", [KeyKind.RSA_1024, KeyKind.RSA_2048])
def test_rsa_keys_have_their_size(kind):
    key = make_key(kind)

    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == kind.value


@pytest.mark.parametrize("kind", [KeyKind.P_256, KeyKind.P_384, KeyKind.P_521])
def test_other_keys_have_their_curve(kind):
    key = make_key(kind)

    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == kind.value


@pytest.mark.parametrize("pss", [False, True])
def test_a_register_with_rsa_keys_signs_as_it_is_told(pss):
    ca = UziTestCa.create(AT, Style(KeyKind.RSA_2048, pss=pss))

    name = type(ca.root.certificate.signature_algorithm_parameters).__name__
    assert name == ("PSS" if pss else "PKCS1v15")


def test_certificates_differ_in_their_serial_numbers(ca):
    first, second = (ca.profile(Holder(), Use.AUTHENTICATION, AT) for _ in range(2))

    assert first.serial_number != second.serial_number
    assert first.serial_number.bit_length() <= 63
