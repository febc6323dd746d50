"""OCSP responses: each thing that can be wrong with one, and no other reading of it."""

import contextlib
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import algos
from asn1crypto import ocsp as asn1_ocsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clients.card_profile import key_usage
from clients.test_ca import KeyKind, make_key
from clients.test_responder import Manner, OcspResponder, Status, responder_profile, unsuccessful
from pairing_server.uzi.ocsp import (
    NONCE_OCTETS,
    Disrupted,
    Disruption,
    Question,
    Verdict,
    read_response,
)
from pairing_server.uzi.revocation import CLOCK_SKEW, MAX_AGE, read_revocation_list

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def now():
    """Return the machine's time, which a response's producedAt is."""
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture(scope="module")
def responder_key():
    return make_key(KeyKind.P_256)


@pytest.fixture
def delegated(issuing, responder_key, now):
    """Make a responder whom the issuer named, with another profile or key if a test asks."""

    def delegated(edit=lambda profile: profile, authority=issuing, key=responder_key, **options):
        profile = edit(responder_profile(authority.certificate, now))
        return OcspResponder.delegated(authority, now, profile=profile, key=key, **options)

    return delegated


@pytest.fixture
def question(card, issuing):
    return Question(card.certificate, issuing.certificate, os.urandom(NONCE_OCTETS))


@pytest.fixture
def ask(question, now):
    """Ask a responder, and read what it says."""

    def ask(responder, lists=(), manner=None, at=None, **options):
        der = responder.answer(question.encoded(), question.certificate, now, manner)
        return read_response(der, question, at or now, lists, **options)

    return ask


def disrupted(ask, *args, **options):
    with pytest.raises(Disrupted) as refused:
        ask(*args, **options)
    return refused.value.disruption


def test_a_question_names_the_card_and_has_a_nonce(question):
    request = ocsp.load_der_ocsp_request(question.encoded())

    assert request.serial_number == question.certificate.serial_number
    (extension,) = request.extensions
    assert extension.value.nonce == question.nonce
    assert len(question.nonce) == 32


def test_good(ask, delegated):
    answer = ask(delegated())

    assert answer.verdict is Verdict.GOOD
    assert "OCSP responder" in answer.responder


@pytest.mark.parametrize(
    ("status", "verdict"), [(Status.REVOKED, Verdict.REVOKED), (Status.UNKNOWN, Verdict.UNKNOWN)]
)
def test_what_a_responder_says_of_the_card(ask, delegated, card, status, verdict):
    responder = delegated(statuses={card.certificate.serial_number: status})

    assert ask(responder).verdict is verdict


def test_the_issuer_may_answer_itself(ask, issuing):
    assert ask(OcspResponder.itself(issuing)).verdict is Verdict.GOOD
    assert ask(OcspResponder.itself(issuing), manner=Manner(attached=False, by_name=False))


def test_a_responder_may_be_named_by_its_key(ask, delegated):
    assert ask(delegated(), manner=Manner(by_name=False)).verdict is Verdict.GOOD


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
def test_the_certificate_may_be_named_by_these_hashes(ask, delegated, algorithm):
    assert (
        ask(delegated(), manner=Manner(cert_id_hash=getattr(hashes, algorithm)())).verdict
        is Verdict.GOOD
    )


def test_the_certificate_may_be_named_by_no_other_hash(ask, delegated):
    manner = Manner(cert_id_hash=hashes.SHA224())

    assert disrupted(ask, delegated(), manner=manner) is Disruption.OTHER_CERTIFICATE


@pytest.mark.parametrize(
    "status",
    [status for status in ocsp.OCSPResponseStatus if status.name != "SUCCESSFUL"],
    ids=lambda status: status.name,
)
def test_an_unsuccessful_response_is_no_answer(question, now, status):
    with pytest.raises(Disrupted) as refused:
        read_response(unsuccessful(status), question, now)

    assert refused.value.disruption is Disruption.UNSUCCESSFUL
    assert refused.value.detail == status.name.lower()


