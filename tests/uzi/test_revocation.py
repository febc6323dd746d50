"""Revocation lists: good, revoked, stale, of another, and none."""

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.card_profile import key_usage
from clients.test_ca import KeyKind, make_key
from pairing_server.uzi.refusals import CardRevoked, RevocationUnknown
from pairing_server.uzi.revocation import (
    CLOCK_SKEW,
    MAX_AGE,
    Merit,
    Scheme,
    SerialNumbers,
    UnusableList,
    check_revocation,
    common_name,
    list_urls,
    name_of,
    read_revocation_list,
    weigh,
)

SECOND = timedelta(seconds=1)

PARTITIONED = x509.IssuingDistributionPoint(
    full_name=[x509.UniformResourceIdentifier("http://uzi-register-test.invalid/1.crl")],
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=False,
    only_some_reasons=None,
    indirect_crl=False,
    only_contains_attribute_certs=False,
)
INDIRECT = x509.IssuingDistributionPoint(
    full_name=None,
    relative_name=None,
    only_contains_user_certs=False,
    only_contains_ca_certs=False,
    only_some_reasons=None,
    indirect_crl=True,
    only_contains_attribute_certs=False,
)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


@pytest.fixture(scope="session")
def issuing(ca):
    return ca.issuing("Z")


@pytest.fixture
def check(card, issuing, at):
    """Check the card against lists in DER."""

    def check(*lists, moment=at):
        read = [read_revocation_list(one) for one in lists]
        return check_revocation(card.certificate, issuing.certificate, read, moment)

    return check


def test_a_card_that_a_fresh_list_does_not_name_holds(check, issuing, at):
    check(issuing.revocation_list(at, [1, 2, 3]))


def test_a_card_that_a_list_names_is_revoked(check, issuing, card, at):
    with pytest.raises(CardRevoked):
        check(issuing.revocation_list(at, [1, card.certificate.serial_number]))


def test_without_a_list_nothing_is_known(check):
    with pytest.raises(RevocationUnknown):
        check()


@pytest.mark.parametrize("age", [-CLOCK_SKEW, timedelta(0), MAX_AGE - SECOND])
def test_a_list_speaks_for_48_hours(check, issuing, at, age):
    check(issuing.revocation_list(at), moment=at + age)


@pytest.mark.parametrize("age", [-CLOCK_SKEW - SECOND, MAX_AGE])
def test_a_list_out_of_its_time_says_nothing(check, issuing, at, age):
    with pytest.raises(RevocationUnknown):
        check(issuing.revocation_list(at), moment=at + age)


@pytest.mark.parametrize(
    ("lifetime", "age"), [(timedelta(hours=1), timedelta(hours=1)), (timedelta(days=30), MAX_AGE)]
)
def test_the_earlier_of_next_update_and_48_hours_ends_a_list(check, issuing, at, lifetime, age):
    crl = issuing.sign_list(issuing.list_builder(at, lifetime=lifetime))
    check(crl, moment=at + age - SECOND)

    with pytest.raises(RevocationUnknown):
        check(crl, moment=at + age)


def test_a_stale_list_beside_a_fresh_one_does_no_harm(check, issuing, at):
    check(issuing.revocation_list(at - MAX_AGE), issuing.revocation_list(at))


def test_what_was_revoked_stays_revoked(check, issuing, card, at):
    stale = issuing.revocation_list(at - 10 * MAX_AGE, [card.certificate.serial_number])

    with pytest.raises(CardRevoked):
        check(stale, issuing.revocation_list(at))


def test_a_list_of_another_authority_says_nothing(check, ca, at):
    with pytest.raises(RevocationUnknown):
        check(ca.issuing("N").revocation_list(at), ca.level_2.revocation_list(at))


def test_a_list_of_another_name_says_nothing_even_with_the_same_key(ca, issuing, profile, at):
    """As of an authority that kept its key and changed its name."""
    edit = replace(profile, subject=ca.level_2.certificate.subject)
    other = issuing.sign(edit.replacing(key_usage("crl_sign")), issuing.key)
    crl = read_revocation_list(issuing.revocation_list(at))

    assert not crl.is_from(other)


def test_another_authority_revokes_nothing(check, ca, issuing, card, at):
    serial = card.certificate.serial_number

    check(issuing.revocation_list(at), ca.issuing("N").revocation_list(at, [serial]))


