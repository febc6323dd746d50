"""Of a card's certificates the one that proves its holder is chosen, with those above it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, permutations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from clients.card_certificates import (
    choose_authentication,
    holder_name,
    is_authentication,
    issuers,
    showable,
    validity,
)
from clients.card_profile import Holder, Use, key_usage, other_name
from clients.test_ca import Authority, KeyKind, Style, UziTestCa, make_key

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
HOLDER = Holder()


@pytest.fixture(scope="module")
def ca():
    return UziTestCa.create(NOW, Style(KeyKind.P_256))


@pytest.fixture(scope="module")
def card(ca):
    return ca.issue(HOLDER, NOW, KeyKind.P_256)


@pytest.fixture
def certify(ca):
    """Issue an authentication certificate that is wrong in one thing."""

    def issue(change, holder=HOLDER, at=NOW):
        profile = change(ca.profile(holder, Use.AUTHENTICATION, at))
        return ca.certify(holder, profile, make_key(KeyKind.P_256)).certificate

    return issue


def same(profile):
    return profile


def all_of(card):
    parts = (card.authentication, card.signature, card.confidentiality)
    return [*(part.certificate for part in parts), *card.authentication.chain]


def test_only_the_authentication_certificate_is_chosen(card):
    fitting = [found for found in all_of(card) if is_authentication(found)]

    assert fitting == [card.authentication.certificate]


def test_it_is_chosen_wherever_it_stands(card):
    parts = (card.authentication, card.signature, card.confidentiality)

    chosen = {
        choose_authentication(part.certificate for part in order) for order in permutations(parts)
    }

    assert chosen == {card.authentication.certificate}


def test_nothing_is_chosen_from_another_card(card):
    assert choose_authentication([card.signature.certificate]) is None
    assert choose_authentication([]) is None


def test_of_two_the_one_that_is_valid_longest_is_chosen(certify):
    old, new = certify(same, at=NOW - timedelta(days=900)), certify(same)

    assert choose_authentication([new, old]) == choose_authentication([old, new]) == new


@pytest.mark.parametrize(
    "change",
    [
        lambda profile: profile.replacing(
            key_usage("digital_signature", "content_commitment"), critical=True
        ),
        lambda profile: profile.replacing(key_usage("key_encipherment"), critical=True),
        lambda profile: profile.without(x509.KeyUsage),
        lambda profile: profile.replacing(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        ),
        lambda profile: profile.without(x509.ExtendedKeyUsage),
        lambda profile: profile.without(x509.SubjectAlternativeName),
        lambda profile: profile.replacing(
            x509.SubjectAlternativeName([other_name(x509.ObjectIdentifier("2.5.5.6"), 0x16, "x")])
        ),
        lambda profile: profile.replacing(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x30\x03\x02\x01")
        ).without(x509.SubjectAlternativeName),
    ],
    ids=(
        "non-repudiation",
        "no-signature",
        "no-usage",
        "no-client",
        "no-purposes",
        "no-names",
        "other-name",
        "malformed-names",
    ),
)
def test_a_certificate_that_is_wrong_in_one_thing_is_not_chosen(certify, change):
    assert not is_authentication(certify(change))


def test_the_issuers_come_upward_in_any_order_without_the_root(card):
    expected = list(card.authentication.chain[:-1])
    leaf = card.authentication.certificate

    for order in permutations(all_of(card)):
        assert list(issuers(leaf, order)) == expected


def test_an_authority_that_was_signed_twice_comes_with_both(ca, card):
    issuing = ca.issuing("Z")
    profile = ca.profile(HOLDER, Use.AUTHENTICATION, NOW)
    again = re_signed(ca.level_2, issuing.certificate, profile)
    leaf = card.authentication.certificate

    found = list(issuers(leaf, [*card.authentication.chain, again]))

    assert set(found) == {issuing.certificate, again, ca.level_2.certificate}
    assert found[-1] == ca.level_2.certificate


def re_signed(by: Authority, read: x509.Certificate, profile):
    builder = (
        x509.CertificateBuilder()
        .subject_name(read.subject)
        .issuer_name(by.certificate.subject)
        .public_key(read.public_key())
        .serial_number(profile.serial_number)
        .not_valid_before(read.not_valid_before_utc)
        .not_valid_after(read.not_valid_after_utc + timedelta(days=1))
    )
    return builder.sign(by.key, hashes.SHA256())


def test_issuers_in_a_circle_come_to_an_end(ca, card):
    issuing, profile = ca.issuing("Z"), ca.profile(HOLDER, Use.AUTHENTICATION, NOW)
    circle = re_signed(issuing, ca.level_2.certificate, profile)
    found = issuers(card.authentication.certificate, [issuing.certificate, circle])

    assert list(islice(found, 9)) == [issuing.certificate, circle]


def test_the_holders_name_is_shown_on_one_line(certify):
    names = [x509.NameAttribute(NameOID.COMMON_NAME, "Jan\u202e\nJansen  O'Brien")]

    assert holder_name(certify(lambda profile: replacing_subject(profile, names))) == (
        "Jan Jansen O'Brien"
    )


@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_a_name_longer_than_the_standard_allows_is_cut(certify):
    names = [x509.NameAttribute(NameOID.COMMON_NAME, "x" * 99, _validate=False)]

    assert holder_name(certify(lambda profile: replacing_subject(profile, names))) == "x" * 64


def test_a_holder_without_a_name_is_shown_as_unknown(certify):
    names = [x509.NameAttribute(NameOID.SURNAME, "Jansen")]

    assert holder_name(certify(lambda profile: replacing_subject(profile, names))) == "?"


def replacing_subject(profile, names):
    return replace(profile, subject=x509.Name(names))


@given(st.text())
def test_what_is_shown_is_one_printable_line(text):
    assert showable(text).isprintable()
    assert showable(text) == showable(showable(text)).strip()


def test_a_card_is_valid_from_its_first_to_its_last_second(card):
    read = card.authentication.certificate
    first, last, second = read.not_valid_before_utc, read.not_valid_after_utc, timedelta(seconds=1)

    assert validity(read, first - second) == "not_yet_valid"
    assert validity(read, first) == validity(read, last) == "valid"
    assert validity(read, last + second) == "expired"