def test_a_response_for_another_card_is_no_answer(delegated, question, certify, profile, now):
    other = certify(replace(profile, serial_number=profile.serial_number + 1)).certificate
    der = delegated().answer(question.encoded(), other, now)

    with pytest.raises(Disrupted) as refused:
        read_response(der, question, now)

    assert refused.value.disruption is Disruption.OTHER_CERTIFICATE


@pytest.mark.parametrize("part", ["issuer_name_hash", "issuer_key_hash"])
def test_a_response_for_a_card_of_another_issuer_is_no_answer(delegated, question, now, part):
    """The same serial number under another authority's name, or under its key."""
    parsed = ocsp.load_der_ocsp_response(
        delegated().answer(question.encoded(), question.certificate, now)
    )
    named = {
        "issuer_name_hash": parsed.issuer_name_hash,
        "issuer_key_hash": parsed.issuer_key_hash,
        part: bytes(20),
    }
    responder = delegated()
    der = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            **named,
            serial_number=question.certificate.serial_number,
            algorithm=hashes.SHA1(),  # noqa: S303
            cert_status=Status.GOOD,
            this_update=now,
            next_update=now + MINUTE,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, responder.certificate)
        .certificates([responder.certificate])
        .add_extension(x509.OCSPNonce(question.nonce), critical=False)
        .sign(responder.key, hashes.SHA256())
    )

    with pytest.raises(Disrupted) as refused:
        read_response(der.public_bytes(Encoding.DER), question, now)

    assert refused.value.disruption is Disruption.OTHER_CERTIFICATE


def test_a_responder_of_another_authority_is_not_heard(ask, delegated, ca, issuing):
    other = replace(delegated(authority=ca.issuing("N")), issuer=issuing.certificate)

    assert disrupted(ask, other) is Disruption.WRONG_SIGNER


def test_another_authority_is_not_heard(ask, delegated, ca, issuing):
    other = replace(OcspResponder.itself(ca.issuing("N")), issuer=issuing.certificate)

    assert disrupted(ask, other) is Disruption.WRONG_SIGNER


def test_a_responder_whom_the_authority_above_named_is_not_heard(ask, delegated, ca, issuing):
    above = replace(delegated(authority=ca.level_2), issuer=issuing.certificate)

    assert disrupted(ask, above) is Disruption.WRONG_SIGNER


def test_a_responder_that_signed_its_own_certificate_is_not_heard(ask, delegated, issuing):
    """With the issuer's name, and a key of its own."""
    forger = replace(issuing, key=make_key(KeyKind.P_256))

    assert disrupted(ask, delegated(authority=forger)) is Disruption.WRONG_SIGNER


@pytest.mark.parametrize("who", ["delegated", "itself"])
def test_a_response_that_another_key_signed_is_not_heard(delegated, issuing, question, now, who):
    responder = delegated() if who == "delegated" else OcspResponder.itself(issuing)
    forger = make_key(KeyKind.P_256)
    der = replace_signature(
        responder.answer(question.encoded(), question.certificate, now),
        lambda signed: (forger.sign(signed, ec.ECDSA(hashes.SHA256())), None),
    )

    with pytest.raises(Disrupted) as refused:
        read_response(der, question, now)

    assert refused.value.disruption is Disruption.BAD_SIGNATURE


def test_a_card_is_no_responder(ask, card, issuing):
    """Each card holder has a certificate of the right issuer."""
    holder = OcspResponder(issuing.certificate, card.certificate, card.key)

    assert disrupted(ask, holder) is Disruption.WRONG_SIGNER


@pytest.mark.parametrize(
    "edit",
    [
        lambda profile: profile.without(x509.ExtendedKeyUsage),
        lambda profile: profile.replacing(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE])
        ),
        lambda profile: profile.replacing(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        ),
        lambda profile: profile.replacing(key_usage("key_encipherment")),
        lambda profile: replace(
            profile,
            extensions=(
                *profile.extensions,
                (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\x05\x00"), True),
            ),
        ),
    ],
    ids=["no EKU", "any EKU", "clientAuth", "keyUsage", "critical extension"],
)
def test_a_responder_that_may_not_answer_is_not_heard(ask, delegated, edit):
    assert disrupted(ask, delegated(edit)) is Disruption.WRONG_SIGNER