def test_a_list_that_another_key_signed_says_nothing(check, issuing, card, at):
    forger = replace(issuing, key=make_key(KeyKind.P_256))

    with pytest.raises(RevocationUnknown):
        check(forger.revocation_list(at))


def test_a_list_that_another_key_signed_revokes_nothing(check, issuing, card, at):
    forger = replace(issuing, key=make_key(KeyKind.P_256))

    check(
        issuing.revocation_list(at),
        forger.revocation_list(at, [card.certificate.serial_number]),
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda profile: profile.without(x509.KeyUsage),
        lambda profile: profile.replacing(key_usage("key_cert_sign"), critical=True),
    ],
    ids=["no keyUsage", "no cRLSign"],
)
def test_an_authority_that_may_not_sign_lists_says_nothing(make_ca, card, at, edit):
    ca = make_ca(change=lambda level, profile: edit(profile) if level == "issuing" else profile)
    crl = read_revocation_list(ca.issuing("Z").revocation_list(at))

    with pytest.raises(RevocationUnknown):
        check_revocation(card.certificate, ca.issuing("Z").certificate, [crl], at)


def test_an_authority_with_a_key_of_another_kind_says_nothing(issuing, certify, profile, at):
    edit = replace(profile, subject=issuing.certificate.subject).replacing(key_usage("crl_sign"))
    other = certify(edit, ed25519.Ed25519PrivateKey.generate()).certificate
    crl = read_revocation_list(issuing.revocation_list(at))

    assert not crl.is_from(other)


@pytest.mark.parametrize(
    "style", [{"key_kind": KeyKind.RSA_2048}, {"key_kind": KeyKind.RSA_2048, "pss": True}]
)
def test_a_list_may_be_signed_with_rsa(make_ca, style, card, at):
    issuing = make_ca(**style).issuing("Z")
    crl = read_revocation_list(issuing.revocation_list(at))

    check_revocation(card.certificate, issuing.certificate, [crl], at)


@pytest.mark.parametrize(
    ("extension", "critical"),
    [
        (PARTITIONED, True),
        (PARTITIONED, False),
        (INDIRECT, True),
        (x509.DeltaCRLIndicator(1), True),
        (x509.DeltaCRLIndicator(1), False),
        (UNKNOWN, True),
    ],
)
def test_a_list_that_is_not_its_whole_issuers_is_not_read(issuing, at, extension, critical):
    builder = issuing.list_builder(at).add_extension(extension, critical=critical)

    with pytest.raises(UnusableList):
        read_revocation_list(issuing.sign_list(builder))


def test_an_unknown_extension_that_is_not_critical_does_no_harm(check, issuing, at):
    check(issuing.sign_list(issuing.list_builder(at).add_extension(UNKNOWN, critical=False)))


def test_a_list_with_a_critical_entry_extension_is_not_read(issuing, at):
    other = x509.CertificateIssuer([x509.DirectoryName(issuing.certificate.subject)])
    entry = x509.RevokedCertificateBuilder().serial_number(5).revocation_date(at)
    builder = issuing.list_builder(at).add_revoked_certificate(
        entry.add_extension(other, critical=True).build()
    )

    with pytest.raises(UnusableList):
        read_revocation_list(issuing.sign_list(builder))


def test_a_reason_does_no_harm(issuing, card, check, at):
    entry = x509.RevokedCertificateBuilder().serial_number(card.certificate.serial_number)
    reason = x509.CRLReason(x509.ReasonFlags.key_compromise)
    builder = issuing.list_builder(at).add_revoked_certificate(
        entry.revocation_date(at).add_extension(reason, critical=False).build()
    )

    with pytest.raises(CardRevoked):
        check(issuing.sign_list(builder))


def test_a_list_with_a_weak_hash_is_not_read(issuing, at):
    crl = issuing.list_builder(at).sign(issuing.key, hashes.SHA224())

    with pytest.raises(UnusableList, match="signature algorithm"):
        read_revocation_list(crl.public_bytes(Encoding.DER))


def test_a_list_without_next_update_is_not_read(monkeypatch):
    class Endless:
        next_update_utc = None

    monkeypatch.setattr(x509, "load_der_x509_crl", lambda _: Endless())

    with pytest.raises(UnusableList, match="nextUpdate"):
        read_revocation_list(b"\x30")


