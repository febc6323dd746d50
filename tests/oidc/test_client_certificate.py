"""A client's certificate is believed by its path, and is one client's by its name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from pairing_server.oidc.client_certificate import CertificateError, believed, check_name
from pairing_server.registry.client_metadata import ClientMetadata, read
from pairing_server.uzi.client_cert import ClientCertificate
from pairing_server.uzi.revocation import read_revocation_list
from tests.card_tls import der
from tests.oidc.client_ca import SUBJECT, ClientCa

CA, OTHER_CA = ClientCa(), ClientCa("Other")
ROOTS = [CA.root.certificate]
NOW = datetime.now(UTC)


def shown(issued, *, with_chain=True):
    chain = tuple(map(der, issued.chain)) if with_chain else ()
    return ClientCertificate(der(issued.certificate), chain)


def metadata(**name):
    return read({"token_endpoint_auth_method": "tls_client_auth", **name})


@pytest.mark.parametrize(
    "usage",
    [
        (),
        (ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,),
    ],
)
def test_a_path_to_an_authority_is_believed(usage):
    issued = CA.issue(usage=usage)

    assert believed(shown(issued), ROOTS, NOW) == issued.certificate


def test_a_chain_is_no_longer_than_a_path():
    certificate = shown(CA.issue())

    assert believed(replace(certificate, chain=certificate.chain * 5), ROOTS, NOW)
    with pytest.raises(CertificateError):
        believed(replace(certificate, chain=certificate.chain * 6), ROOTS, NOW)


def test_an_issuer_may_be_an_authority_and_come_without_its_root():
    issued = CA.issue()

    assert believed(shown(issued, with_chain=False), [CA.issuing.certificate], NOW)


def test_a_path_is_believed_on_the_day_that_it_is_shown():
    issued = CA.issue(end=timedelta(days=400), start=timedelta(days=-10))

    for day in (timedelta(days=-5), timedelta(days=40)):
        with pytest.raises(CertificateError):
            believed(shown(issued), ROOTS, NOW + day)


REFUSED = {
    "no authorities": (shown(CA.issue()), []),
    "another authority": (shown(OTHER_CA.issue()), ROOTS),
    "no issuer": (shown(CA.issue(), with_chain=False), ROOTS),
    "over": (shown(CA.issue(end=timedelta(minutes=-1))), ROOTS),
    "not yet": (shown(CA.issue(start=timedelta(minutes=1))), ROOTS),
    "of a client's certificate": (shown(CA.issue(by=CA.issue("CN=other"))), ROOTS),
    "for servers": (shown(CA.issue(usage=(ExtendedKeyUsageOID.SERVER_AUTH,))), ROOTS),
    "no certificate": (ClientCertificate(b"x"), ROOTS),
    "no certificate in the chain": (
        ClientCertificate(der(CA.issue().certificate), (b"x",)),
        ROOTS,
    ),
}


@pytest.mark.parametrize(("certificate", "authorities"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_believed(certificate, authorities):
    with pytest.raises(CertificateError):
        believed(certificate, authorities, NOW)


LISTED = CA.issue()
DAY = timedelta(days=1)


def lists(*made):
    return [read_revocation_list(one) for one in made]


def test_what_its_issuers_list_names_is_not_believed():
    with pytest.raises(CertificateError, match="card_revoked"):
        believed(shown(LISTED), ROOTS, NOW, lists(CA.revocation_list(LISTED)))


def test_what_a_stale_list_names_is_not_believed_either():
    stale = CA.revocation_list(LISTED, start=-2 * DAY, end=-DAY)
    with pytest.raises(CertificateError, match="card_revoked"):
        believed(shown(LISTED), ROOTS, NOW, lists(stale, CA.revocation_list()))


def test_an_authority_that_is_revoked_vouches_for_nobody():
    of_root = CA.revocation_list(CA.issuing, by=CA.root)
    with pytest.raises(CertificateError, match="card_revoked"):
        believed(shown(LISTED), ROOTS, NOW, lists(of_root))


def test_a_list_that_ran_out_clears_nobody():
    stale = CA.revocation_list(start=-2 * DAY, end=-DAY)
    with pytest.raises(CertificateError, match="revocation_unknown"):
        believed(shown(LISTED), ROOTS, NOW, lists(stale))
    assert believed(shown(LISTED), ROOTS, NOW, lists(stale, CA.revocation_list()))


def test_a_list_of_another_authority_says_nothing():
    others = OTHER_CA.revocation_list(LISTED)
    namesake = ClientCa().revocation_list(LISTED)
    assert believed(shown(LISTED), ROOTS, NOW, lists(others, namesake))


def test_where_no_list_is_known_the_operator_says_who_is_gone():
    assert believed(shown(LISTED), ROOTS, NOW, ())


def test_the_name_is_the_registered_one_whole():
    certificate = CA.issue().certificate

    check_name(certificate, metadata(tls_client_auth_subject_dn=SUBJECT))
    for other in (
        "CN=xis.example",
        SUBJECT.replace("xis", "his"),
        SUBJECT.replace("90000382", "90000383"),
        "C=NL,O=De Linde,serialNumber=90000382,CN=xis.example",
    ):
        with pytest.raises(CertificateError):
            check_name(certificate, metadata(tls_client_auth_subject_dn=other))


def test_the_name_of_a_host_is_one_of_those_in_the_certificate():
    certificate = CA.issue(hosts=("www.xis.example", "XIS.example")).certificate

    check_name(certificate, metadata(tls_client_auth_san_dns="xis.EXAMPLE"))
    for host in ("example", "a.xis.example", "*.xis.example"):
        with pytest.raises(CertificateError):
            check_name(certificate, metadata(tls_client_auth_san_dns=host))
    with pytest.raises(CertificateError):
        check_name(CA.issue().certificate, metadata(tls_client_auth_san_dns="xis.example"))


def test_the_common_name_is_the_registered_one_whole_and_the_only_one():
    certificate = CA.issue().certificate
    registered = metadata(tls_client_auth_subject_cn="XIS.example")

    check_name(certificate, registered)
    check_name(CA.issue("CN=xis.EXAMPLE").certificate, registered)
    for subject in (
        "CN=his.example",
        "CN=a.xis.example",
        "CN=xis.example.org",
        "CN=*.example",
        "CN=xis.example+CN=his.example",
        "CN=xis.example,CN=his.example",
        "CN=his.example,CN=xis.example",
        "O=xis.example",
    ):
        with pytest.raises(CertificateError):
            check_name(CA.issue(subject).certificate, registered)
    with pytest.raises(CertificateError):
        check_name(CA.issue("CN=his.example", hosts=("xis.example",)).certificate, registered)


def test_who_is_registered_with_no_name_has_none():
    with pytest.raises(CertificateError):
        check_name(CA.issue().certificate, ClientMetadata())


LEAF = der(CA.issue().certificate)


one_byte_changed = st.integers(0, len(LEAF) - 1).map(
    lambda at: LEAF[:at] + b"\xff" + LEAF[at + 1 :]
)


# What is only warned of, by the library, is refused for its signature.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Attribute's length:UserWarning")
@given(st.binary() | one_byte_changed)
def test_any_bytes_are_the_certificate_or_refused(raw):
    try:
        found = believed(ClientCertificate(raw, (der(CA.issuing.certificate),)), ROOTS, NOW)
    except CertificateError:
        return
    assert der(found) == LEAF