def test_a_responder_without_key_usage_is_heard(ask, delegated):
    assert ask(delegated(lambda profile: profile.without(x509.KeyUsage)))


@pytest.mark.parametrize(
    ("since", "until"),
    [(timedelta(days=-9), -MINUTE), (MINUTE, timedelta(days=9))],
    ids=["expired", "not yet"],
)
def test_a_responder_out_of_its_time_is_not_heard(ask, delegated, now, since, until):
    responder = delegated(
        lambda profile: replace(profile, not_before=now + since, not_after=now + until)
    )

    assert disrupted(ask, responder) is Disruption.WRONG_SIGNER


def test_a_responder_whose_certificate_has_a_weak_signature_is_not_heard(
    issuing, responder_key, question, now
):
    profile = responder_profile(issuing.certificate, now)
    builder = (
        x509.CertificateBuilder()
        .subject_name(profile.subject)
        .issuer_name(profile.issuer)
        .public_key(responder_key.public_key())
        .serial_number(5)
        .not_valid_before(profile.not_before)
        .not_valid_after(profile.not_after)
    )
    for extension, critical in profile.extensions:
        builder = builder.add_extension(extension, critical=critical)
    weak = builder.sign(issuing.key, hashes.SHA224())
    responder = OcspResponder(issuing.certificate, weak, responder_key)
    der = responder.answer(question.encoded(), question.certificate, now)

    with pytest.raises(Disrupted, match="signature algorithm"):
        read_response(der, question, now)


def without_nocheck(profile):
    return profile.without(x509.OCSPNoCheck)


def test_without_nocheck_a_fresh_list_must_clear_the_responder(ask, delegated, issuing, now):
    responder = delegated(without_nocheck)
    assert disrupted(ask, responder) is Disruption.WRONG_SIGNER
    stale = read_revocation_list(issuing.revocation_list(now - MAX_AGE))
    assert disrupted(ask, responder, [stale]) is Disruption.WRONG_SIGNER

    fresh = read_revocation_list(issuing.revocation_list(now))

    assert ask(responder, [fresh]).verdict is Verdict.GOOD


@pytest.mark.parametrize("edit", [without_nocheck, lambda profile: profile])
def test_a_responder_on_a_list_is_not_heard_nocheck_or_not(ask, delegated, issuing, now, edit):
    responder = delegated(edit)
    serial = responder.certificate.serial_number
    lists = [read_revocation_list(issuing.revocation_list(now, [serial]))]

    assert disrupted(ask, responder, lists) is Disruption.WRONG_SIGNER


def test_a_responder_whose_certificate_is_not_there_is_not_heard(ask, delegated):
    manner = Manner(attached=False)

    assert disrupted(ask, delegated(), manner=manner) is Disruption.WRONG_SIGNER


@pytest.mark.parametrize("nonce", [b"\x01" * 32, b"\x00"])
@pytest.mark.parametrize("required", [True, False])
def test_a_response_to_another_question_is_a_replay(ask, delegated, nonce, required):
    manner = Manner(nonce=nonce)

    assert (
        disrupted(ask, delegated(), manner=manner, nonce_required=required) is Disruption.REPLAYED
    )


def test_a_response_without_nonce_is_no_answer_where_one_is_required(ask, delegated):
    manner = Manner(nonce=False)

    assert disrupted(ask, delegated(), manner=manner) is Disruption.NO_NONCE
    assert ask(delegated(), manner=manner, nonce_required=False).verdict is Verdict.GOOD


@pytest.mark.parametrize(
    ("since", "lifetime"),
    [
        (timedelta(0), None),
        (CLOCK_SKEW - SECOND, timedelta(hours=1)),
        (-MAX_AGE + MINUTE, MAX_AGE),
        (-timedelta(hours=1), timedelta(hours=1) + MINUTE),
    ],
)
def test_a_response_in_its_time(ask, delegated, since, lifetime):
    assert ask(delegated(), manner=Manner(since=since, lifetime=lifetime))


