"""The test responder says what a real one would, and what a test asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ExtendedKeyUsage, OCSPNoCheck, OCSPNonce, ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients.card_profile import Holder, Use
from clients.test_ca import KeyKind, Style, UziTestCa, make_key
from clients.test_responder import Manner, OcspResponder, Status, asked_nonce, unsuccessful

NONCE = b"n" * 32


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(datetime.now(UTC), Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def card(ca):
    now = datetime.now(UTC)
    profile = ca.profile(Holder(), Use.AUTHENTICATION, now)
    return ca.certify(Holder(), profile, make_key(KeyKind.P_256)).certificate


@pytest.fixture(scope="module")
def responder(ca, card):
    statuses = {card.serial_number: Status.REVOKED}
    return OcspResponder.delegated(ca.issuing("Z"), datetime.now(UTC), statuses=statuses)


@pytest.fixture
def question(ca, card):
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(card, ca.issuing("Z").certificate, hashes.SHA256())
    request = builder.add_extension(OCSPNonce(NONCE), critical=False).build()
    return request.public_bytes(Encoding.DER)


def test_a_responder_is_named_by_its_authority(ca, responder):
    certificate = responder.certificate

    certificate.verify_directly_issued_by(ca.issuing("Z").certificate)
    uses = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert certificate.extensions.get_extension_for_class(OCSPNoCheck)


def test_it_answers_what_it_knows(responder, question, card):
    now = datetime.now(UTC)

    response = ocsp.load_der_ocsp_response(responder.answer(question, card, now))

    assert response.certificate_status is Status.REVOKED
    assert response.serial_number == card.serial_number
    assert response.extensions[0].value.nonce == NONCE
    assert response.next_update_utc - response.this_update_utc == timedelta(hours=1)


def test_it_answers_in_another_manner(ca, question, card):
    manner = Manner(nonce=False, lifetime=None, by_name=False, attached=False)
    itself = OcspResponder.itself(ca.issuing("Z"))

    response = ocsp.load_der_ocsp_response(
        itself.answer(question, card, datetime.now(UTC), manner)
    )

    assert response.certificate_status is Status.GOOD
    assert (len(response.extensions), response.certificates) == (0, [])
    assert response.next_update_utc is None
    assert response.responder_name is None


def test_a_question_without_nonce_has_none(ca, card):
    request = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(card, ca.issuing("Z").certificate, hashes.SHA256())
        .build()
    )

    assert asked_nonce(request.public_bytes(Encoding.DER)) is None


def test_it_may_say_that_it_cannot(ca):
    response = ocsp.load_der_ocsp_response(unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER))

    assert response.response_status is ocsp.OCSPResponseStatus.TRY_LATER