def test_a_list_is_read_from_pem(check, issuing, at):
    crl = x509.load_der_x509_crl(issuing.revocation_list(at))

    check(crl.public_bytes(Encoding.PEM))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_no_list(data):
    with pytest.raises(UnusableList):
        read_revocation_list(data)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
@settings(max_examples=300)
def test_a_changed_byte_never_makes_another_list(issuing, at, place, change):
    original = issuing.revocation_list(at, [5])
    changed = bytearray(original)
    changed[int(place * len(changed))] ^= change

    # The unused bits of the signature's BIT STRING may change and say nothing else.
    with contextlib.suppress(UnusableList):
        crl = read_revocation_list(bytes(changed))
        same = crl.signed == read_revocation_list(original).signed
        assert same or not crl.is_from(issuing.certificate)


def test_the_newest_list_that_clears_a_card_is_named(check, issuing, at):
    lists = [issuing.revocation_list(at - timedelta(hours=age)) for age in (3, 1, 2)]

    assert check(*lists).this_update == at - timedelta(hours=1)


def test_a_list_of_an_authority_above_lasts_as_long_as_it_says(issuing, card, at):
    year = timedelta(days=365)
    crl = read_revocation_list(issuing.sign_list(issuing.list_builder(at, lifetime=year)))

    def check(moment):
        check_revocation(card.certificate, issuing.certificate, [crl], moment, max_age=None)

    check(at + year - SECOND)
    with pytest.raises(RevocationUnknown):
        check(at + year)


@pytest.mark.parametrize("kind", [KeyKind.P_256, KeyKind.P_384, KeyKind.P_521])
def test_a_list_may_be_signed_on_these_curves(make_ca, kind, card, at):
    issuing = make_ca(kind).issuing("Z")
    crl = read_revocation_list(issuing.revocation_list(at))

    assert crl.is_from(issuing.certificate)
    assert not replace(crl, signed=bytes(len(crl.signed))).is_from(issuing.certificate)


@pytest.mark.parametrize("scheme", list(Scheme))
def test_a_signature_of_another_scheme_is_none(make_ca, scheme, at):
    """The signature's bytes under a scheme that the list does not name."""
    for style in ({"key_kind": KeyKind.RSA_2048}, {"key_kind": KeyKind.RSA_2048, "pss": True}, {}):
        issuing = make_ca(**style).issuing("Z")
        crl = read_revocation_list(issuing.revocation_list(at))

        other = replace(crl, scheme=scheme)
        assert other.is_from(issuing.certificate) == (scheme is crl.scheme)


@given(st.sets(st.integers(-(2**40), 2**159 - 1)), st.integers(-(2**60), 2**170))
def test_a_serial_number_is_found_where_a_set_would_find_it(serials, other):
    found = SerialNumbers.of(serials)

    assert len(found) == len(serials)
    assert all(serial in found for serial in serials)
    near = {serial + step for serial in serials for step in (-1, 1, 256)}
    for absent in {other, *near} - serials:
        assert absent not in found


@given(st.sets(st.integers(0, 300), min_size=1), st.integers(-10, 600))
def test_a_short_serial_number_is_found_where_a_set_would_find_it(serials, other):
    assert (other in SerialNumbers.of(serials)) == (other in serials)


def test_what_is_no_number_is_not_on_a_list():
    assert "5" not in SerialNumbers.of([5])


def test_a_list_with_a_serial_number_that_is_none_is_not_read():
    with pytest.raises(UnusableList, match="serial number"):
        SerialNumbers.of([1, 2**200])


def make_list(authority, at, number=1, **options):
    return read_revocation_list(
        authority.sign_list(authority.list_builder(at, number=number, **options))
    )


@pytest.fixture(scope="session")
def weighing(issuing, ca, at):
    """Weigh a list against a held one, knowing the issuer and others."""

    def weighing(new, held=None, authorities=(issuing, ca.root), now=at):
        return weigh(new, held, [one.certificate for one in authorities], now)

    return weighing


def test_the_first_list_is_held(weighing, issuing, at):
    assert weighing(make_list(issuing, at)) is Merit.NEW