@pytest.mark.parametrize(
    ("since", "lifetime"),
    [
        (CLOCK_SKEW + MINUTE, timedelta(hours=1)),
        (-MAX_AGE - MINUTE, timedelta(days=9)),
        (-MAX_AGE - MINUTE, None),
        (-timedelta(hours=1), timedelta(hours=1) - MINUTE),
    ],
    ids=["of tomorrow", "too old", "too old and endless", "over"],
)
def test_a_stale_response_is_no_answer(ask, delegated, since, lifetime):
    manner = Manner(since=since, lifetime=lifetime)

    assert disrupted(ask, delegated(), manner=manner) is Disruption.STALE


@pytest.mark.parametrize("shift", [CLOCK_SKEW + MINUTE, -CLOCK_SKEW - MINUTE])
def test_a_response_to_this_question_was_made_now(delegated, question, now, shift):
    der = delegated().answer(
        question.encoded(), question.certificate, now + shift, Manner(lifetime=None)
    )

    with pytest.raises(Disrupted, match="producedAt"):
        read_response(der, question, now + shift)


def test_a_response_made_ahead_is_an_answer_until_it_is_over(delegated, question, now):
    manner = Manner(nonce=False, lifetime=timedelta(hours=5))
    der = delegated().answer(question.encoded(), question.certificate, now, manner)

    def read(at):
        return read_response(der, question, at, nonce_required=False)

    assert read(now + timedelta(hours=4)).verdict is Verdict.GOOD
    with pytest.raises(Disrupted, match="nextUpdate"):
        read(now + timedelta(hours=5))


def test_a_response_made_ahead_has_to_say_until_when(ask, delegated):
    manner = Manner(nonce=False, lifetime=None)

    assert disrupted(ask, delegated(), manner=manner, nonce_required=False) is Disruption.STALE


def test_a_response_is_made_after_what_it_says(delegated, question, now):
    manner = Manner(nonce=False, lifetime=timedelta(hours=5))
    later = now + timedelta(hours=1)
    der = delegated().answer(question.encoded(), question.certificate, later, manner)

    with pytest.raises(Disrupted, match="producedAt"):
        read_response(der, question, later, nonce_required=False)


@pytest.mark.parametrize(
    "manner",
    [
        Manner(nonce=False),
        Manner(nonce=b"\x01" * 32),
        Manner(since=-3 * MAX_AGE, lifetime=MAX_AGE),
        Manner(nonce=False, lifetime=None),
    ],
    ids=["without nonce", "of another question", "over", "without nextUpdate"],
)
def test_that_a_card_was_revoked_is_heard_however_old(ask, delegated, card, manner):
    """Nothing is unrevoked; a list that was made before would clear the card."""
    revoked = {card.certificate.serial_number: Status.REVOKED}

    assert ask(delegated(statuses=revoked), manner=manner).verdict is Verdict.REVOKED


def test_who_says_that_a_card_was_revoked_has_to_be_its_responder(ask, delegated, ca, card):
    revoked = {card.certificate.serial_number: Status.REVOKED}
    other = delegated(authority=ca.issuing("N"), statuses=revoked)

    assert disrupted(ask, other, manner=Manner(nonce=False)) in (
        Disruption.OTHER_CERTIFICATE,
        Disruption.WRONG_SIGNER,
    )


def test_an_unknown_critical_extension_makes_it_no_answer(ask, delegated):
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")

    manner = Manner(extensions=((unknown, True),))
    assert disrupted(ask, delegated(), manner=manner) is Disruption.MALFORMED
    assert ask(delegated(), manner=Manner(extensions=((unknown, False),)))


@pytest.mark.parametrize(
    "kind", [KeyKind.P_256, KeyKind.P_384, KeyKind.RSA_2048], ids=lambda kind: kind.name
)
def test_a_responder_may_have_such_a_key(ask, delegated, kind):
    assert ask(delegated(key=make_key(kind))).verdict is Verdict.GOOD


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_short_key_is_not_heard(ask, delegated):
    responder = delegated(key=make_key(KeyKind.RSA_1024))

    assert disrupted(ask, responder) is Disruption.BAD_SIGNATURE


