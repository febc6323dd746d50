"""Revocation lists: good, revoked, stale, of another, and none."""

import contextlib
import os
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
from clients.test_ca import KeyKind
from pairing_server.uzi.path import CardVerifier
from pairing_server.uzi.refusals import CardRevoked, RevocationUnknown
from pairing_server.uzi.revocation import (
    CLOCK_SKEW,
    MAX_AGE,
    RevocationLists,
    UnusableList,
    check_revocation,
    read_revocation_list,
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
        check_revocation(card.certificate, issuing.certificate, read, moment)

    return check


@pytest.fixture
def directory(tmp_path, issuing, at):
    (tmp_path / "zorgverlener.crl").write_bytes(issuing.revocation_list(at))
    return tmp_path


@pytest.fixture
def known(directory, card, issuing, at):
    """Check the card against what is in the directory now."""
    lists = RevocationLists(directory)

    def known():
        lists.refresh()
        lists.check(card.certificate, issuing.certificate, at)

    return known


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
    forger = replace(issuing, key=card.key)

    with pytest.raises(RevocationUnknown):
        check(forger.revocation_list(at))


def test_a_list_that_another_key_signed_revokes_nothing(check, issuing, card, at):
    forger = replace(issuing, key=card.key)

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
        same = crl.crl.tbs_certlist_bytes == read_revocation_list(original).crl.tbs_certlist_bytes
        assert same or not crl.is_from(issuing.certificate)


def test_the_signature_of_a_list_is_checked_once_for_a_key(issuing, at):
    crl = read_revocation_list(issuing.revocation_list(at))
    once = replace(crl, crl=None)

    assert crl.is_from(issuing.certificate)
    assert once.is_from(issuing.certificate)


def test_a_directory_of_lists_is_read(known):
    known()


def test_without_a_directory_nothing_is_known(card, issuing, at):
    lists = RevocationLists(None)
    lists.refresh()

    with pytest.raises(RevocationUnknown):
        lists.check(card.certificate, issuing.certificate, at)


def test_in_a_directory_that_is_not_there_nothing_is_known(card, issuing, at, tmp_path):
    lists = RevocationLists(tmp_path / "missing")
    lists.refresh()

    with pytest.raises(RevocationUnknown):
        lists.check(card.certificate, issuing.certificate, at)


def test_a_directory_that_cannot_be_read_any_more_leaves_what_was_read(known, directory):
    known()
    directory.rename(directory.with_name("elsewhere"))

    known()


def test_a_list_that_cannot_be_read_any_more_leaves_what_was_read(known, directory, monkeypatch):
    known()
    file = directory / "zorgverlener.crl"
    os.utime(file, ns=(0, 0))
    monkeypatch.setattr(type(file), "read_bytes", refuse)

    known()


def refuse(_):
    raise PermissionError


def test_before_the_first_refresh_nothing_is_known(directory, card, issuing, at):
    with pytest.raises(RevocationUnknown):
        RevocationLists(directory).check(card.certificate, issuing.certificate, at)


def test_a_list_that_changes_is_read_again(known, directory, issuing, card, at):
    known()
    revoking = issuing.revocation_list(at, [card.certificate.serial_number])
    (directory / "zorgverlener.crl").write_bytes(revoking)

    with pytest.raises(CardRevoked):
        known()


def test_a_list_that_stays_is_not_read_again(known, directory):
    known()
    file = directory / "zorgverlener.crl"
    stat = file.stat()
    file.write_bytes(bytes(stat.st_size))
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    known()


def test_a_list_that_goes_is_forgotten(known, directory):
    known()
    (directory / "zorgverlener.crl").unlink()

    with pytest.raises(RevocationUnknown):
        known()


def test_a_file_caught_half_written_leaves_what_was_read_of_it(known, directory):
    known()
    file = directory / "zorgverlener.crl"
    file.write_bytes(file.read_bytes()[:-1])

    known()


def test_a_file_that_was_half_written_is_read_when_it_is_whole(known, directory, issuing, at):
    file = directory / "zorgverlener.crl"
    file.write_bytes(b"\x30")
    with pytest.raises(RevocationUnknown):
        known()
    file.write_bytes(issuing.revocation_list(at))

    known()


def test_what_is_no_list_does_no_harm(known, directory):
    (directory / "README.txt").write_text("lists")
    (directory / ".zorgverlener.crl.part").write_bytes(b"\x30")
    (directory / "old").mkdir()

    known()


async def test_an_authority_on_a_list_of_its_issuer_is_refused(ca, card, at, directory):
    level_2 = ca.level_2.certificate
    path = [card.certificate, ca.issuing("Z").certificate, level_2, ca.root.certificate]
    lists = RevocationLists(directory)
    assert await lists.check(path, at)

    (directory / "root.crl").write_bytes(ca.root.revocation_list(at, [level_2.serial_number]))

    with pytest.raises(UntrustedIssuer):
        await lists.check(path, at)