def test_a_stale_list_is_held_where_there_is_none(weighing, issuing, at):
    assert weighing(make_list(issuing, at - timedelta(days=9))) is Merit.NEW


@pytest.mark.parametrize(
    ("number", "age", "merit"),
    [
        (6, timedelta(0), Merit.NEW),
        (6, timedelta(hours=1), Merit.NEW),
        (5, timedelta(0), Merit.NEW),
        (5, timedelta(hours=2), Merit.OLDER),
        (4, timedelta(0), Merit.OLDER),
    ],
)
def test_an_older_list_never_replaces_a_newer_one(weighing, issuing, at, number, age, merit):
    held = make_list(issuing, at - timedelta(hours=1), number=5)

    assert weighing(make_list(issuing, at - age, number=number), held) is merit


@pytest.mark.parametrize("days", [-9, 9])
def test_a_list_out_of_its_time_replaces_none(weighing, issuing, at, days):
    held = make_list(issuing, at, number=5)

    assert weighing(make_list(issuing, at + timedelta(days=days), number=9), held) is Merit.STALE


def test_a_list_that_nobody_signed_replaces_none(weighing, issuing, card, at):
    forged = make_list(replace(issuing, key=make_key(KeyKind.P_256)), at, number=99)

    assert weighing(forged, make_list(issuing, at)) is Merit.WRONG_SIGNER
    assert weighing(forged) is Merit.WRONG_SIGNER


def test_a_list_of_an_unknown_authority_replaces_no_signed_one(weighing, issuing, ca, at):
    unknown = make_list(ca.issuing("N"), at, number=99)

    assert weighing(unknown, make_list(issuing, at)) is Merit.WRONG_SIGNER
    assert weighing(unknown) is Merit.NEW


def test_a_signed_list_replaces_one_that_turned_out_to_be_nobodys(weighing, issuing, card, at):
    forged = make_list(replace(issuing, key=make_key(KeyKind.P_256)), at, number=99)

    assert weighing(make_list(issuing, at), forged) is Merit.NEW
    assert weighing(make_list(issuing, at), forged, authorities=()) is Merit.NEW


def test_an_issuer_that_counts_anew_is_heard_once_its_last_list_is_over(weighing, issuing, at):
    held, new = make_list(issuing, at - timedelta(hours=1), number=99), make_list(issuing, at)

    assert weighing(new, held) is Merit.OLDER
    assert weighing(new, held, now=at + timedelta(hours=47, minutes=30)) is Merit.NEW


def test_a_list_of_another_authority_replaces_one_that_is_over(weighing, issuing, ca, at):
    """As when an address is given to the authority that follows."""
    both = (issuing, ca.root)
    held = make_list(issuing, at - timedelta(hours=1), number=99)
    new = make_list(ca.root, at)

    assert weighing(new, held, both) is Merit.OLDER
    later = at + timedelta(hours=47, minutes=30)
    assert weighing(new, held, both, now=later) is Merit.NEW


def test_the_addresses_of_lists_are_read(card, issuing):
    assert list_urls(card.certificate) == [
        "http://uzi-register-test.invalid/cdp/test_uzi-register_zorgverlener_ca_g3.crl"
    ]
    assert len(list_urls(issuing.certificate)) == 1


def test_an_address_of_a_part_of_a_list_is_passed_over(certify, profile, issuing):
    place = [x509.UniformResourceIdentifier("http://a.invalid/all.crl")]
    directory = [x509.DirectoryName(issuing.certificate.subject)]
    points = x509.CRLDistributionPoints(
        [
            x509.DistributionPoint(
                place, None, frozenset([x509.ReasonFlags.key_compromise]), None
            ),
            x509.DistributionPoint(place, None, None, directory),
            x509.DistributionPoint(None, None, None, directory),
            x509.DistributionPoint(directory, None, None, None),
        ]
    )

    assert list_urls(certify(profile.replacing(points)).certificate) == []
    assert list_urls(certify(profile.without(x509.CRLDistributionPoints)).certificate) == []


def test_an_authority_is_told_by_its_common_name(issuing):
    name = name_of(issuing.certificate.subject)

    assert common_name(name) == "TEST UZI-register Zorgverlener CA G3"
    assert common_name("O=CIBG") == "O=CIBG"
    assert common_name("nonsense") == "nonsense"