def test_a_key_on_a_short_curve_is_not_heard(ask, delegated):
    responder = delegated(key=ec.generate_private_key(ec.SECP224R1()))

    assert disrupted(ask, responder) is Disruption.BAD_SIGNATURE


def test_a_key_of_another_kind_is_not_heard(issuing, question, now):
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = issuing.sign(responder_profile(issuing.certificate, now), key)
    responder = OcspResponder(issuing.certificate, certificate, key)
    der = responder.answer(question.encoded(), question.certificate, now, algorithm=None)

    with pytest.raises(Disrupted) as refused:
        read_response(der, question, now)

    assert refused.value.disruption is Disruption.BAD_SIGNATURE


def test_a_weak_hash_is_not_heard(delegated, question, now):
    responder = delegated()
    der = replace_signature(
        responder.answer(question.encoded(), question.certificate, now),
        lambda signed: (
            responder.key.sign(signed, ec.ECDSA(hashes.SHA1())),  # noqa: S303
            {"algorithm": "sha1_ecdsa"},
        ),
    )

    with pytest.raises(Disrupted, match="signature algorithm"):
        read_response(der, question, now)


def test_a_response_may_be_signed_with_rsa_pss(delegated, question, now):
    responder = delegated(key=make_key(KeyKind.RSA_2048))
    pss = padding.PSS(padding.MGF1(hashes.SHA512()), 64)
    parameters = {
        "hash_algorithm": {"algorithm": "sha512"},
        "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": "sha512"}},
        "salt_length": 64,
    }
    der = replace_signature(
        responder.answer(question.encoded(), question.certificate, now),
        lambda signed: (
            responder.key.sign(signed, pss, hashes.SHA512()),
            {"algorithm": "rsassa_pss", "parameters": parameters},
        ),
    )

    assert read_response(der, question, now).verdict is Verdict.GOOD


def replace_signature(der, sign):
    """Sign a response anew: the library signs in its own ways only."""
    response = asn1_ocsp.OCSPResponse.load(der)
    basic = response["response_bytes"]["response"].parsed
    signature, algorithm = sign(basic["tbs_response_data"].dump())
    basic["signature"] = signature
    if algorithm is not None:
        basic["signature_algorithm"] = algos.SignedDigestAlgorithm(algorithm)
    response["response_bytes"]["response"] = asn1_ocsp.BasicOCSPResponse(
        {name: basic[name] for name in basic}
    )
    return response.dump(force=True)


def test_a_response_about_two_certificates_is_no_answer(delegated, question, now):
    der = delegated().answer(question.encoded(), question.certificate, now)
    response = asn1_ocsp.OCSPResponse.load(der)
    basic = response["response_bytes"]["response"].parsed
    single = basic["tbs_response_data"]["responses"]
    single.append(single[0])
    response["response_bytes"]["response"] = asn1_ocsp.BasicOCSPResponse(
        {name: basic[name] for name in basic}
    )

    with pytest.raises(Disrupted) as refused:
        read_response(response.dump(force=True), question, now)

    assert refused.value.disruption is Disruption.MALFORMED


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_response(card, issuing, data):
    question = Question(card.certificate, issuing.certificate, bytes(32))

    with pytest.raises(Disrupted):
        read_response(data, question, datetime.now(UTC))


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@pytest.mark.filterwarnings("ignore:The parsed certificate:UserWarning")
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_never_makes_another_answer(delegated, question, now, place, change):
    serial = question.certificate.serial_number
    responder = delegated(statuses={serial: Status.REVOKED})
    changed = bytearray(responder.answer(question.encoded(), question.certificate, now))
    changed[int(place * len(changed))] ^= change

    with contextlib.suppress(Disrupted):
        answer = read_response(bytes(changed), question, now)
        assert answer.verdict is Verdict.REVOKED
