"""Each rule on a card's certificate, by a card that is good but for one thing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.card_profile import (
    ACCOUNT_NAME,
    CARD_NAME,
    Holder,
    Use,
    card_policies,
    key_usage,
    other_name,
)
from pairing_server.uzi.certificate import Card, parsing, read_card
from pairing_server.uzi.hierarchy import load_hierarchy
from pairing_server.uzi.refusals import (
    CardTypeNotAccepted,
    CertificateOfAuthority,
    DoubledAccountName,
    DoubledCardName,
    InconsistentAccountName,
    InconsistentIssuer,
    InconsistentSubject,
    InconsistentSubscriber,
    MalformedAccountName,
    MalformedCardName,
    MalformedCertificate,
    MalformedSubject,
    MalformedUziNumber,
    MissingAccountName,
    MissingCardName,
    ServerCertificate,
    UnknownCardType,
    UnknownIssuer,
    WrongCardNameType,
    WrongExtendedKeyUsage,
    WrongKeyUsage,
    WrongPolicy,
)

ACCOUNT = other_name(ACCOUNT_NAME, 0x0C, "900001234@90000382")
TEXT = Holder().card_name


def card_name(old="", new=""):
    return other_name(CARD_NAME, 0x16, TEXT.replace(old, new, 1))


def names(*names):
    return x509.SubjectAlternativeName(names)


def with_attribute(name, oid, *values):
    """Put the values in the place of an attribute."""
    kept = [attribute for attribute in name if attribute.oid != oid]
    return x509.Name([*kept, *(x509.NameAttribute(oid, value) for value in values)])


@pytest.fixture
def read(certify, hierarchy):
    return lambda profile: read_card(certify(profile).certificate, hierarchy)


def test_a_good_card_is_read(read, profile):
    expected = Card(
        uzi_number="900001234",
        card_type="Z",
        ura="90000382",
        role_code="01.015",
        agb_code="00000000",
        oid_ca="2.16.528.1.1007.99.217",
        first_names="Jan",
        last_name="Jansen",
        title="Arts",
        organisation_name="Tést Zorginstelling 03",
        not_valid_after=profile.not_after,
        serial_number=f"{profile.serial_number:x}",
    )

    assert expected == read(profile)


def test_a_card_of_type_n_is_read(ca, hierarchy, at, card_key):
    holder = Holder(card_type="N", role_code="00.000")
    certificate = ca.certify(holder, ca.profile(holder, Use.AUTHENTICATION, at), card_key)

    card = read_card(certificate.certificate, hierarchy)

    assert (card.card_type, card.role_code, card.title) == ("N", "00.000", None)


def test_the_real_test_card_is_read(real, hierarchy):
    card = read_card(real["authenticiteit"], hierarchy)

    assert (
        card.uzi_number,
        card.card_type,
        card.ura,
        card.role_code,
    ) == ("900016528", "Z", "90000382", "01.000")
    assert (card.first_names, card.last_name, card.title) == ("Jan", "test-90014548", "Arts")
    assert card.organisation_name == "Tést Zorginstelling 03"
    assert datetime(2020, 7, 12, 11, 39, 8, tzinfo=UTC) == card.not_valid_after
    assert card.serial_number == "102eeae84e94db65"


@pytest.mark.parametrize("other", ["handtekening", "vertrouwelijkheid"])
def test_the_real_test_cards_other_certificates_are_refused(real, hierarchy, other):
    with pytest.raises(WrongPolicy):
        read_card(real[other], hierarchy)


@pytest.mark.parametrize("use", [Use.SIGNATURE, Use.CONFIDENTIALITY])
def test_another_certificate_of_the_card_is_refused(ca, holder, at, read, use):
    with pytest.raises(WrongPolicy):
        read(ca.profile(holder, use, at))


def test_a_certificate_without_policies_is_refused(read, profile):
    with pytest.raises(WrongPolicy):
        read(profile.without(x509.CertificatePolicies))


def test_any_policy_is_not_the_authenticity_policy(read, profile):
    any_policy = x509.PolicyInformation(x509.ObjectIdentifier("2.5.29.32.0"), None)

    with pytest.raises(WrongPolicy):
        read(profile.replacing(x509.CertificatePolicies([any_policy])))


def test_a_test_card_is_refused_in_production(card):
    with pytest.raises(UnknownIssuer):
        read_card(card.certificate, load_hierarchy("production"))


@pytest.mark.parametrize(
    "usages",
    [
        (),
        ("content_commitment",),
        ("digital_signature", "content_commitment"),
        ("digital_signature", "key_encipherment"),
        ("digital_signature", "data_encipherment"),
        ("digital_signature", "key_agreement"),
        ("digital_signature", "key_cert_sign"),
        ("digital_signature", "crl_sign"),
    ],
)
def test_another_key_usage_than_digital_signature_alone_is_refused(read, profile, usages):
    with pytest.raises(WrongKeyUsage):
        read(profile.replacing(key_usage(*usages), critical=True))


def test_a_certificate_without_key_usage_is_refused(read, profile):
    with pytest.raises(WrongKeyUsage):
        read(profile.without(x509.KeyUsage))


@pytest.mark.parametrize(
    "use", [ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]
)
def test_an_extended_key_usage_without_client_auth_is_refused(read, profile, use):
    with pytest.raises(WrongExtendedKeyUsage):
        read(profile.replacing(x509.ExtendedKeyUsage([use])))


def test_a_certificate_without_extended_key_usage_is_refused(read, profile):
    with pytest.raises(WrongExtendedKeyUsage):
        read(profile.without(x509.ExtendedKeyUsage))


def test_an_authoritys_certificate_is_refused(read, profile):
    authority = x509.BasicConstraints(ca=True, path_length=None)

    with pytest.raises(CertificateOfAuthority):
        read(profile.replacing(authority, critical=True))


def test_a_certificate_that_does_not_deny_to_be_an_authoritys_is_refused(read, profile):
    with pytest.raises(CertificateOfAuthority):
        read(profile.without(x509.BasicConstraints))


@pytest.mark.parametrize(
    ("letter", "refusal"),
    [
        ("M", CardTypeNotAccepted),
        ("S", ServerCertificate),
        ("A", UnknownCardType),
        ("X", UnknownCardType),
    ],
)
def test_a_card_that_does_not_name_a_person_is_refused(read, profile, letter, refusal):
    with pytest.raises(refusal) as raised:
        read(profile.replacing(names(ACCOUNT, card_name("-Z-", f"-{letter}-"))))

    assert raised.type is refusal


@pytest.mark.parametrize("letter", ["Z", "N"])
def test_a_hierarchy_may_accept_fewer_types(ca, hierarchy, at, card_key, letter):
    holder = Holder(card_type=letter)
    issued = ca.certify(holder, ca.profile(holder, Use.AUTHENTICATION, at), card_key)

    with pytest.raises(CardTypeNotAccepted) as raised:
        read_card(issued.certificate, replace(hierarchy, accepted_card_types=frozenset()))

    assert raised.type is CardTypeNotAccepted


def test_a_card_that_names_nobody_is_refused_for_that_and_not_for_its_policy(
    ca, hierarchy, at, card_key
):
    holder = Holder(card_type="M", role_code="00.000")
    profile = ca.profile(holder, Use.AUTHENTICATION, at).without(x509.CertificatePolicies)
    certificate = ca.certify(holder, profile, card_key)

    with pytest.raises(CardTypeNotAccepted):
        read_card(certificate.certificate, hierarchy)


def test_a_letter_that_is_not_the_issuers_is_refused(read, profile):
    with pytest.raises(InconsistentIssuer):
        read(profile.replacing(names(ACCOUNT, card_name("-Z-", "-N-"))))


@pytest.mark.parametrize(
    "oid_ca", ["2.16.528.1.1007.99.218", "2.16.528.1.1003.1.3.5.5.2", "1.2.3"]
)
def test_an_oid_ca_that_is_not_the_issuers_is_refused(read, profile, oid_ca):
    with pytest.raises(InconsistentIssuer):
        read(profile.replacing(names(ACCOUNT, card_name("2.16.528.1.1007.99.217", oid_ca))))


def test_letter_and_oid_ca_of_another_product_are_refused(read, profile):
    other = Holder(card_type="N").card_name

    with pytest.raises(InconsistentIssuer):
        read(profile.replacing(names(ACCOUNT, other_name(CARD_NAME, 0x16, other))))


@pytest.mark.parametrize(
    ("oid", "values"),
    [
        (NameOID.COUNTRY_NAME, ["BE"]),
        (NameOID.ORGANIZATION_NAME, ["CIBG", "CIBG"]),
        (NameOID.ORGANIZATION_NAME, ["Another"]),
        (NameOID.ORGANIZATION_NAME, []),
        (NameOID.ORGANIZATION_IDENTIFIER, ["NTRNL-00000000"]),
        (NameOID.ORGANIZATION_IDENTIFIER, []),
        (NameOID.COMMON_NAME, ["TEST UZI-register Zorgverlener CA G4"]),
        (NameOID.COMMON_NAME, ["UZI-register Zorgverlener CA G3"]),
        (NameOID.COMMON_NAME, ["TEST UZI-register Zorgverlener CA G3"] * 2),
        (NameOID.COMMON_NAME, []),
    ],
)
def test_another_issuer_under_the_same_root_is_refused(read, profile, oid, values):
    issuer = with_attribute(profile.issuer, oid, *values)

    with pytest.raises(UnknownIssuer):
        read(replace(profile, issuer=issuer))


def test_a_certificate_without_alternative_name_is_refused(read, profile):
    with pytest.raises(MissingCardName):
        read(profile.without(x509.SubjectAlternativeName))


def test_an_alternative_name_without_the_card_name_is_refused(read, profile):
    with pytest.raises(MissingCardName):
        read(profile.replacing(names(x509.DNSName("example.nl"), ACCOUNT)))


def test_the_card_name_may_stand_anywhere_among_others(read, profile):
    mixed = names(x509.DNSName("example.nl"), card_name(), ACCOUNT)

    assert read(profile.replacing(mixed)).uzi_number == "900001234"


def test_a_doubled_card_name_is_refused(read, profile):
    with pytest.raises(DoubledCardName):
        read(profile.replacing(names(card_name(), ACCOUNT, card_name())))


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        (card_name("-1-", "-2-"), MalformedCardName),
        (card_name("900001234", "90000123"), MalformedUziNumber),
        (other_name(CARD_NAME, 0x0C, TEXT), WrongCardNameType),
    ],
    ids=["layout", "UZI number", "UTF8String"],
)
def test_a_malformed_card_name_is_refused(read, profile, name, refusal):
    with pytest.raises(refusal):
        read(profile.replacing(names(ACCOUNT, name)))


@pytest.mark.parametrize(
    ("account", "refusal"),
    [
        ("900001235@90000382", InconsistentAccountName),
        ("900001234@90000383", InconsistentSubscriber),
        ("900001234", MalformedAccountName),
        ("", MalformedAccountName),
    ],
)
def test_an_account_name_of_another_holder_is_refused(read, profile, account, refusal):
    other = other_name(ACCOUNT_NAME, 0x0C, account)

    with pytest.raises(refusal):
        read(profile.replacing(names(other, card_name())))


def test_a_doubled_account_name_is_refused(read, profile):
    with pytest.raises(DoubledAccountName):
        read(profile.replacing(names(ACCOUNT, card_name(), ACCOUNT)))


def test_a_card_without_account_name_is_refused(read, profile):
    with pytest.raises(MissingAccountName):
        read(profile.replacing(names(card_name())))


def test_in_a_hierarchy_without_account_names_there_is_nothing_to_compare(
    certify, profile, hierarchy
):
    certificate = certify(profile.replacing(names(card_name()))).certificate
    g4 = replace(hierarchy, account_name_required=False)

    assert read_card(certificate, g4).uzi_number == "900001234"


def test_where_no_account_name_is_needed_a_wrong_one_is_refused_still(certify, profile, hierarchy):
    other = other_name(ACCOUNT_NAME, 0x0C, "900001235@90000382")
    certificate = certify(profile.replacing(names(other, card_name()))).certificate

    with pytest.raises(InconsistentAccountName):
        read_card(certificate, replace(hierarchy, account_name_required=False))


def test_a_hierarchy_may_have_another_card_name(certify, profile, hierarchy):
    g4_name = x509.ObjectIdentifier("1.3.6.1.4.1.1466.115.121.1.26")
    permanent = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.3"), b"\x30\x00")
    mixed = names(permanent, ACCOUNT, other_name(g4_name, 0x16, TEXT))
    certificate = certify(profile.replacing(mixed)).certificate
    g4 = replace(hierarchy, card_name_type=g4_name.dotted_string)

    assert read_card(certificate, g4).uzi_number == "900001234"
    with pytest.raises(MissingCardName):
        read_card(certificate, hierarchy)


def test_a_subject_of_another_holder_is_refused(read, profile):
    subject = with_attribute(profile.subject, NameOID.SERIAL_NUMBER, "900001235")

    with pytest.raises(InconsistentSubject):
        read(replace(profile, subject=subject))


@pytest.mark.parametrize("values", [[], ["900001234", "900001234"]], ids=["missing", "doubled"])
def test_a_subject_without_one_number_is_refused(read, profile, values):
    subject = with_attribute(profile.subject, NameOID.SERIAL_NUMBER, *values)

    with pytest.raises(MalformedSubject):
        read(replace(profile, subject=subject))


@pytest.mark.parametrize("oid", [NameOID.GIVEN_NAME, NameOID.SURNAME, NameOID.ORGANIZATION_NAME])
@pytest.mark.parametrize(
    "values",
    [[], ["Jan", "Jan"], [" "], ["a\nb"], ["a\u202eb"], ["a\u2028b"], ["a\0b"]],
    ids=["missing", "doubled", "blank", "line feed", "direction", "line end", "NUL"],
)
def test_a_malformed_subject_is_refused(read, profile, oid, values):
    with pytest.raises(MalformedSubject):
        read(replace(profile, subject=with_attribute(profile.subject, oid, *values)))


def test_a_doubled_title_is_refused(read, profile):
    subject = with_attribute(profile.subject, NameOID.TITLE, "Arts", "Arts")

    with pytest.raises(MalformedSubject):
        read(replace(profile, subject=subject))


def test_a_card_may_have_no_title(read, profile):
    assert (
        read(replace(profile, subject=with_attribute(profile.subject, NameOID.TITLE))).title
        is None
    )


def test_names_keep_their_letters(read, profile):
    subject = with_attribute(profile.subject, NameOID.SURNAME, "d'Àçñ-van\u00a0Œ Ĳ")

    assert read(replace(profile, subject=subject)).last_name == "d'Àçñ-van\u00a0Œ Ĳ"


def test_the_policy_may_stand_among_others(read, profile):
    both = x509.CertificatePolicies(
        [
            x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None),
            *card_policies(Use.AUTHENTICATION),
        ]
    )

    assert read(profile.replacing(both)).uzi_number == "900001234"


def test_what_the_library_cannot_read_is_a_refusal():
    with pytest.raises(MalformedCertificate), parsing():
        raise x509.DuplicateExtension("twice", CARD_NAME)
